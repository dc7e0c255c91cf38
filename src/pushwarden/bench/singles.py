"""`singles`: distinct pushes to single users at a steady rate, each accepted over HTTP, sent and settled."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pushwarden.bench import procs
from pushwarden.bench.house import House
from pushwarden.bench.procs import cpu_seconds, percentile, say
from pushwarden.bench.report import Measured, NotMeasured, Wanted
from pushwarden.simulators.log import read

LOG = "full"
DEVICES = 100_000
SECONDS = 60.0
RATE = 4_200
"""Pushes offered a second: a little more than the target."""
CLIENTS = 64
WARM_UP = 3.0
PAGE = 1000
PATIENCE = 60.0
"""Seconds the queue may take to empty afterwards."""


@dataclass(slots=True)
class Accepts:
    """answered: push id → monotonic ns of its 202. began and ended: ns of the first request and the last answer."""

    began: int = 0
    ended: int = 0
    answered: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return (self.ended - self.began) / 1e9


def play(house: House, wanted: Wanted) -> Measured:
    devices = wanted.devices or DEVICES
    seconds = SECONDS if devices >= DEVICES else max(1.0, devices / 1000)
    rate = min(RATE, devices)
    house.fill(0, devices)
    asyncio.run(_offer(house, devices, rate, min(WARM_UP, seconds)))
    _settled(house)
    house.skip_log()
    senders = cpu_seconds(procs.senders(house.stage.data, "sender"))
    accepts = asyncio.run(_offer(house, devices, rate, seconds))
    left = _count_open(house)
    senders = cpu_seconds(procs.senders(house.stage.data, "sender")) - senders
    _settled(house)
    frames = _frames(house, accepts.answered)
    return _measured(accepts, frames, left, senders)


def _measured(accepts: Accepts, frames: Mapping[str, int], left: int, senders: float) -> Measured:
    count = len(accepts.answered)
    waits = [max(0.0, (frames[push] - at) / 1e6) for push, at in accepts.answered.items() if push in frames]
    quarter = accepts.began + (accepts.ended - accepts.began) // 4
    early, late = _queue(accepts, frames, quarter), _queue(accepts, frames, accepts.ended)
    notes = [
        f"{CLIENTS} kept connections, {count:,} pushes offered at a steady rate, each with a text of its own.",
        "accept_to_frame: from the 202 at the client to the parsing of the HEADERS in the simulator's full log; "
        "a frame that was quicker than the answer counts as 0.",
        "settled: recorded as done in the store when the last push had been accepted. "
        "queue_growth: accepted and not yet sent, at the end less at a quarter of the time.",
    ]
    if len(waits) < count:
        notes.append(f"{count - len(waits)} of {count} pushes never reached the provider.")
    figures = {
        "settled_per_s": (count - left) / accepts.seconds,
        "accepts_per_s": count / accepts.seconds,
        "accept_to_frame_p50_ms": percentile(waits, 0.5),
        "accept_to_frame_p99_ms": percentile(waits, 0.99),
        "queue_growth": late - early,
        "seconds": accepts.seconds,
        "sender_cpu_us_per_push": senders / count * 1e6,
    }
    say(f"{count - left:,} of {count:,} settled, p99 {percentile(waits, 0.99):.0f} ms, queue {late - early:+}")
    return Measured(figures, 1, notes)


def _queue(accepts: Accepts, frames: Mapping[str, int], at: int) -> int:
    """Pushes that were accepted by then and not sent."""
    return sum(answered <= at < frames.get(push, at + 1) for push, answered in accepts.answered.items())


def _frames(house: House, pushes: Mapping[str, int]) -> dict[str, int]:
    """When each push's header frame was parsed."""
    house.stage.control("POST", "/flush")
    found = ((frame.apns_id[:10].hex(), frame.ns) for frame in read(house.stage.frames, house.at))
    return {push: ns for push, ns in found if push in pushes}


def _count_open(house: House) -> int:
    """Pushes not done, looked for from the newest on until a whole page is done."""
    count, before = 0, ""
    while True:
        page = house.stage.call("GET", f"{house.base}/pushes?limit={PAGE}" + (f"&before={before}" if before else ""))
        states = [one["state"] for one in page["pushes"]]
        left = len(states) - states.count("done")
        count += left
        if not left or len(states) < PAGE:
            return count
        before = page["pushes"][-1]["id"]


def _settled(house: House) -> None:
    """Waits until all are done. NotMeasured when that takes too long."""
    until = time.monotonic() + PATIENCE
    while left := _count_open(house):
        if time.monotonic() > until:
            raise NotMeasured(f"{left} pushes were still open after {PATIENCE:g} s.")
        time.sleep(0.2)


# --- the clients

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID = re.compile(rb'"id":"([0-9a-f]{20})"')


class _Client(asyncio.Protocol):
    """One kept HTTP/1.1 connection with a request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """The answer's head and body."""
        assert self._transport is not None
        self._data, self._answer = b"", asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, _, body = self._data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if self._answer is not None and length is not None and len(body) >= int(length[1]):
            answer, self._answer = self._answer, None
            answer.set_result(self._data)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("The server closed the connection."))


async def _offer(house: House, devices: int, rate: float, seconds: float) -> Accepts:
    """As many requests as fall due in this time, each client the next one as soon as it is free."""
    accepts, where = Accepts(time.monotonic_ns()), urlsplit(house.stage.url)
    head = (
        f"POST {house.base}/pushes HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {house.stage.key}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    numbers = iter(range(int(rate * seconds)))
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(_Client, where.hostname or "", where.port or 80))[1] for _ in range(CLIENTS)
    ]
    start = loop.time()
    try:
        offered = (start, rate, devices)
        await asyncio.gather(*(_call(client, numbers, head, offered, accepts) for client in clients))
    finally:
        for client in clients:
            client.close()
    accepts.ended = time.monotonic_ns()
    return accepts


async def _call(
    client: _Client, numbers: Iterator[int], head: bytes, offered: tuple[float, float, int], accepts: Accepts
) -> None:
    """offered: when the first falls due on the loop's clock, how many a second, to how many users."""
    start, rate, devices = offered
    loop = asyncio.get_running_loop()
    for number in numbers:
        wait = start + number / rate - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        body = json.dumps(_push(number, devices)).encode()
        answer = await client.ask(head + b"%d\r\n\r\n%s" % (len(body), body))
        found = _ID.search(answer)
        if found is None or not answer.startswith(b"HTTP/1.1 202"):
            raise NotMeasured(f"A push was answered {answer[:400]!r}.")
        accepts.answered[found[1].decode()] = time.monotonic_ns()


def _push(number: int, devices: int) -> dict[str, Any]:
    return {
        "to": {"user": f"user-{number * 7919 % devices}"},
        "title": f"Order {number} is on its way",
        "body": "It arrives today.",
        "data": {"order": number},
    }
