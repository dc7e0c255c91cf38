"""The ring between processes: who hears, who answers, who is silent and what becomes of them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import ring_toy
from pushwarden.adapters.processes import LocalProcesses, is_alive, own_seat, start_time
from pushwarden.adapters.ring import Ring, RingServer, SeatTaken
from pushwarden.adapters.seats import announce, seats
from pushwarden.core.receipt import Confirmation
from pushwarden.ports.ring import Seat

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "run"


@pytest.fixture
def start(run: Path) -> Iterator[Start]:
    toys: list[subprocess.Popen[str]] = []

    def begin(sender: str, behaviour: str = "good") -> subprocess.Popen[str]:
        toys.append(ring_toy.start(run, sender, behaviour))
        return toys[-1]

    yield begin
    for toy in toys:
        ring_toy.finish(toy)


@asynccontextmanager
async def opened(run: Path) -> AsyncIterator[Ring]:
    ring = Ring(run, 2.0)
    await ring.open()
    try:
        yield ring
    finally:
        await ring.close()


def test_every_sender_confirms_the_fence(run: Path, start: Start) -> None:
    start("sender-urgent")
    start("sender-bulk-0", "fenced")

    async def ask() -> None:
        async with opened(run) as ring:
            for generation in range(3):
                bulk, urgent = await ring.fence(generation)
                assert (bulk.seat.sender, bulk.confirmation, bulk.named) == ("sender-bulk-0", Confirmation.FENCED, 3)
                assert (urgent.seat.sender, urgent.confirmation) == ("sender-urgent", Confirmation.DRAINED)

    asyncio.run(ask())


@pytest.mark.parametrize("behaviour", ["slow", "failing"])
def test_a_sender_without_a_word_is_none_and_does_not_hold_up_the_others(
    run: Path, start: Start, behaviour: str
) -> None:
    start("sender-urgent")
    start("sender-bulk-0", behaviour)

    async def ask() -> None:
        async with opened(run) as ring:
            bulk, urgent = await ring.fence(1)
            assert bulk.confirmation is None
            assert urgent.confirmation is Confirmation.DRAINED

    asyncio.run(ask())


def test_a_frozen_sender_is_none_and_is_ended_by_its_seat(run: Path, start: Start) -> None:
    toy = start("sender-bulk-0")

    async def ask() -> None:
        async with opened(run) as ring:
            toy.send_signal(signal.SIGSTOP)
            (bulk,) = await ring.fence(1)
            assert bulk.confirmation is None
            assert await LocalProcesses().end(bulk.seat)
            assert not is_alive(bulk.seat)
            assert await ring.fence(1) == []

    asyncio.run(ask())
    assert toy.wait() == -signal.SIGKILL


def test_a_restarted_sender_is_found_again(run: Path, start: Start) -> None:
    first = start("sender-bulk-0")

    async def ask() -> None:
        async with opened(run) as ring:
            (before,) = await ring.fence(1)
            first.kill()
            first.wait()
            assert await ring.fence(1) == []
            await asyncio.to_thread(start, "sender-bulk-0")
            (after,) = await ring.fence(2)
            assert after.confirmation is Confirmation.DRAINED
            assert after.seat != before.seat

    asyncio.run(ask())


def test_doorbells_reach_senders_that_came_after_the_ring_and_merge(run: Path, start: Start) -> None:
    run.mkdir()

    async def ask() -> None:
        async with opened(run) as ring:
            await asyncio.to_thread(start, "sender-bulk-0")

            async def rung() -> bool:
                for _ in range(100):
                    ring.doorbell(["bulk", "normal"])
                bells = (await ring.stats())["sender-bulk-0"]["bells"]
                return bool(bells)

            while not await rung():
                pass
            bells = (await ring.stats())["sender-bulk-0"]["bells"]
            assert set(bells) == {"bulk", "normal"}
            assert len(bells) < 100

    asyncio.run(ask())


def test_bells_to_a_frozen_sender_do_not_pile_up(run: Path, start: Start) -> None:
    toy = start("sender-bulk-0")

    async def ask() -> None:
        async with opened(run) as ring:
            toy.send_signal(signal.SIGSTOP)
            for number in range(20_000):
                ring.doorbell([f"class-{number}"])
                if number % 4 == 0:
                    await asyncio.sleep(0)
            (line,) = ring._lines.values()
            assert line._transport is not None
            assert line._transport.get_write_buffer_size() < 1000

    asyncio.run(ask())


def test_a_second_process_cannot_take_a_seat(run: Path, start: Start) -> None:
    toy = start("sender-bulk-0")

    async def take() -> None:
        with pytest.raises(SeatTaken, match="already runs"):
            await RingServer(run, "sender-bulk-0", {}).start()
        toy.kill()
        toy.wait()
        server = RingServer(run, "sender-bulk-0", {})
        seat = await server.start()
        assert seats(run) == [seat]
        await server.close()
        assert seats(run) == []

    asyncio.run(take())


def test_a_very_long_run_folder_works(run: Path) -> None:
    deep = run / ("x" * 100) / ("y" * 100)

    async def ask() -> None:
        async def drained(request: dict[str, Any]) -> dict[str, Any]:
            return {"confirmation": "drained"}

        server = RingServer(deep, "sender-bulk-0", {"fence": drained})
        await server.start()
        async with opened(deep) as ring:
            (answer,) = await ring.fence(1)
            assert answer.confirmation is Confirmation.DRAINED
        await server.close()

    asyncio.run(ask())


def test_only_the_owner_may_ring(run: Path) -> None:
    modes: dict[str, int] = {}

    async def look() -> None:
        server = RingServer(run, "sender-bulk-0", {})
        await server.start()
        modes.update({path.name: path.stat().st_mode & 0o777 for path in [run, *run.iterdir()]})  # noqa: ASYNC240
        await server.close()

    asyncio.run(look())
    assert modes.pop("run") == 0o700
    assert set(modes) == {"sender-bulk-0.sock", "sender-bulk-0.json", "sender-bulk-0.lock"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("line", [b"not json\n", b"[1]\n", b'{"op": 1}\n', b'{"op":"nothing","id":1}\n', b"x" * 70_000])
def test_a_bad_line_is_answered_with_a_sentence(run: Path, line: bytes) -> None:
    async def ask() -> None:
        server = RingServer(run, "sender-bulk-0", {})
        await server.start()
        reader, writer = await asyncio.open_unix_connection(run / "sender-bulk-0.sock")
        writer.write(line)
        assert b'"error":' in await reader.readline()
        writer.close()
        await writer.wait_closed()
        await server.close()

    asyncio.run(ask())


def test_a_seat_file_of_a_dead_or_other_process_is_nobody(run: Path) -> None:
    run.mkdir()
    announce(run, Seat("sender-a", 2**22 - 1, 5))
    announce(run, Seat("sender-b", os.getpid(), (start_time(os.getpid()) or 0) - 1))
    (run / "sender-c.json").write_text("{")
    here = own_seat("sender-d")
    announce(run, here)
    assert seats(run) == [here]


def test_a_reused_pid_is_not_killed() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    async def end() -> None:
        began = start_time(child.pid)
        assert began is not None
        assert await LocalProcesses().end(Seat("sender-a", child.pid, began + 1))
        assert child.poll() is None
        assert await LocalProcesses().end(Seat("sender-a", child.pid, began))
        assert child.wait() == -signal.SIGKILL
        assert await LocalProcesses().end(Seat("sender-a", child.pid, began))

    asyncio.run(end())
    assert child.stdin is not None
    child.stdin.close()


FLOODER = """
import socket, struct, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
sock.setblocking(False)
written = 0
try:
    while True:
        written += sock.send(b"x" * 65536)
except BlockingIOError:
    print(written, flush=True)
    sys.stdin.readline()
"""


def test_killing_a_sender_with_linger_zero_drops_what_the_kernel_still_held() -> None:
    """The bytes the peer's kernel had not taken are never sent: the connection ends with a reset, not a flush."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        child = subprocess.Popen(
            [sys.executable, "-c", FLOODER, str(listener.getsockname()[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdin is not None
        peer, _ = listener.accept()
        written = int(child.stdout.readline())
        began = start_time(child.pid)
        assert began is not None
        assert asyncio.run(LocalProcesses().end(Seat("sender-a", child.pid, began)))
        assert struct.unpack("B", peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))[0] == 7  # TCP_CLOSE
        read = 0
        with peer, pytest.raises(ConnectionResetError):
            while data := peer.recv(65536):
                read += len(data)
        assert read < written
        child.wait()
        child.stdin.close()
        child.stdout.close()
