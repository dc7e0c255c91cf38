"""The server of our own: it ends with whoever started it, and keeps what was committed when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

import postgres_server
from pushwarden.bench.report import NotMeasured
from pushwarden.bench.store import SERVER, store_of
from pushwarden.wiring import local_postgres
from pushwarden.wiring.local_postgres import NoServer

STARTS_ONE = """
import sys, time
from pathlib import Path
from pushwarden.wiring.local_postgres import LocalPostgres
print(LocalPostgres(Path(sys.argv[1])).start().pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    postgres_server.server()  # or the reason why there is none
    folder = Path(f"/tmp/pwdie-{os.getpid()}")
    folder.mkdir()
    child = subprocess.Popen([sys.executable, "-c", STARTS_ONE, str(folder)], stdout=subprocess.PIPE)
    assert child.stdout
    pid = int(child.stdout.readline())
    assert alive(pid)
    child.kill()
    child.wait()
    child.stdout.close()
    until = time.monotonic() + 30
    while alive(pid):
        assert time.monotonic() < until
        time.sleep(0.02)
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_killed_server_starts_again_with_everything_that_was_committed() -> None:
    server = postgres_server.own_server()
    dsn = postgres_server.database_of(server)
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    server.start()
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
    assert server.stop() == 0


def test_without_the_programs_a_benchmark_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVER, raising=False)
    monkeypatch.setattr(local_postgres.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NoServer, match=r"run \./dev setup"):
        local_postgres.programs()
    with pytest.raises(NotMeasured, match=f"name a server in {SERVER}"), store_of("postgres", tmp_path):
        pass
    with pytest.raises(NotMeasured, match="There is no store oracle"), store_of("oracle", tmp_path):
        pass


def test_a_benchmark_has_a_database_of_its_own_on_a_named_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = postgres_server.fresh_database(migrated=False)
    monkeypatch.setenv(SERVER, named)
    with store_of("postgres", tmp_path) as environ:
        with psycopg.connect(environ["PUSHWARDEN_STORE"]) as connection:
            (inside,) = connection.execute("SELECT current_database()").fetchone() or ("",)
        assert inside.startswith("pushwarden_bench_")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(environ["PUSHWARDEN_STORE"])
