"""A fork server whose children do what a hostile file could make them do: `hostile_reader.py [nobody] [hasty] [poor]`.

A request is a word, and a space and its argument where it takes one.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable

from pushwarden.wiring.limited.limits import Limits
from pushwarden.wiring.limited.server import serve

seen: list[str] = []


def eat(_: str) -> str:
    held = [bytearray(1 << 20) for _ in range(1024)]
    return str(len(held))


def spin(_: str) -> str:
    while True:
        pass


def sleep(_: str) -> str:
    time.sleep(600)
    return "awake"


def deaf(_: str) -> str:
    for number in (signal.SIGXCPU, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    return spin("")


def fork(_: str) -> str:
    return str(os.fork())


def execute(_: str) -> str:
    os.execv("/bin/echo", ["echo", "I am another program"])


def write(path: str) -> str:
    with open(path, "w") as file:
        return str(file.write("planted"))


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


def dial(port: str) -> str:
    socket.create_connection(("127.0.0.1", int(port))).close()
    return "connected"


def speak(words: str) -> str:
    print(words, flush=True)
    print(words, file=sys.stderr, flush=True)
    os.write(1, words.encode())
    return "said"


def die(number: str) -> str:
    os.kill(os.getpid(), int(number))
    return "alive"


def fail(words: str) -> str:
    raise ValueError(words)


def flood(_: str) -> str:
    mouth = socket.socket(fileno=3)
    mouth.setblocking(False)
    try:
        while True:
            mouth.send(b"\x83")
    except BlockingIOError:
        os._exit(0)


def swell(size: str) -> str:
    return "x" * int(size)


def remember(word: str) -> str:
    seen.append(word)
    return " ".join(seen)


def descriptors(_: str) -> str:
    found = []
    for fd in range(256):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(str(fd))
    return " ".join(found)


def user(_: str) -> str:
    return f"{os.getuid()} {os.geteuid()} {os.getgid()} {os.getgroups()}"


DEEDS: dict[str, Callable[[str], str]] = {
    deed.__name__: deed
    for deed in (
        eat, spin, sleep, deaf, fork, execute, write, read, dial, speak, die, fail, flood, swell, remember,
        descriptors, user,
    )
}  # fmt: skip


def do(request: bytes) -> bytes:
    word, _, argument = request.decode().partition(" ")
    try:
        return DEEDS[word](argument).encode()
    except OSError as error:
        return errno.errorcode[error.errno or 0].encode()


if __name__ == "__main__":
    if "nobody" in sys.argv:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    if "poor" in sys.argv:
        resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
        resource.setrlimit(resource.RLIMIT_AS, (100 << 20, 100 << 20))
    serve(do, Limits(cpu_seconds=1, wall_seconds=0.5 if "hasty" in sys.argv else 100))
