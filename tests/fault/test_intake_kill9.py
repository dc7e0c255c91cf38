"""An api that dies after its commit and before its answer: the repeat under the key is a replay, not a second push."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from intake_fixtures import House, opened
from pushwarden.ports.journal import Acceptance, Accepted, Sheet

NDJSON = "application/x-ndjson"
PLAIN = {"to": {"user": "u1"}, "title": "Once"}
LOOKED_AT = {"to": {"users": ["u1", "u2"]}, "title": "Once"}
BATCH = [PLAIN, {"to": {"user": "u2"}, "title": "Twice?"}, {"bad": 1}, LOOKED_AT]


async def ask(house: House, form: str) -> list[dict[str, Any]]:
    if form == "batch":
        lines = b"".join(json.dumps(one).encode() + b"\n" for one in BATCH)
        answer = await house.post(lines, path="/pushes:batch", content_type=NDJSON, idempotency_key="night")
        return [json.loads(line) for line in answer.text.splitlines()]
    answer = await house.post(PLAIN if form == "plain" else LOOKED_AT, idempotency_key="night")
    return [answer.json()]


def die_after_the_commit(folder: str, form: str) -> None:
    """In a process of its own: every store call that accepts is the last thing it does."""

    async def story() -> None:
        async with opened("sqlite", Path(folder), 3) as house:
            accept, accept_sheet = house.journal.accept, house.journal.accept_sheet

            async def each(items: list[Acceptance]) -> list[Accepted | Exception]:
                done: list[Accepted | Exception] = await accept(items)
                os.kill(os.getpid(), signal.SIGKILL)
                return done

            async def sheet(items: Sheet) -> dict[int, Accepted | Exception]:
                done: dict[int, Accepted | Exception] = await accept_sheet(items)
                if form == "plain":
                    os.kill(os.getpid(), signal.SIGKILL)
                return done

            house.journal.accept, house.journal.accept_sheet = each, sheet
            await ask(house, form)

    asyncio.run(story())


@pytest.mark.parametrize(("form", "pushes"), [("plain", 1), ("looked-at", 1), ("batch", 3)])
def test_a_push_whose_answer_was_lost_is_replayed_and_there_is_one(tmp_path: Path, form: str, pushes: int) -> None:
    script = (
        f"import test_intake_kill9 as t, pathlib; t.die_after_the_commit(pathlib.Path({str(tmp_path)!r}), {form!r})"
    )
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    died = subprocess.run([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": paths}, check=False)
    assert died.returncode == -signal.SIGKILL

    async def story() -> None:
        async with opened("sqlite", tmp_path) as house:
            listed = {one["id"] for one in (await house.get("/pushes")).json()["pushes"]}
            assert len(listed) == pushes, "what was committed is there"
            said = [one for one in await ask(house, form) if "error" not in one]
            assert {one["id"] for one in said} == listed
            assert all(one["replayed"] for one in said)
            assert len((await house.get("/pushes")).json()["pushes"]) == pushes
            assert not house.bell.rung

    asyncio.run(story())
