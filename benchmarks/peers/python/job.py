"""The work every peer does, as one JSON file says it: so many silent pushes to so many tokens, warm-up first."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

ROUND = 10_000
"""Tokens handed to a client at once."""


@dataclass(frozen=True)
class Job:
    """key, ca: paths of PEM files. warm, count: pushes before and within the measurement."""

    host: str
    port: int
    ca: str
    key: str
    key_id: str
    team_id: str
    topic: str
    payload: dict[str, Any]
    in_flight: int
    warm: int
    count: int

    @classmethod
    def read(cls, path: str) -> Job:
        return cls(**json.loads(Path(path).read_text()))

    @property
    def key_pem(self) -> str:
        return Path(self.key).read_text()

    def authorization(self) -> str:
        claims = {"iss": self.team_id, "iat": int(time.time())}
        return "bearer " + jwt.encode(claims, self.key_pem, algorithm="ES256", headers={"kid": self.key_id})

    def tokens(self, count: int) -> list[str]:
        return [f"{number * 7919:064x}" for number in range(1, count + 1)]


async def measured(job: Job, send_all: Callable[[list[str]], Awaitable[int]]) -> None:
    """Warms up, then sends `count` in rounds and prints the line."""

    async def rounds(count: int) -> int:
        accepted = 0
        for start in range(0, count, ROUND):
            accepted += await send_all(job.tokens(min(ROUND, count - start)))
        return accepted

    await rounds(job.warm)
    began, cpu = time.perf_counter(), time.process_time()
    accepted = await rounds(job.count)
    print(
        json.dumps(
            {
                "accepted": accepted,
                "seconds": time.perf_counter() - began,
                "cpu_s": time.process_time() - cpu,
            }
        )
    )
