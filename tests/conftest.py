"""Shared by all tests."""

from __future__ import annotations

import os

from hypothesis import settings

import postgres_server

settings.register_profile("untimed", deadline=None)  # how long an example takes says how full the machine is
settings.load_profile("untimed")
# A stop ends senders that are silent, and on a full machine good ones are: what a stop proves would be left to chance.
os.environ.setdefault("PUSHWARDEN_STOP_PATIENCE_MS", "2000")


def pytest_sessionfinish() -> None:
    postgres_server.ending.close()
