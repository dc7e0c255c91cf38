"""Shared by all tests."""

from __future__ import annotations

import postgres_server


def pytest_sessionfinish() -> None:
    postgres_server.ending.close()
