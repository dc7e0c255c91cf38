"""What the journal costs: single accepts at 64 at once, marks one by one, and both at once from two processes."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import uvloop

from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.core.lane import Class
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment
from pushwarden.core.shard import Mark, NewShard, Shard, ShardKind
from pushwarden.ports.journal import Acceptance

FAN_OUT = 1 << 20
_numbers = itertools.count(time.time_ns() // 1000)
LANE = "acme/shop/simulated/apns/bulk"


def push_to_one() -> Acceptance:
    now = time.time_ns() // 1_000_000
    push = Push(
        f"{next(_numbers):020x}", "acme", "shop", Environment.SIMULATED, PushType.ALERT, Class.NORMAL,
        Message(title="Your order is on its way", body="It arrives between two and four."), now, now + 60_000,
    )  # fmt: skip
    shard = NewShard(push.id, "acme", ShardKind.LIST, 1, "acme/shop/simulated/apns/normal", now, 0, 1, bytes(8))
    return Acceptance(push, (shard,), "device 7", idempotency_key=push.id, fingerprint=bytes(32), actor="robot")


def fan_out() -> Acceptance:
    one = push_to_one()
    shards = tuple(
        NewShard(one.push.id, "acme", ShardKind.RANGE, 1, LANE, one.push.accepted_at, lo, 8192)
        for lo in range(0, FAN_OUT, 8192)
    )
    return replace(one, push=replace(one.push, klass=Class.BULK), shards=shards, idempotency_key="")


async def claimed(journal: SqliteJournal, count: int) -> list[Shard]:
    """Frozen shards of a fan-out."""
    await journal.accept([fan_out()])
    got = await journal.claim("bulk-0", {LANE: count}, time.time_ns() // 1_000_000)
    for shard, _ in got:
        await journal.freeze(shard, b"\xff" * 1024, 8192)
    return [shard for shard, _ in got]


def mark_of(shard: Shard, ended: int) -> Mark:
    done = ((1 << ended) - 1).to_bytes(1024, "little")
    return Mark(shard.push, shard.no, shard.fence, min(8192, ended + 1000), done, {Fate.ACCEPTED: ended}, 0)


async def marks(journal: SqliteJournal, count: int, at_once: int) -> dict[str, float]:
    """CPU and time of `count` calls of `at_once` marks each."""
    shards = await claimed(journal, at_once)
    calls = [[mark_of(shard, n % 8192) for shard in shards] for n in range(1, count + 1)]
    cpu, begun = time.process_time(), time.perf_counter()
    for call in calls:
        assert not await journal.mark(call)
    cpu, took = time.process_time() - cpu, time.perf_counter() - begun
    return {f"mark{at_once}_cpu_us": round(cpu / count * 1e6, 1), f"mark{at_once}_us": round(took / count * 1e6, 1)}


async def accepts(journal: SqliteJournal, count: int, at_once: int) -> dict[str, float]:
    """Single accepts, `at_once` callers each waiting for its own."""
    items = [push_to_one() for _ in range(count)]
    waits: list[float] = []

    async def caller(mine: list[Acceptance]) -> None:
        for item in mine:
            begun = time.perf_counter()
            await journal.accept([item])
            waits.append(time.perf_counter() - begun)

    cpu, begun = time.process_time(), time.perf_counter()
    await asyncio.gather(*(caller(items[n::at_once]) for n in range(at_once)))
    cpu, took = time.process_time() - cpu, time.perf_counter() - begun
    return {
        "accepts_per_s": round(count / took),
        "accept_cpu_us": round(cpu / count * 1e6, 1),
        "accept_p50_ms": percentile(waits, 50),
        "accept_p99_ms": percentile(waits, 99),
    }


async def paced(rate: float, seconds: float, work: Callable[[int], Awaitable[object]]) -> list[float]:
    """Starts `work` at a steady rate, whether or not the one before has ended; how long each took, in seconds."""
    waits: list[float] = []

    async def one(n: int) -> None:
        begun = time.perf_counter()
        await work(n)
        waits.append(time.perf_counter() - begun)

    begun, tasks = time.perf_counter(), []
    for n in range(int(rate * seconds)):
        await asyncio.sleep(max(0, begun + n / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one(n)))
    await asyncio.gather(*tasks)
    return waits


def mark_at_a_rate(path: Path, rate: float, seconds: float, answer: multiprocessing.Queue[list[float]]) -> None:
    async def main() -> list[float]:
        journal = SqliteJournal(path)
        (shard,) = await claimed(journal, 1)
        waits = await paced(rate, seconds, lambda n: journal.mark([mark_of(shard, n % 8192 + 1)]))
        journal.close()
        return waits

    answer.put(uvloop.run(main()))


async def two_processes(path: Path, seconds: float) -> dict[str, float]:
    """300 accepts/s here beside 250 marks/s in another process."""
    spawn = multiprocessing.get_context("spawn")
    answer = spawn.Queue()
    other = spawn.Process(target=mark_at_a_rate, args=(path, 250, seconds, answer))
    other.start()
    await asyncio.sleep(1)
    journal = SqliteJournal(path)
    waits = await paced(300, seconds, lambda _: journal.accept([push_to_one()]))
    journal.close()
    marked = await asyncio.to_thread(answer.get)
    other.join()
    figures = {}
    for name, each in (("duty_accept", waits), ("duty_mark", marked)):
        figures |= {f"{name}_p50_ms": percentile(each, 50), f"{name}_p99_ms": percentile(each, 99)}
        figures[f"{name}_max_ms"] = round(max(each) * 1e3, 2)
    return figures


def percentile(seconds: list[float], which: int) -> float:
    """In milliseconds."""
    return round(statistics.quantiles(seconds, n=100)[which - 1] * 1e3, 2)


def sync(directory: Path, count: int = 500) -> dict[str, float]:
    """The disk's own price of one commit: a 4 KiB append and an fsync; the median time, and CPU."""
    waits = []
    cpu = time.process_time()
    with (directory / "sync").open("wb", buffering=0) as file:
        for _ in range(count):
            begun = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            waits.append(time.perf_counter() - begun)
    cpu = time.process_time() - cpu
    return {"sync_ms": round(statistics.median(waits) * 1e3, 3), "sync_cpu_us": round(cpu / count * 1e6, 1)}


async def run(path: Path, scale: float, seconds: float) -> dict[str, float]:
    migrate({"journal": path})
    figures = sync(path.parent)
    journal = SqliteJournal(path)
    await accepts(journal, int(500 * scale), 64)
    figures |= await accepts(journal, int(20_000 * scale), 64)
    for at_once in (1, 8):
        figures |= await marks(journal, int(2_000 * scale), at_once)
    journal.close()
    return figures | await two_processes(path, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of calls")
    parser.add_argument("--seconds", type=float, default=3.0, help="of the two processes' duty")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as directory:
        figures = uvloop.run(run(Path(directory) / "journal.db", arguments.scale, arguments.seconds))
    print(json.dumps({"name": "journal_rate", "figures": figures}))


if __name__ == "__main__":
    main()
