"""APNs: columns of requests, and the byte-exact size rule."""

from __future__ import annotations

import json
import uuid

import pytest

from apns_fixtures import APP, CREDENTIAL, TOKEN, rows
from provider_pushes import PUSH_ID, push
from pushwarden.core.device import Rows
from pushwarden.core.outcome import Blame, Ending, Retry
from pushwarden.core.push import Push, PushType
from pushwarden.core.scope import Environment
from pushwarden.providers.apns import APNS
from pushwarden.providers.apns.render import apns_ids, row_of
from pushwarden.providers.port import Envelope


def render(sent: Push, slice_: Rows) -> Envelope:
    (envelope,) = APNS.render(sent, APP, CREDENTIAL, slice_)
    return envelope


def bodies(envelope: Envelope) -> list[bytes]:
    return envelope.body if isinstance(envelope.body, list) else [envelope.body] * envelope.count


@pytest.mark.parametrize("seqs", [[0], [5, 7, 2**48 - 1], range(1000, 1003), [], range(0)])
def test_an_apns_id_is_a_uuid_that_names_push_and_device(seqs: list[int] | range) -> None:
    ids = apns_ids(PUSH_ID, seqs)
    assert [row_of(one) for one in ids] == [(PUSH_ID, seq) for seq in seqs]
    assert all(str(uuid.UUID(one.decode())) == one.decode() for one in ids)


def test_a_constant_body_is_one_cell_and_the_path_a_column() -> None:
    envelope = render(push(title="Hi"), Rows([3, 9], [b"aa", b"bb"]))
    assert envelope.body == b'{"aps":{"alert":{"title":"Hi"}}}'
    assert envelope.path == [b"/3/device/aa", b"/3/device/bb"]
    assert (envelope.count, envelope.rows, envelope.refused) == (2, None, ())


def test_a_template_fills_each_row_with_its_own_values() -> None:
    sent = push(title="Hi {{user}}", body="{{user}} runs {{build}}", data={"deep": ["{{installation_id}}"]})
    assert APNS.columns(sent) == ("user", "build", "installation_id")
    envelope = render(sent, rows(2, user=["ann", "bob"], build=["1", "2"], installation_id=["i1", "i2"]))
    assert [json.loads(body) for body in bodies(envelope)] == [
        {"aps": {"alert": {"title": f"Hi {user}", "body": f"{user} runs {build}"}}, "deep": [device]}
        for user, build, device in [("ann", "1", "i1"), ("bob", "2", "i2")]
    ]


HOSTILE = ['say "hi"', "back\\slash", "line\nbreak", "tab\tnul\x00", '","', '"}}', "{{user}}", "é€😀", "\u2028", ""]


@pytest.mark.parametrize("user", HOSTILE)
def test_a_value_cannot_leave_its_string(user: str) -> None:
    for title in ("Hi {{user}}", "{{user}}{{user}}"):
        envelope = render(push(title=title), rows(3, user=["plain", user, "plain"]))
        titles = [json.loads(body)["aps"]["alert"]["title"] for body in bodies(envelope)]
        assert titles == [title.replace("{{user}}", value) for value in ("plain", user, "plain")]


def test_half_a_character_in_a_value_becomes_the_replacement_character() -> None:
    envelope = render(push(title="Hi {{user}}"), rows(1, user=["a\ud800b"]))
    assert json.loads(bodies(envelope)[0])["aps"]["alert"]["title"] == "Hi a\ufffdb"


def test_raw_tokens_have_no_values_and_get_empty_text() -> None:
    assert bodies(render(push(title="Hi {{user}}"), rows(1))) == [b'{"aps":{"alert":{"title":"Hi "}}}']


def test_a_slice_without_rows_makes_no_requests() -> None:
    for title in ("Hi", "Hi {{user}}", "{{user}} {{build}}"):
        envelope = render(push(title=title), rows(0, user=[], build=[]))
        assert (envelope.count, envelope.path, envelope.refused) == (0, [], ())


@pytest.mark.parametrize(("kind", "limit"), [(PushType.ALERT, 4096), (PushType.VOIP, 5120)])
@pytest.mark.parametrize("letter", ["x", "é", "€", "😀"])
def test_the_size_rule_counts_bytes_to_the_last_one(kind: PushType, limit: int, letter: str) -> None:
    sent = push(kind, title="{{user}}")
    overhead = len(bodies(render(sent, rows(1, user=[""])))[0])
    width = len(letter.encode())
    fits = letter * ((limit - overhead) // width) + "x" * ((limit - overhead) % width)
    envelope = render(sent, rows(3, user=[fits + "x", fits, "short"]))
    assert list(envelope.rows or ()) == [1, 2]
    assert len(bodies(envelope)[0]) == limit
    ((row, outcome),) = envelope.refused
    assert row == 0
    assert (outcome.ending, outcome.reason, outcome.blame, outcome.retry) == (
        Ending.REFUSED, "PayloadTooLarge", Blame.MESSAGE, Retry.NEVER,
    )  # fmt: skip


def test_refused_rows_leave_every_column_in_step() -> None:
    slice_ = Rows([10, 11, 12], [b"aa", b"bb", b"cc"], {"user": ["a", "x" * 5000, "c"]})
    envelope = render(push(title="{{user}}"), slice_)
    ids = dict(envelope.headers)[b"apns-id"]
    assert [row_of(one)[1] for one in ids if isinstance(one, bytes)] == [10, 12]
    assert envelope.path == [b"/3/device/aa", b"/3/device/cc"]
    assert (envelope.count, len(bodies(envelope)), list(envelope.rows or ())) == (2, 2, [0, 2])


def test_a_body_too_large_for_all_refuses_every_row() -> None:
    envelope = render(push(title="x" * 5000), rows(3))
    assert (envelope.count, [row for row, _ in envelope.refused]) == (0, [0, 1, 2])


def test_a_fan_out_keeps_its_own_headers_constant_and_few_pushes_keep_them_out_of_the_table() -> None:
    many, few = dict(render(push(title="Hi"), rows(100)).headers), dict(render(push(title="Hi"), rows(1)).headers)
    assert many[b"apns-expiration"] == b"1700003600"
    assert few[b"apns-expiration"] == [b"1700003600"]
    assert many[b"apns-topic"] == few[b"apns-topic"] == b"com.acme.shop"


def test_an_mdm_push_takes_the_topic_of_its_certificate() -> None:
    named = CREDENTIAL.__class__(
        **{name: getattr(CREDENTIAL, name) for name in CREDENTIAL.__slots__ if name != "facts"},
        facts={"topics": ["com.apple.mgmt.External.1"]},
    )
    (envelope,) = APNS.render(push(PushType.MDM, data={"mdm": "magic"}), APP, named, rows())
    assert dict(envelope.headers)[b"apns-topic"] == b"com.apple.mgmt.External.1"


def test_simulated_pushes_name_no_host_that_resolves() -> None:
    assert APNS.origin(Environment.SIMULATED).host.endswith(".invalid")
    assert APNS.origin(Environment.PRODUCTION, 2197).authority == b"api.push.apple.com:2197"
    assert APNS.origin(Environment.SANDBOX).authority == b"api.sandbox.push.apple.com"


def test_no_token_shows_in_the_repr_of_rows() -> None:
    assert TOKEN.decode() not in repr(rows(1))
