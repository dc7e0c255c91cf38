"""A seeded sample of the soak of changed credential files."""

from __future__ import annotations

import asyncio

from hostile_files import run
from real import need

SAMPLE = 500


def test_a_changed_file_ends_in_a_message_at_a_bounded_cost() -> None:
    need("openssl")
    tally = asyncio.run(run(SAMPLE, seed=4))
    assert tally.files == SAMPLE
    assert tally.broken == []
    assert tally.ok, tally.told()
    assert len(tally.ends) > 10
