"""Single pushes due later, or over soon, while the provider asks for time: each ends once, none early, none late.

Played by `./dev soak singles100k` on the whole product; the judge is the simulator's own log.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pushwarden.bench.house import House, counts
from pushwarden.bench.procs import say
from pushwarden.simulators.log import Frame, read

SPREAD_MS = 60_000
"""Over which the pushes fall due, and for how long the provider now and then asks for time."""
BUSY = {"do": "refuse", "status": 503, "reason": "ServiceUnavailable", "retry_after": "1", "share": 0.003}
LONG_TTL, SHORT_TTLS = 3600, (1, 20)
"""Seconds. Those that live shortly run out wherever the lane waits."""
USERS = 10_000
BATCH = 10_000
PAGE = 1000
LOOK = 5.0
PATIENCE = 600.0
IN_TRANSIT_MS = 250
"""What was written before its end may be read so much later by a simulator that waits for a CPU."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller said. not_before: Unix ms, 0 for at once; ttl: seconds."""

    not_before: int
    ttl: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What the API says of a push: its fates that are not zero, and when it was accepted (Unix ms)."""

    fates: Mapping[str, int]
    accepted_at: int


def play(house: House, count: int, seed: int) -> dict[str, Any]:
    """The counts of so many pushes; ok when each ended once, in its time."""
    began = time.monotonic()
    house.fill(0, USERS)
    house.script({**BUSY, "until_s": SPREAD_MS / 1000})
    house.skip_log()
    asked = dict(_accepted(house, [*_mixture(count, random.Random(seed))]))
    say(f"{len(asked):,} accepted")
    ended = _ended(house, count)
    house.stage.control("POST", "/flush")
    told = judged(asked, ended, _frames(house), time.time_ns() - time.monotonic_ns())
    return told | {"seconds": round(time.monotonic() - began, 1)}


def _mixture(count: int, chance: random.Random) -> Iterator[Asked]:
    """At once or later, for long or for a moment, a quarter each."""
    now = time.time_ns() // 1_000_000
    for number in range(count):
        due = now + chance.randrange(SPREAD_MS) if number % 2 else 0
        yield Asked(due, chance.randint(*SHORT_TTLS) if number % 4 < 2 else LONG_TTL)


def _accepted(house: House, asked: list[Asked]) -> Iterator[tuple[str, Asked]]:
    """By push id."""
    for first in range(0, len(asked), BATCH):
        some = asked[first : first + BATCH]
        content = b"".join(_line(first + at, one) for at, one in enumerate(some))
        headers = {"authorization": f"Bearer {house.stage.key}", "content-type": "application/x-ndjson"}
        answer = house.stage.client.post(
            f"{house.stage.url}{house.base}/pushes:batch", content=content, headers=headers
        )
        yield from zip([json.loads(line)["id"] for line in answer.text.splitlines()], some, strict=True)


def _line(number: int, one: Asked) -> bytes:
    body: dict[str, Any] = {"to": {"user": f"user-{number % USERS}"}, "title": f"Order {number}", "ttl": one.ttl}
    if one.not_before:
        body["not_before"] = one.not_before / 1000
    return json.dumps(body).encode() + b"\n"


def _ended(house: House, count: int) -> dict[str, Ended]:
    """All of them, once none is left. TimeoutError when that takes too long."""
    until = time.monotonic() + PATIENCE
    while len(ended := dict(_done(house))) < count:
        say(f"{len(ended):,} of {count:,} ended")
        if time.monotonic() > until:
            raise TimeoutError(f"{count - len(ended)} of {count} pushes are open after {PATIENCE:g} s.")
        time.sleep(LOOK)
    return ended


def _done(house: House) -> Iterator[tuple[str, Ended]]:
    before = ""
    while True:
        page = house.stage.call("GET", f"{house.base}/pushes?limit={PAGE}" + (f"&before={before}" if before else ""))
        for one in page["pushes"]:
            if one["state"] == "done":
                fates = {fate: number for fate, number in counts(one).items() if number}
                yield one["id"], Ended(fates, int(1000 * datetime.fromisoformat(one["accepted_at"]).timestamp()))
        if len(page["pushes"]) < PAGE:
            return
        before = page["pushes"][-1]["id"]


def _frames(house: House) -> dict[str, list[Frame]]:
    found = defaultdict(list)
    for frame in read(house.stage.frames, house.at):
        found[frame.apns_id[:10].hex()].append(frame)
    return found


def judged(
    asked: Mapping[str, Asked], ended: Mapping[str, Ended], frames: Mapping[str, list[Frame]], wall: int
) -> dict[str, Any]:
    """wall: ns from the log's clock to Unix time."""
    fates, faults, latest = Counter[str](), Counter[str](), 0
    for push, one in asked.items():
        end, read_at = ended[push], [(frame.ns + wall) // 1_000_000 for frame in frames.get(push, ())]
        over = max(end.accepted_at, one.not_before) + 1000 * one.ttl
        taken = sum(frame.status == 200 for frame in frames.get(push, ()))
        late = max(read_at, default=over) - over
        latest = max(latest, late)
        fates.update(end.fates)
        faults["not_ended_once"] += sum(end.fates.values()) != 1
        faults["lost"] += "accepted" in end.fates and not taken
        faults["doubled"] += taken > 1
        faults["sent_but_not_told"] += taken > 0 and "accepted" not in end.fates
        faults["early"] += min(read_at, default=one.not_before) < one.not_before - 1
        faults["past_ttl"] += late > IN_TRANSIT_MS
    strangers = len(frames.keys() - asked.keys())
    refused = sum(frame.status == 503 for some in frames.values() for frame in some)
    kept = not +faults and not strangers and fates.keys() <= {"accepted", "refused", "expired"}
    return {
        "ok": kept and min(fates["accepted"], fates["expired"], refused) > 0,
        "pushes": len(asked), "ended": dict(fates), "answers_503": refused, **faults, "strangers": strangers,
        "latest_past_ttl_ms": latest,
    }  # fmt: skip
