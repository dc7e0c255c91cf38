"""What is proven while shards are being promoted is not forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.fault.pump_stage import HeldInMemory

from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.adapters.memory.journal import MemoryJournal
from pushwarden.core.lane import Class, Lane
from pushwarden.core.scope import Environment
from pushwarden.dataplane.feedback.burial import Burial
from pushwarden.dataplane.feedback.proving import Proving, Trials

LANE = Lane("acme", "shop", Environment.SIMULATED, "apns", Class.SUSPECT)


def test_devices_that_are_proven_amid_a_promotion_are_promoted_next() -> None:
    async def scene() -> None:
        devices, journal = MemoryDevices(), MemoryJournal()
        trials = Trials(devices)
        proving = Proving(trials, devices, journal, Burial(devices, HeldInMemory(), SystemClock(), lambda hold: None))
        promote, promoted = journal.promote, []

        async def promote_and_prove(*args: Any) -> int:
            promoted.append(args[-1])
            trials.behind[LANE, 1] = 20
            return await promote(*args)

        journal.promote = promote_and_prove  # type: ignore[method-assign]
        trials.behind[LANE, 1] = 10
        await proving.judge([], {})
        await proving.judge([], {})
        await proving.judge([], {})
        assert promoted == [10, 20] and not trials.behind

    asyncio.run(scene())
