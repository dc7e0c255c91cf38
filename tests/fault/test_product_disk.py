"""A full disk under the whole product: accepting stops before recording does, and both come back."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from browsing import Browser
from people import signed_in
from product_fixtures import SLOW, ask, conserved, ended, fleet, send, times_seen, under_way, until
from pushwarden.core.principal import Role
from pushwarden.wiring.stage import Stage
from real import absent

pytestmark = SLOW
DISK = 96 << 20
FLEET = 8000


@pytest.fixture(scope="module")
def small() -> Iterator[Stage]:
    """Its data directory is a file system of its own."""
    folder = Path(tempfile.mkdtemp(prefix="pwd-", dir="/tmp"))
    data = folder / "data"
    data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "pushwarden-test", str(data)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        shutil.rmtree(folder)
        absent("a small file system cannot be mounted here: it takes root with CAP_SYS_ADMIN")
    try:
        with Stage(folder, log_mode="full") as stage:
            yield stage
    finally:
        subprocess.run(["umount", "-l", str(data)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def fill(folder: Path) -> list[Path]:
    """Takes every last byte."""
    made = []
    for size in (1 << 20, 4096):
        path = folder / f"filler-{size}"
        made.append(path)
        with path.open("wb", buffering=0) as file:
            try:
                while file.write(b"\xff" * size) == size:
                    pass
            except OSError:
                pass
    return made


def test_a_full_disk_refuses_pushes_and_loses_none(small: Stage) -> None:
    base = small.make_app("full")
    fleet(small, base, FLEET)
    small.control("POST", "/script", json={"rules": [{"do": "delay", "ms": 100}]})
    push = send(small, base, {"all": True})
    under_way(small, base, push)
    filler = fill(small.data)
    body = {"to": {"user": "user-1"}, "title": "x", "body": "y" * 3000}
    taken: list[str] = []

    def refused() -> bool:
        answer = ask(small, "POST", f"{base}/pushes", json=body)
        if answer.status_code == 202:
            taken.append(answer.json()["id"])
            return False
        assert (answer.status_code, answer.json()["code"]) in ((507, "store_full"), (503, "busy")), answer.text
        return answer.status_code == 507

    until(refused, "507")
    small.control("POST", "/script", json={"rules": []})
    state = small.settled(base, push)
    assert ended(state) == {"accepted": FLEET}
    assert conserved(state)
    assert times_seen(small, push) == dict.fromkeys(range(FLEET), 1)
    receipt = small.call("POST", "/v1/stop", json={"app": "full"})
    assert receipt["drained"]
    for path in filler:
        path.unlink()
    until(
        lambda: ask(small, "POST", "/v1/resume", json={"app": "full", "held": "release"}).status_code == 200, "resume"
    )
    later = until(lambda: ask(small, "POST", f"{base}/pushes", json=body).json().get("id"), "a push that is taken")
    for one in (*taken, later):
        assert ended(small.settled(base, one)) == {"accepted": 1}
        assert times_seen(small, one) == {1: 1}


def test_the_console_stops_and_shows_its_receipt_while_nothing_can_be_written(small: Stage) -> None:
    small.make_app("read-only")
    dana = Browser(small, signed_in(small, Role.OPERATOR, name="Dana K."))
    filler = fill(small.data)
    try:
        where, _ = dana.post("/stop", target="read-only/simulated", reason="Disk is full")
        page = dana.get(where)
        assert "In effect on" in page and "Disk is full" in page
        assert "Stopped. " in dana.get("/apps")
    finally:
        for path in filler:
            path.unlink()
    lifting = {"app": "read-only", "environment": "simulated"}
    until(lambda: ask(small, "POST", "/v1/resume", json=lifting).status_code == 200, "resume")
