"""Many pushes in one request: an answer an item, in order; one that is refused does not hinder the others."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake_fixtures import BASE, WHERE, House, opened
from pushwarden.dataplane.intake.batch import CHUNK, lines
from pushwarden.dataplane.intake.request import BODY_LIMIT

NDJSON = {"content_type": "application/x-ndjson"}


def hello(number: int) -> dict[str, Any]:
    return {"to": {"user": f"u{number}"}, "title": f"Hello {number}"}


def ndjson(items: list[Any]) -> bytes:
    return b"".join(item if isinstance(item, bytes) else json.dumps(item).encode() + b"\n" for item in items)


async def answers(house: House, items: list[Any], **headers: str) -> list[Any]:
    answer = await house.post(ndjson(items), path="/pushes:batch", **NDJSON, **headers)
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_each_item_is_answered_in_order_and_a_bad_one_hinders_no_other(tmp_path: Path, form: str) -> None:
    items = [hello(0), {"to": {"user": "u1"}, "title": "x" * 9000}, hello(1), {"nonsense": 1}, 7, hello(2)]

    async def story() -> None:
        async with opened("sqlite", tmp_path, 3) as house:
            if form == "array":
                said = (await house.post(items, path="/pushes:batch")).json()
            else:
                said = await answers(house, items)
            codes = [item["error"]["code"] if "error" in item else item["estimated"] for item in said]
            assert codes == [1, "payload_too_large", 1, "unknown_field", "invalid", 1]
            assert said[3]["error"]["field"] == "nonsense"
            listed = (await house.get("/pushes")).json()["pushes"]
            assert {one["id"] for one in listed} == {said[at]["id"] for at in (0, 2, 5)}
            assert len(house.bell.rung) == 1, "one ring for the whole commit"

    asyncio.run(story())


def test_a_long_batch_is_taken_chunk_by_chunk(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened("sqlite", tmp_path, 3) as house:
            said = await answers(house, [hello(number % 3) for number in range(3 * CHUNK + 5)])
            assert len({item["id"] for item in said}) == 3 * CHUNK + 5

    asyncio.run(story())


def test_a_batch_sent_again_with_its_key_sends_nothing_twice(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened("sqlite", tmp_path, 3) as house:
            items = [hello(0), {"bad": 1}, hello(1)]
            first = await answers(house, items, idempotency_key="night")
            again = await answers(house, items, idempotency_key="night")
            assert [item.get("id") for item in again] == [item.get("id") for item in first]
            assert [item.get("replayed") for item in again] == [True, None, True]
            other = await answers(house, [hello(2)], idempotency_key="night")
            assert other[0]["error"]["code"] == "idempotency_mismatch"

    asyncio.run(story())


def test_a_truncated_last_line_is_answered_as_malformed(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path, 3) as house:
            said = await answers(house, [hello(0), b'{"to":{"us'])
            assert "id" in said[0] and said[1]["error"]["code"] == "malformed"

    asyncio.run(story())


def test_a_batch_that_is_too_long_is_answered_up_to_where_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushwarden.dataplane.intake.batch.LINES_LIMIT", 3)

    async def story() -> None:
        async with opened("memory", tmp_path, 3) as house:
            said = await answers(house, [hello(0)] * 5)
            assert [item.get("error", {}).get("code") for item in said] == [None, None, None, "body_too_large"]
            assert len((await house.get("/pushes")).json()["pushes"]) == 3

    asyncio.run(story())


def test_an_oversized_line_is_refused_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path, 3) as house:
            said = await answers(house, [hello(0), b"x" * (BODY_LIMIT + 5) + b"\n", hello(1)])
            assert [item.get("error", {}).get("code") for item in said] == [None, "body_too_large", None]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[" + b"1," * 2 * 10**6 + b"1]", "body_too_large"),
        (b"[" + b",".join([b"1"] * 10_001) + b"]", "invalid"),
        (b'{"to":{}}', "invalid"),
        (b'[{"to":', "malformed"),
        (b"", "malformed"),
    ],
)
def test_an_array_that_is_none_or_too_long_is_refused_whole(tmp_path: Path, data: bytes, code: str) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path, 3) as house:
            answer = await house.post(data, path="/pushes:batch")
            assert answer.json()["code"] == code and answer.status_code < 500

    asyncio.run(story())


def test_a_stopped_app_refuses_every_item(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path, 3) as house:
            house.fence.stop(WHERE, house.clock.ms)
            said = await answers(house, [hello(0), hello(1) | {"when_stopped": "hold"}])
            assert said[0]["error"]["code"] == "stopped" and said[1]["state"] == "held"

    asyncio.run(story())


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_lines_do_not_depend_on_how_the_body_is_cut(data: bytes, cuts: list[int]) -> None:
    async def cut() -> AsyncIterator[bytes]:
        places = sorted({min(place, len(data)) for place in cuts} | {0, len(data)})
        for start, end in itertools.pairwise(places):
            yield data[start:end]

    async def gathered() -> list[bytes]:
        return [line async for some in lines(cut()) for line in some]

    assert asyncio.run(gathered()) == [line for line in data.split(b"\n") if line.strip()]


def test_the_address_of_the_batch_is_its_own(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened("memory", tmp_path) as house, house.client() as client:
            assert (await client.get(f"{BASE}/pushes:batch")).status_code == 405

    asyncio.run(story())
