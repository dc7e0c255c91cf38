"""Fresh single pushes stand together: in one request batch where their constants are the same, each its own owner."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.lanes_fixtures import a_push, a_work

from pushwarden.core.shard import ShardKind
from pushwarden.dataplane.lanes.slices import Bundle, Slice
from pushwarden.dataplane.lanes.together import MOST_TOGETHER, first_of, joined, together
from pushwarden.dataplane.lanes.work import Work
from pushwarden.providers.port import Authorization, Cell, Envelope, Origin

NORMAL = "acme/shop/simulated/apns/normal"


def a_single(width: int = 1, lane: str = NORMAL) -> Work:
    """As its first claim gives it: issued whole."""
    return a_work(width, kind=ShardKind.LIST, lane=lane, issued=width, members=bytes(8 * width))


def a_part(work: Work, topic: bytes, ids: list[bytes], body: Cell = b"{}") -> Slice:
    headers: tuple[tuple[bytes, Cell], ...] = ((b"apns-topic", topic), (b"apns-id", ids))
    envelope = Envelope(Origin("localhost", 443), headers, [b"/" + one for one in ids], body, len(ids))
    return Slice(work, envelope, 0.0, 0, None, ids)


def test_fresh_shards_of_a_lane_go_together_and_the_others_one_by_one() -> None:
    wide, begun, retried = a_work(8192), a_single(), a_single()
    begun.next = 1
    retried.shard = replace(retried.shard, attempt=1)
    elsewhere = a_single(lane="acme/other/simulated/apns/normal")
    first, second, third = a_single(), a_single(3), a_single()
    groups = [*together([first, second, begun, wide, third, elsewhere, retried])]
    assert groups == [[first, second], [begun], [wide], [third], [elsewhere], [retried]]


def test_no_more_are_read_at_once_than_are_soon_written() -> None:
    groups = [*together([a_single() for _ in range(2 * MOST_TOGETHER + 1)])]
    assert [len(group) for group in groups] == [MOST_TOGETHER, MOST_TOGETHER, 1]


def test_no_more_recipients_are_read_than_there_is_room_for() -> None:
    works = [a_single(3), a_single(3), a_single(3)]
    assert first_of(works, 8) == works[:2]
    assert first_of(works, 2) == []


def test_requests_with_the_same_constants_become_columns_in_their_order() -> None:
    one, two, three = a_single(), a_single(2), a_single()
    parts = [
        a_part(one, b"shop", [b"a"], b"1"),
        a_part(two, b"shop", [b"b", b"c"], [b"2", b"3"]),
        a_part(three, b"other", [b"d"]),
    ]
    shop, other = joined(parts)
    requests = shop.addressed(Authorization("key", ((b"authorization", b"bearer"),)), b"localhost")
    assert (requests.count, requests.path, requests.body) == (3, [b"/a", b"/b", b"/c"], [b"1", b"2", b"3"])
    assert requests.headers == (
        (b"apns-topic", b"shop"), (b"apns-id", [b"a", b"b", b"c"]), (b"authorization", b"bearer"),
    )  # fmt: skip
    assert (other.body, other.owners) == ([b"{}"], [(parts[2], 0)])
    assert Bundle(shop.owners, 0.0).parts([2, 0]) == [(parts[1], (1,)), (parts[0], (0,))]
    assert parts[0].envelope.path == [b"/a"]


def test_a_shard_whose_rows_are_all_written_rests_until_an_answer_comes() -> None:
    work = a_single()
    assert not work.rests
    work.next = 1
    assert work.rests
    work.again.append(0)
    assert not work.rests
    work.again.clear()
    work.waiting.append((0, 5))
    assert not work.rests


def test_a_shard_an_earlier_sender_held_is_not_fresh() -> None:
    assert a_single().fresh
    assert not a_work(1, kind=ShardKind.LIST, lane=NORMAL, issued=1, members=bytes(8), crashes=1).fresh
    assert not a_work(1, a_push(), kind=ShardKind.LIST, lane=NORMAL, members=bytes(8)).fresh
