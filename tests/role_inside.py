"""`serve` and its roles, with an api that looks around in its own process when a test asks it over the ring."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pushwarden.wiring import run, supervisor
from pushwarden.wiring.api import Api

_libc = ctypes.CDLL(None, use_errno=True)
_FRESH, _DETACH = 0x10000000 | 0x20000, 2  # unshare(2): NEWUSER | NEWNS; umount2(2): MNT_DETACH


def inside(request: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody who runs code in the api process comes by. paths: to be read; pids: to be looked into; memory:
    a file that gets everything readable in this process; folder: to be uncovered."""
    own_objects = [one for one in gc.get_objects() if isinstance(one, X25519PrivateKey)]
    with Path(request["memory"]).open("wb") as file:
        _dump(file.write)
    return {
        "private_keys": len(own_objects),
        "environ": Path("/proc/self/environ").read_bytes().hex() if os.access("/proc/self/environ", os.R_OK) else "",
        "variables": sorted(os.environ),
        "read": [path for path in request["paths"] if _reads(path)],
        "looked_into": [path for path in _of(request["pids"], request["paths"]) if _reads(path)],
        "uncovered": _uncovers(request["folder"]),
        "dumpable": _libc.prctl(3, 0, 0, 0, 0),
    }


def _of(pids: Sequence[int], paths: Sequence[str]) -> list[str]:
    kinds = ("environ", "mem", "maps", "fd/1", "cwd", *(f"root{path}" for path in paths), "task/1/environ")
    return [f"/proc/{pid}/{kind}" for pid in pids for kind in kinds]


def _reads(path: str) -> bool:
    """A folder counts when there is anything in it, memory when a mapped page comes."""
    with contextlib.suppress(OSError):
        if Path(path).is_dir():
            return bool(os.listdir(path))
        with open(path, "rb") as file:
            return bool(file.read(1)) if not path.endswith("/mem") else True
    return False


def _uncovers(folder: str) -> bool:
    """By itself, or with the rights that a further namespace gives, in a child."""
    for prepare in (lambda: None, lambda: _libc.unshare(_FRESH)):
        pid = os.fork()
        if not pid:
            os._exit(_tried(prepare, folder))
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
            return True
    return False


def _tried(prepare: Callable[[], Any], folder: str) -> int:
    prepare()
    _libc.umount2(os.fsencode(folder), _DETACH)
    return int(bool(os.listdir(folder)))


def _dump(write: Callable[[bytes], Any]) -> None:
    """Through process_vm_readv(2), which a process may always do to itself."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, mode, *_ = line.split()
        begin, end = (int(part, 16) for part in span.split("-"))
        if mode.startswith("rw"):
            _copy(begin, end - begin, write)


def _copy(address: int, length: int, write: Callable[[bytes], Any]) -> None:
    class Part(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    step = 1 << 20
    buffer = ctypes.create_string_buffer(step)
    for at in range(address, address + length, step):
        size = min(step, address + length - at)
        there, here = Part(at, size), Part(ctypes.addressof(buffer), size)
        got = _libc.process_vm_readv(os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
        if got > 0:
            write(buffer.raw[:got])


def command(name: str) -> Sequence[str]:
    return (sys.executable, __file__, "--role", name)


if __name__ == "__main__":
    asked = Api.on_vault

    async def on_vault(self: Api, request: Mapping[str, Any]) -> dict[str, Any]:
        return inside(request) if "memory" in request else await asked(self, request)

    Api.on_vault = on_vault  # type: ignore[method-assign]
    sys.exit(run.main() if "--role" in sys.argv else supervisor.serve(run.load_settings(), command))
