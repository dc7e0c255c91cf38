"""The fence file when processes die, race, freeze, fill it or damage it."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushwarden.adapters.fence_file import RESERVED, FenceFile
from pushwarden.adapters.fence_layout import SLOTS, FenceDamaged, offset
from pushwarden.core.errors import Busy, Invalid, StoreFull
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.fence import Stop

SHOP = Scope("acme", "shop", Environment.PRODUCTION)
BANK = Scope("acme", "bank")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fence"


@pytest.fixture
def fence(path: Path) -> Iterator[FenceFile]:
    file = FenceFile(path)
    yield file
    file.close()


def scopes(fence: FenceFile) -> set[Scope]:
    return {stop.scope for stop in fence.stops()}


def test_a_stop_is_seen_by_another_mapping_with_its_scope_and_time(fence: FenceFile, path: Path) -> None:
    reader = FenceFile(path)
    before = reader.generation()
    stop = fence.stop(SHOP, 1_700_000_000_000)
    assert reader.generation() == stop.sequence != before
    assert list(reader.stops()) == [stop]
    reader.close()


def test_a_stop_outlives_every_process_that_mapped_it(path: Path) -> None:
    first = FenceFile(path)
    stop = first.stop(SHOP, 5)
    first.close()
    second = FenceFile(path)
    assert list(second.stops()) == [stop]
    assert second.generation() == stop.sequence
    second.close()


def test_a_resume_clears_exactly_its_scope(fence: FenceFile) -> None:
    fence.stop(SHOP, 1)
    fence.stop(Scope("acme", "shop"), 2)
    fence.stop(BANK, 3)
    generation = fence.generation()
    assert fence.resume(Scope("acme", "shop")) == generation + 1 == fence.generation()
    assert scopes(fence) == {SHOP, BANK}


def test_resuming_what_is_not_stopped_changes_nothing(fence: FenceFile) -> None:
    fence.stop(SHOP, 1)
    generation = fence.generation()
    assert fence.resume(BANK) == generation == fence.generation()


def test_a_new_file_is_born_with_the_stops_it_is_given(path: Path) -> None:
    given = [Stop(SHOP, 1, 10), Stop(BANK, 2, 20)]
    born, again = FenceFile(path, given), FenceFile(path, [Stop(Scope(), 9, 9)])
    assert list(born.stops()) == list(again.stops()) == given
    assert born.generation() == 2
    born.close()
    again.close()


def test_a_resume_never_lifts_a_stop_that_came_later(fence: FenceFile) -> None:
    first = fence.stop(SHOP, 1)
    again = fence.stop(SHOP, 2)
    assert fence.resume(SHOP, first.sequence) == again.sequence
    assert scopes(fence) == {SHOP}
    fence.resume(SHOP, again.sequence)
    assert not fence.stops()


def test_stopping_again_keeps_the_time_and_rings_again(fence: FenceFile) -> None:
    first = fence.stop(SHOP, 1)
    again = fence.stop(SHOP, 2)
    assert again.at_ms == 1
    assert again.sequence == fence.generation() == first.sequence + 1
    assert len(fence.stops()) == 1


def test_a_file_made_by_many_processes_at_once_is_one_file(path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.map(_stop_some, [(path, worker, 10) for worker in range(4)])
    fence = FenceFile(path)
    assert scopes(fence) == {Scope("acme", f"app-{worker}-{number}") for worker in range(4) for number in range(10)}
    assert len({stop.sequence for stop in fence.stops()}) == 40
    assert [name for name in os.listdir(path.parent) if name != "fence"] == []
    fence.close()


def _stop_some(work: tuple[Path, int, int]) -> None:
    path, worker, count = work
    fence = FenceFile(path)
    for number in range(count):
        fence.stop(Scope("acme", f"app-{worker}-{number}"), number)
    fence.close()


WRITER = """
import sys
from pathlib import Path
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.core.scope import Scope
fence = FenceFile(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    fence.stop(Scope("acme", f"app-{number % 50}"), number + 1)
    print(number, flush=True)
    if number % 3 == 0:
        fence.resume(Scope("acme", f"app-{number % 50}"))
    number += 1
"""


@pytest.mark.parametrize("seen", [3, 20, 61])
def test_a_writer_killed_in_its_loop_loses_no_stop_it_had_confirmed(path: Path, fence: FenceFile, seen: int) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    confirmed = [int(writer.stdout.readline()) for _ in range(seen)]
    writer.kill()
    confirmed += [int(line) for line in writer.stdout.read().splitlines()]
    writer.wait()
    writer.stdout.close()
    last = confirmed[-1]
    expected = {number % 50 for number in confirmed if number % 3}
    expected -= {number % 50 for number in confirmed if not number % 3 and number < last}
    later = {number % 50: number for number in confirmed}
    stopped = {int(stop.scope.app.removeprefix("app-")) for stop in fence.stops()}
    assert {slot for slot in expected if later[slot] % 3} <= stopped
    assert fence.damage() == []
    assert fence.stop(BANK, 1).sequence > max([0, *(stop.sequence for stop in fence.stops() if stop.scope != BANK)])


def test_a_stop_whose_writer_died_before_the_generation_is_announced_by_the_next_open(path: Path) -> None:
    writer = FenceFile(path)
    stop = writer.stop(SHOP, 1)
    writer.words[1] = stop.sequence - 1
    writer.close()
    reader = FenceFile(path)
    assert reader.generation() == stop.sequence
    reader.close()


def test_a_frozen_process_holding_the_lock_delays_no_stop(path: Path, fence: FenceFile) -> None:
    holder = FenceFile(path)
    fcntl.flock(holder._fd, fcntl.LOCK_EX)
    first, second = fence.stop(SHOP, 1), fence.stop(BANK, 2)
    assert first.sequence < second.sequence == fence.generation()
    assert scopes(fence) == {SHOP, BANK}
    with pytest.raises(Busy, match="nothing was resumed"):
        fence.resume(SHOP)
    holder.close()
    fence.resume(SHOP)
    assert scopes(fence) == {BANK}


def test_cancelled_pushes_leave_room_for_wider_stops(fence: FenceFile) -> None:
    raw = [fence.stop(Scope("acme", "shop", push=f"{number:020x}"), number) for number in range(3)]
    for index in range(3, SLOTS - RESERVED):
        os.pwrite(fence._fd, os.pread(fence._fd, 256, offset(0)), offset(index))
    with pytest.raises(StoreFull, match="stop a wider scope"):
        fence.stop(Scope("acme", "shop", push="f" * 20), 1)
    for number in range(RESERVED):
        fence.stop(Scope("acme", f"app-{number}"), 1)
    with pytest.raises(StoreFull):
        fence.stop(Scope("acme", "one-more"), 1)
    fence.resume(raw[0].scope)
    fence.stop(Scope(), 1)
    assert Scope() in scopes(fence)


def test_a_scope_with_names_too_long_is_refused_with_what_to_do(fence: FenceFile) -> None:
    with pytest.raises(Invalid, match="stop its app or organisation"):
        fence.stop(Scope("o" * 100, "a" * 100, schedule="s" * 100), 1)
    assert not fence.stops()


def test_a_slot_with_a_wrong_sum_still_stops_its_scope_until_it_is_resumed(fence: FenceFile) -> None:
    fence.stop(SHOP, 7)
    os.pwrite(fence._fd, b"\x55", offset(0) + 9)
    assert scopes(fence) == {SHOP}
    assert len(fence.damage()) == 1
    assert "resume that scope" in fence.damage()[0]
    fence.resume(SHOP)
    assert not fence.stops()
    assert fence.damage() == []


@pytest.mark.parametrize("damage", [b"\xff" * 200, b"\0" * 200])
def test_a_slot_that_cannot_be_read_stops_everything(fence: FenceFile, damage: bytes) -> None:
    fence.stop(SHOP, 7)
    os.pwrite(fence._fd, damage, offset(0) + 8)
    assert scopes(fence) == {Scope()}
    fence.stop(BANK, 8)
    fence.resume(Scope())
    assert scopes(fence) == {BANK}


@pytest.mark.parametrize("damage", ["short", "long", "header", "slots", "empty"])
def test_a_damaged_file_is_refused_with_a_sentence_and_left_as_it_is(path: Path, damage: str) -> None:
    FenceFile(path).close()
    whole = path.read_bytes()
    spoiled = {
        "short": whole[:5000],
        "long": whole + b"x",
        "header": b"NOTAFENC" + whole[8:],
        "slots": whole[:16] + struct.pack("=I", 7) + whole[20:],
        "empty": b"",
    }[damage]
    path.write_bytes(spoiled)
    with pytest.raises(FenceDamaged, match=r"move the file away and start again"):
        FenceFile(path)
    assert path.read_bytes() == spoiled


def test_the_file_is_readable_by_its_owner_only_and_never_grows(path: Path, fence: FenceFile) -> None:
    size = path.stat().st_size
    for number in range(50):
        fence.stop(Scope("acme", f"app-{number}"), 1)
    assert path.stat().st_size == size
    assert path.stat().st_blocks * 512 >= size
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_stopped_writer_in_another_process_is_no_obstacle(path: Path, fence: FenceFile) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(5):
        writer.stdout.readline()
    writer.send_signal(signal.SIGSTOP)
    fence.stop(SHOP, 1)
    assert SHOP in scopes(fence)
    writer.kill()
    writer.wait()
    writer.stdout.close()
