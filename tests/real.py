"""Real parts that tests need: a missing one is a skip with its reason, and a failure where CI=true."""

from __future__ import annotations

import os
import shutil

import pytest

SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin")


def find(program: str) -> str | None:
    """Path of a program, looked for on PATH and in the sbin folders, which users' PATH often lacks."""
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(SBIN))


def need(program: str) -> str:
    """Path of the program; without it the test is skipped, or fails when CI=true."""
    path = find(program)
    if path is None:
        absent(f"{program} is not installed: run ./dev setup")
    return str(path)


def absent(reason: str) -> None:
    """Skip for this reason; fail instead when CI=true, so that nothing goes untested unseen."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
