"""An audience becomes shards whose widths add up to it; a push gets its class, its times and its id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.device import LEAST_LOT, Audience
from pushwarden.core.lane import Class, Lane
from pushwarden.core.push import Push, PushType
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import SHARD_WIDTH, ShardKind
from pushwarden.dataplane.intake.parse import Parsed, parse
from pushwarden.dataplane.intake.plan import packed, plan_list, plan_range, plan_tokens, push_id, push_of, token_kind

WHERE = Scope("acme", "shop", Environment.SIMULATED)
NOW = 1_800_000_000_000
APNS = {"apns": ""}


def parsed(to: dict[str, Any], **fields: Any) -> Parsed:
    return parse(msgspec.json.encode({"to": to, "title": "t"} | fields))


def push(to: dict[str, Any], **fields: Any) -> Push:
    return push_of(parsed(to, **fields), WHERE, NOW)


def audience(number: int, next_seq: int, provider: str = "apns") -> Audience:
    return Audience(number, "acme", "shop", Environment.SIMULATED, provider, "alert", next_seq, next_seq)


@given(st.lists(st.integers(0, 40_000), max_size=4))
def test_range_shards_cover_every_seq_exactly_once(sizes: list[int]) -> None:
    audiences = [audience(number + 1, size) for number, size in enumerate(sizes)]
    plan = plan_range(push({"all": True}), audiences, APNS)
    for one in audiences:
        spans = [(shard.lo, shard.lo + shard.width) for shard in plan.shards if shard.audience == one.id]
        assert [lo for lo, _ in spans] == [0, *[hi for _, hi in spans[:-1]]][: len(spans)]
        assert (spans[-1][1] if spans else 0) == one.next_seq
    assert all(0 < shard.width <= SHARD_WIDTH for shard in plan.shards)
    assert plan.estimated == sum(sizes)


@given(st.lists(st.integers(0, 2**40), max_size=20_000, unique=True).map(sorted))
def test_list_shards_hold_every_seq_once_in_order(seqs: list[int]) -> None:
    plan = plan_list(push({"users": ["u"]}), {7: seqs}, {7: audience(7, 2**41)}, APNS)
    assert b"".join(shard.members for shard in plan.shards) == packed(seqs)
    assert sum(shard.width for shard in plan.shards) == len(seqs) == plan.estimated
    assert all(shard.kind is ShardKind.LIST and 0 < shard.width <= SHARD_WIDTH for shard in plan.shards)


def test_a_provider_without_credential_is_left_out_and_counted() -> None:
    plan = plan_range(push({"all": True}), [audience(1, 10), audience(2, 5, "fcm")], APNS)
    assert [shard.audience for shard in plan.shards] == [1]
    assert (plan.estimated, plan.left_out) == (10, {"fcm": 5})


def test_devices_that_nobody_has_sent_to_go_into_the_suspect_lane() -> None:
    known = replace(audience(1, 30_000), proven_seq=10_000)
    shards = plan_range(push({"all": True}), [known], APNS).shards
    lanes = [(Lane.parse(shard.lane).klass, shard.lo, shard.width) for shard in shards]
    assert lanes == [
        (Class.BULK, 0, 8192), (Class.BULK, 8192, 1808),
        (Class.SUSPECT, 10_000, 8192), (Class.SUSPECT, 18_192, 8192), (Class.SUSPECT, 26_384, 3616),
    ]  # fmt: skip


def test_few_new_devices_do_not_wait_and_a_proven_audience_is_cut_as_ever() -> None:
    few = replace(audience(1, 8192 + LEAST_LOT - 1), proven_seq=8192)
    shards = plan_range(push({"all": True}), [few], APNS).shards
    assert [(Lane.parse(shard.lane).klass, shard.lo, shard.width) for shard in shards] == [
        (Class.BULK, 0, 8192), (Class.BULK, 8192, LEAST_LOT - 1),
    ]  # fmt: skip
    whole = plan_range(push({"all": True}), [replace(audience(1, 20_000), proven_seq=20_000)], APNS).shards
    assert {Lane.parse(shard.lane).klass for shard in whole} == {Class.BULK} and len(whole) == 3


def test_an_urgent_push_to_all_waits_for_no_sample() -> None:
    (shard,) = plan_range(push({"all": True}, type="pushtotalk"), [audience(1, 500)], APNS).shards
    assert Lane.parse(shard.lane).klass is Class.URGENT


def test_tokens_make_one_shard_that_names_no_audience() -> None:
    one = parsed({"tokens": ["AB" * 32, "cd" * 32]})
    (shard,) = plan_tokens(push_of(one, WHERE, NOW), one.target, APNS).shards
    assert (shard.kind, shard.audience, shard.width) == (ShardKind.TOKENS, 0, 2)
    assert shard.members == b"ab" * 32 + b"\n" + b"cd" * 32
    assert Lane.parse(shard.lane) == Lane("acme", "shop", Environment.SIMULATED, "apns", Class.NORMAL)


def test_a_ring_is_urgent_a_fan_out_is_bulk_the_rest_is_normal() -> None:
    classes = {
        Class.URGENT: [push({"user": "u"}, type="voip"), push({"user": "u"}, type="pushtotalk")],
        Class.NORMAL: [push({"user": "u"}), push({"device": "d"}, priority="high"), push({"users": ["u", "v"]})],
        Class.BULK: [push({"all": True}), push({"tags": "a"}), push({"users": [f"u{n}" for n in range(300)]})],
    }
    assert all(one.klass is klass for klass, pushes in classes.items() for one in pushes)


def test_life_counts_from_when_the_push_is_due() -> None:
    later = push({"user": "u"}, ttl=60, not_before=NOW // 1000 + 3600)
    assert (later.not_before, later.expires_at) == (NOW + 3_600_000, NOW + 3_660_000)
    assert push({"user": "u"}).expires_at == NOW + 86_400_000
    assert push({"user": "u"}, type="voip").expires_at == NOW + 30_000


def test_a_ttl_of_zero_is_not_stored_but_has_ten_seconds_to_leave() -> None:
    once = push({"user": "u"}, type="pushtotalk")
    assert (once.expires_at, once.deadline) == (NOW, NOW + 10_000)
    assert push({"user": "u"}, ttl=5).deadline == NOW + 5_000


def test_a_push_due_in_the_past_is_due_now() -> None:
    plan = plan_range(push({"all": True}, not_before=1), [audience(1, 1)], APNS)
    assert plan.shards[0].due_at == NOW


def test_priority_follows_the_type_unless_said() -> None:
    assert [push({"user": "u"}, type=str(one)).priority for one in (PushType.ALERT, PushType.BACKGROUND)] == [
        "high", "normal",
    ]  # fmt: skip
    assert push({"user": "u"}, priority="normal").priority == "normal"


def test_a_live_activity_starts_by_the_push_to_start_token() -> None:
    start = parsed({"user": "u"}, type="liveactivity", apns={"aps": {"event": "start"}})
    update = parsed({"user": "u"}, type="liveactivity", apns={"aps": {"event": "update"}})
    assert (token_kind(start), token_kind(update)) == ("liveactivity-start", "liveactivity")
    assert token_kind(parsed({"user": "u"}, type="background")) == "alert"


def test_push_ids_sort_by_time_and_are_twenty_hex_digits() -> None:
    earlier, later = push_id(NOW), push_id(NOW + 1)
    assert len(earlier) == 20 and int(earlier, 16) >> 32 == NOW
    assert earlier < later
