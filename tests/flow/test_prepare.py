"""What is made before any role starts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushwarden.adapters.fence_file import FenceFile
from pushwarden.core.scope import Scope
from pushwarden.settings import Settings
from pushwarden.wiring.prepare import main
from stops_fixtures import folder, house

APP = Scope("acme", "shop")


@pytest.fixture
def path() -> Iterator[Path]:
    with folder() as made:
        yield made


def test_an_empty_folder_becomes_ready_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data": tmp_path / "data"})
    asyncio.run(main(settings, "prepare"))
    fence, keys = settings.fence_file.read_bytes(), (settings.keys / "vault.pub").read_bytes()
    assert settings.control_db.exists()
    assert settings.journal_db.exists()
    assert settings.run.stat().st_mode & 0o777 == 0o700
    asyncio.run(main(settings, "prepare"))
    assert (settings.fence_file.read_bytes(), (settings.keys / "vault.pub").read_bytes()) == (fence, keys)


def test_a_fence_file_that_was_moved_away_is_made_anew_with_every_open_stop(path: Path) -> None:
    async def stop() -> None:
        async with house(path) as ours:
            await ours.stops.stop(APP, "alice")
            await ours.stops.stop(Scope("rival"), "carol")
            await ours.stops.resume(Scope("rival"), "carol")
            await ours.book.settled()

    asyncio.run(stop())
    (path / "fence").rename(path / "fence.damaged")
    asyncio.run(main(Settings.model_validate({"data": path}), "prepare"))
    fence = FenceFile(path / "fence")
    assert [stop.scope for stop in fence.stops()] == [APP]
    assert fence.generation() > 0
    fence.close()
