"""Where a sender sits: `<run>/<sender>.sock` to be rung at, `.json` to say who is there, `.lock` so that no two are."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pushwarden.adapters.processes import is_alive
from pushwarden.core.errors import PushwardenError
from pushwarden.ports.ring import Seat

PATH_BYTES = 107  # sun_path of unix(7) without its final NUL
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")


class SeatTaken(PushwardenError):
    """Another process already is this sender."""

    code, status = "seat_taken", 409


def take(run: Path, sender: str) -> int:
    """Locks the seat for the life of this process; the lock's descriptor. SeatTaken when another process holds it."""
    if not _NAME.fullmatch(sender):
        raise ValueError(f"A sender is named by a-z, 0-9 and -, at most 41 characters, not {sender!r}.")
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(run / f"{sender}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise SeatTaken(
            f"A {sender} already runs on {run.parent}; stop that process before starting another."
        ) from None
    return fd


def bind(run: Path, sender: str) -> socket.socket:
    """A listening socket that only this user may connect to, in place of an earlier one."""
    (run / f"{sender}.sock").unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    with _address(run, f"{sender}.sock") as address:
        sock.bind(address)
        os.chmod(address, 0o600)  # before listen: until then nobody can connect
    sock.listen(64)
    return sock


def connect(run: Path, sender: str) -> socket.socket:
    """A connected socket; it never waits, even when the sender is frozen. OSError when nobody listens."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with _address(run, f"{sender}.sock") as address:
            sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def announce(run: Path, seat: Seat) -> None:
    """Says who sits here, whole or not at all."""
    draft = run / f".{seat.sender}.{seat.pid}"
    draft.write_bytes(msgspec.json.encode(seat))
    draft.chmod(0o600)
    draft.rename(run / f"{seat.sender}.json")


def leave(run: Path, sender: str) -> None:
    for ending in ("json", "sock"):
        (run / f"{sender}.{ending}").unlink(missing_ok=True)


def seats(run: Path, names: str = "sender-*") -> list[Seat]:
    """Whose processes live, by name; those that match. A seat file that cannot be read is passed over."""
    found = []
    for path in sorted(run.glob(f"{names}.json")):
        try:
            seat = msgspec.json.decode(path.read_bytes(), type=Seat)
        except (FileNotFoundError, msgspec.MsgspecError):
            continue
        if is_alive(seat):
            found.append(seat)
    return found


@contextmanager
def _address(run: Path, name: str) -> Iterator[str]:
    """A name for the socket that fits sun_path; a long one goes through the folder's descriptor."""
    plain = str(run / name)
    if len(plain.encode()) <= PATH_BYTES:
        yield plain
        return
    folder = os.open(run, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{name}"
    finally:
        os.close(folder)
