"""Credential files changed by an enemy, through the real limited child: what is said of each, and what it cost."""

from __future__ import annotations

import asyncio
import base64
import functools
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from apns_fixtures import NOW_MS, Pair
from credential_samples import SAMPLES, SHOP, Sample, from_openssl
from mutations import mutated
from pfx_fixtures import certificate_bag, closed_safe, file, key_bag, nest, open_safe, shrouded_bag, with_pbmac1
from pushwarden.core.messages import MESSAGES
from pushwarden.core.names import PEOPLE
from pushwarden.wiring.inspect import READING, asked, concluded
from pushwarden.wiring.limited.asking import AT_ONCE, ForkServer
from pushwarden.wiring.limited.server import DONE, Ending

PASSWORD = b"secret"
PASSWORDS = (None, b"", PASSWORD, b"wrong", b"se\0cret", "пароль".encode(), b"x" * 20_000)
CPU_SECONDS, MEMORY = 2.0, 128 << 20
"""What one file may cost."""


@dataclass
class Tally:
    """What became of the files. broken: how to make those again that broke the child or said nothing known."""

    files: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    hangs: int = 0
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.broken and max(self.cpu) <= CPU_SECONDS and max(self.memory) <= MEMORY

    def told(self) -> dict[str, Any]:
        took = sorted(self.took)
        return {
            "files": self.files,
            "by_id": dict(self.ends.most_common()),
            "crashes": self.crashes,
            "hangs": self.hangs,
            "worst_cpu_s": round(max(self.cpu), 3),
            "worst_memory_mb": round(max(self.memory) / 1e6, 1),
            "files_per_s": round(self.files / self.seconds, 1),
            "ms_p50": round(took[len(took) // 2] * 1000, 1),
            "ms_p99": round(took[len(took) * 99 // 100] * 1000, 1),
            "broken": self.broken[:20],
        }


@dataclass(frozen=True)
class Variant:
    name: str
    provider: str
    data: bytes
    password: bytes | None
    hints: Mapping[str, str]

    @property
    def work(self) -> bytes:
        return asked(self.provider, self.data, self.password, self.hints, NOW_MS)


@functools.cache
def seeds() -> dict[str, Variant]:
    """Every sample there is, and stores that no program writes."""
    pair, pair_too = Pair(topics={"com.acme.shop": "app", "com.acme.shop.voip": "voip"}), Pair()
    parts = open_safe(shrouded_bag(pair, PASSWORD, 1000), nest(certificate_bag(pair), 3))
    hidden = closed_safe(PASSWORD, 1000, key_bag(pair_too), certificate_bag(pair_too))
    scrypt = ("pkcs8", "-topk8", "-scrypt", "-passout", "pass:secret", "-in", "@key", "-out", "@out")
    more = {
        "open": file(open_safe(key_bag(pair), certificate_bag(pair))),
        "two keys": file(open_safe(key_bag(pair), key_bag(pair_too), certificate_bag(pair)), parts),
        "a hidden key": file(hidden, parts),
        "the newer MAC": with_pbmac1(file(parts), PASSWORD),
        "scrypt": from_openssl(*scrypt, key=pair.key_pem),
    }
    known = {name: _seed(name, sample) for name, sample in SAMPLES.items()}
    return known | {name: Variant(name, "", data, PASSWORD, SHOP) for name, data in more.items()}


def variant(seed: int, number: int) -> Variant:
    """One changed file, the same in shape for the same numbers; keys and salts are made anew each time."""
    chance = Random(f"{seed}/{number}")
    one = seeds()[chance.choice(sorted(seeds()))]
    password = one.password if chance.random() < 0.7 else chance.choice(PASSWORDS)
    provider = chance.choice((one.provider,) * 7 + ("", *PEOPLE))
    data = mutated(one.data, chance, one.password or b"")
    return Variant(f"{seed}/{number} {one.name}", provider, data, password, one.hints)


async def run(files: int, seed: int) -> Tally:
    """All of them, as many at once as the product reads."""
    tally, server, numbers = Tally(), ForkServer(READING), iter(range(files))
    await server.ask(variant(seed, 0).work)
    began = time.monotonic()

    async def work() -> None:
        for number in numbers:
            one = variant(seed, number)
            sent = time.monotonic()
            answer, ending = await server.ask(one.work)
            tally.took.append(time.monotonic() - sent)
            assert ending is not None, f"the fork server ended at {one.name}"
            _note(tally, one, answer, ending)

    try:
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    finally:
        server.close()
    tally.seconds = time.monotonic() - began
    return tally


def _note(tally: Tally, one: Variant, answer: bytes, ending: Ending) -> None:
    report = concluded(answer, ending)
    failed = [check.id for check in report.checks if check.result == "failed"]
    known = all(check.id in MESSAGES for check in report.checks) and (bool(failed) or report.usable)
    tally.files += 1
    tally.ends[failed[-1] if failed else "usable"] += 1
    tally.cpu.append(ending.cpu)
    tally.memory.append(ending.memory)
    tally.hangs += failed == ["file.timeout"]
    tally.crashes += ending.code != DONE and failed != ["file.timeout"]
    if ending.code != DONE or not known:
        data = base64.b64encode(one.data).decode()
        tally.broken.append({"file": one.name, "code": ending.code, "ends": failed, "base64": data[:3000]})


def _seed(name: str, sample: Sample) -> Variant:
    password = None if sample.password is None else sample.password.encode()
    return Variant(name, sample.provider, sample.make(), password, sample.hints)
