"""Shared by all tests."""

from __future__ import annotations

from hypothesis import settings

import postgres_server

settings.register_profile("untimed", deadline=None)  # how long an example takes says how full the machine is
settings.load_profile("untimed")


def pytest_sessionfinish() -> None:
    postgres_server.ending.close()
