"""What a role may see of private keys: its environment has only its own, and the api does not see the files either.

The api gets a user and a mount namespace of its own in which their folders are empty. Being in another user namespace,
the kernel also keeps it out of the memory, the environment and the descriptors of every other process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

from pushwarden.adapters.vault.keys import CALLBACKS, PAIRS, PRIVATE, VAULT, Pair
from pushwarden.settings import Settings
from pushwarden.wiring.roles import kind

OWN: dict[str, tuple[Pair, ...]] = {"prepare": PAIRS, "sender": (VAULT,), "chores": (CALLBACKS,), "api": ()}
"""Kind of role → the pairs whose private keys it opens with."""
HIDDEN = "PUSHWARDEN_HIDDEN"
"""Files the api is not to see, where a variable it does not get names them. Ours, between two processes of ours."""
_NEWNS, _NEWUSER = 0x20000, 0x10000000  # unshare(2)
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _MS_PRIVATE = 1, 2, 4, 8, 0x1000, 0x4000, 0x40000  # mount(2)
_SET_DUMPABLE, _SET_SECUREBITS, _SET_NO_NEW_PRIVS = 4, 28, 38  # prctl(2)
_NO_ROOT = 0x2F  # capabilities(7): root has no more rights than others, and none of this can be undone
_CAPABILITIES_3 = 0x20080522  # capset(2)
_LEAST_PORT = 1024
_libc = ctypes.CDLL(None, use_errno=True)


def environment(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """A role's own: without the private keys of pairs it does not open with."""
    foreign = [pair for pair in PAIRS if pair not in OWN.get(kind(name), ())]
    dropped = {variable for pair in foreign for variable in pair.variables}
    files = [environ[f"{pair.variable}_FILE"] for pair in foreign if environ.get(f"{pair.variable}_FILE")]
    kept = {variable: value for variable, value in environ.items() if variable not in dropped}
    return kept | {HIDDEN: ":".join(files)} if files else kept


def shed(name: str) -> None:
    """Starts this program again without what is not the role's own, if it was given any: proc(5) shows to others of
    the same user what a process was started with, whatever it deletes later."""
    own = environment(name, os.environ)
    if own != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], own)  # noqa: S606  itself


def undumpable() -> None:
    """No core file of this process is written, and no other process of its user looks into it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def seclude(settings: Settings) -> str:
    """Takes private keys out of this process's sight, for ever; before it starts threads. Why it cannot, or empty."""
    if not settings.data.exists():
        return f"{settings.data} does not exist; `pushwarden serve` makes it"
    if 0 < settings.listen_port < _LEAST_PORT:
        return f"a port below {_LEAST_PORT} needs rights that a namespace has not; listen on a higher one"
    if settings.data.stat().st_uid != os.geteuid():
        return f"{settings.data} belongs to another user than this process; give it to this one"
    return _tried(settings) or _enter(settings)


def in_sight(settings: Settings) -> list[Path]:
    """The files with private keys that this process could read."""
    return [path for path in [*(pair.file(settings.keys) for pair in PAIRS), *_hidden()] if _readable(path)]


def _tried(settings: Settings) -> str:
    """In a child first: half a namespace, as some systems give, would be of no use to this process."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        with contextlib.suppress(OSError):
            os.write(theirs, _enter(settings).encode())
        os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(pid, 0)
    return said


def _enter(settings: Settings) -> str:
    user, group = os.geteuid(), os.getegid()
    try:
        _called(_libc.unshare(_NEWUSER | _NEWNS), "user namespaces are not allowed here")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        _mount(None, Path("/"), None, _REC | _MS_PRIVATE)
        for path in [settings.keys / PRIVATE, *_hidden()]:
            _cover(path)
        _powerless()
    except OSError as error:
        return f"{error.strerror} ({error.filename or os.strerror(error.errno or 0)})"
    return ""


def _hidden() -> list[Path]:
    return [Path(path).resolve() for path in os.environ.get(HIDDEN, "").split(":") if path]


def _cover(path: Path) -> None:
    """A folder is empty from now on, and so is one in which nothing but key files lies; else the file is."""
    if path.is_dir():
        _mount(b"none", path, b"tmpfs", _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    elif path.exists() and {one for one in path.parent.iterdir() if one.name[0] != "."} <= set(_hidden()):
        _cover(path.parent)
    elif path.exists():
        _mount(b"/dev/null", path, None, _BIND)


def _mount(source: bytes | None, target: Path, filesystem: bytes | None, flags: int) -> None:
    done = _libc.mount(source, os.fsencode(target), filesystem, ctypes.c_ulong(flags), None)
    _called(done, f"{target} cannot be covered")


def _powerless() -> None:
    """What a new namespace gave could take the cover off again."""
    for option, value in ((_SET_SECUREBITS, _NO_ROOT), (_SET_NO_NEW_PRIVS, 1)):
        _called(_libc.prctl(option, value, 0, 0, 0), "its rights cannot be locked")
    _called(_libc.capset(struct.pack("=Ii", _CAPABILITIES_3, 0), bytes(24)), "its rights cannot be dropped")


def _called(result: int, words: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), words)


def _readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False
