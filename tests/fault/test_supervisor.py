"""The supervisor over toy roles: restarts, draining order, orphans, one instance."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pushwarden.adapters.processes import start_time
from pushwarden.wiring.children import (
    FIRST_DELAY,
    HEALTHY_SECONDS,
    LONGEST_AFTER_WORK,
    LONGEST_DELAY,
    next_delay,
)
from pushwarden.wiring.roles import main_of, names
from pushwarden.wiring.run import load_settings

PROGRAM = """
import sys
from pushwarden.wiring import supervisor
from pushwarden.wiring.run import load_settings
toy = lambda name: (sys.executable, sys.argv[1], name, sys.argv[2])
sys.exit(supervisor.serve(load_settings(), toy, float(sys.argv[3])))
"""
TOY = Path(__file__).parent.parent / "role_toy.py"


class Tree:
    """A supervisor in a process of its own, its log and the toys' diary."""

    def __init__(self, folder: Path, patience: float = 20.0) -> None:
        self.folder = folder
        self.log = (folder / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(TOY), str(folder), str(patience)],
            env=os.environ
            | {"PUSHWARDEN_DATA": str(folder / "data"), "PUSHWARDEN_BULK_SENDERS": "2", "PUSHWARDEN_SIMULATORS": "off"},
            stderr=self.log,
        )

    def diary(self) -> list[tuple[str, str, int]]:
        path = self.folder / "diary"
        lines = sorted(path.read_text().splitlines(), key=lambda line: int(line.split()[0])) if path.exists() else []
        return [(name, word, int(pid)) for _, name, word, pid in (line.split() for line in lines)]

    def events(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]
        return [line for line in lines if line["event"] == event]

    def until(self, condition: Callable[[], Any]) -> None:
        while not condition():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.01)

    def until_ready(self) -> None:
        self.until((self.folder / "data" / "run" / "ready").exists)

    def pids(self) -> dict[str, int]:
        return {name: pid for name, word, pid in self.diary() if word == "up"}

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Tree]]:
    with contextlib.ExitStack() as stack:

        def begin(patience: float = 20.0) -> Tree:
            tree = Tree(folder, patience)
            stack.callback(tree.close)
            return tree

        yield begin


def test_sigterm_closes_the_door_first_then_the_senders_then_the_chores(start: Callable[..., Tree]) -> None:
    tree = start()
    tree.until_ready()
    assert tree.diary()[0][:2] == ("prepare", "done")
    tree.process.send_signal(signal.SIGTERM)
    assert tree.process.wait() == 0
    story = [(name, word) for name, word, _ in tree.diary() if word in ("asked", "down")]
    senders = {"sender-urgent", "sender-normal", "sender-bulk-0", "sender-bulk-1"}
    assert story[:2] == [("api", "asked"), ("api", "down")]
    assert {name for name, _ in story[2:10]} == senders
    assert {word for _, word in story[2:6]} == {"asked"}
    assert story[10:] == [("chores", "asked"), ("chores", "down")]
    assert not (tree.folder / "data" / "run" / "ready").exists()


def test_a_killed_child_is_started_again_and_readiness_says_so(start: Callable[..., Tree]) -> None:
    tree = start()
    tree.until_ready()
    before = tree.pids()
    os.kill(before["sender-urgent"], signal.SIGKILL)
    tree.until(lambda: tree.pids()["sender-urgent"] != before["sender-urgent"])
    tree.until_ready()
    (died,) = tree.events("died")
    assert (died["role"], died["how"], died["pid"]) == ("sender-urgent", "signal SIGKILL", before["sender-urgent"])
    after = tree.pids()
    assert {name for name in after if after[name] != before[name]} == {"sender-urgent"}


def test_a_child_that_keeps_dying_is_tried_ever_more_slowly(start: Callable[..., Tree], folder: Path) -> None:
    (folder / "chores").write_text("dies")
    tree = start()
    tree.until(lambda: len(tree.events("died")) >= 3)
    delays = [line["again_in_s"] for line in tree.events("died")[:3]]
    assert delays == [FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY]
    assert {line["how"] for line in tree.events("died")} == {"exit code 3"}
    assert tree.events("ready") == []
    tree.process.send_signal(signal.SIGTERM)
    assert tree.process.wait() == 0


def test_a_stubborn_child_is_killed_and_the_others_still_drain(start: Callable[..., Tree], folder: Path) -> None:
    (folder / "api").write_text("stubborn")
    tree = start(patience=6)
    tree.until_ready()
    tree.process.send_signal(signal.SIGTERM)
    assert tree.process.wait() == 1
    assert [line["role"] for line in tree.events("killed")] == ["api"]
    assert {name for name, word, _ in tree.diary() if word == "down"} == set(tree.pids()) - {"api"}


def test_a_second_ctrl_c_kills_at_once(start: Callable[..., Tree], folder: Path) -> None:
    (folder / "api").write_text("stubborn")
    tree = start(patience=60)
    tree.until_ready()
    tree.process.send_signal(signal.SIGINT)
    tree.until(lambda: ("api", "asked") in [(name, word) for name, word, _ in tree.diary()])
    tree.process.send_signal(signal.SIGINT)
    assert tree.process.wait() == 1


def test_no_child_outlives_a_killed_supervisor_and_a_new_one_starts(start: Callable[..., Tree], folder: Path) -> None:
    (folder / "real").touch()
    first = start()
    first.until_ready()
    pids = first.pids()
    first.process.kill()
    first.process.wait()
    (folder / "real").unlink()
    second = start()
    second.until(lambda: all(start_time(pid) is None for pid in pids.values()))
    second.until(lambda: set(second.pids().values()).isdisjoint(pids.values()))
    second.until_ready()


def test_a_second_supervisor_is_refused_with_a_sentence(start: Callable[..., Tree]) -> None:
    first = start()
    first.until_ready()
    second = start()
    assert second.process.wait() == 1
    (refused,) = second.events("refused")
    assert refused["code"] == "already_running"
    assert f"process {first.process.pid}" in refused["sentence"]
    assert first.process.poll() is None


def test_nothing_starts_when_the_preparation_fails(start: Callable[..., Tree], folder: Path) -> None:
    (folder / "prepare").write_text("fails")
    tree = start()
    assert tree.process.wait() == 1
    assert [word for _, word, _ in tree.diary()] == ["done"]


def test_the_delay_doubles_up_to_a_limit_and_a_healthy_life_resets_it() -> None:
    delay, delays = 0.0, []
    for _ in range(8):
        delay = next_delay(delay, 1.0)
        delays.append(delay)
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST_DELAY, LONGEST_DELAY]
    assert next_delay(LONGEST_DELAY, HEALTHY_SECONDS) == FIRST_DELAY


def test_a_child_that_came_up_before_it_died_is_started_again_within_a_second() -> None:
    delay, delays = 0.0, []
    for _ in range(5):
        delay = next_delay(delay, 1.0, was_ready=True)
        delays.append(delay)
    assert delays == [0.2, 0.4, 0.8, LONGEST_AFTER_WORK, LONGEST_AFTER_WORK]


def test_every_role_has_a_function_and_one_urgent_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSHWARDEN_BULK_SENDERS", "2")
    assert names(load_settings()) == [
        "api",
        "sender-urgent",
        "sender-normal",
        "sender-bulk-0",
        "sender-bulk-1",
        "chores",
        "simulators",
    ]
    assert callable(main_of("prepare"))


def test_a_setting_that_makes_no_sense_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("PUSHWARDEN_LISTEN_PORT", "99999")
    with pytest.raises(SystemExit) as ended:
        load_settings()
    assert ended.value.code == 2
    assert "PUSHWARDEN_LISTEN_PORT: " in capsys.readouterr().err
