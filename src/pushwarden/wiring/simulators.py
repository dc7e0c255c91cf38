"""Simulators that `serve` runs itself, one process for all providers: on loopback, and for `simulated` alone."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from pushwarden.settings import Settings
from pushwarden.simulators.apns.run import Apns
from pushwarden.simulators.common.run import CannotStart, Options, Simulator, standing
from pushwarden.simulators.fcm.run import Fcm
from pushwarden.wiring.run import ready, termination
from pushwarden.wiring.simulated import folder, ready_file, said

OWN: tuple[Simulator[Any], ...] = (Apns(), Fcm())


async def main(settings: Settings, _: str) -> None:
    """The role: every provider's simulator until SIGTERM. Any key is good, because nobody outside is reached."""
    ended = termination()
    async with AsyncExitStack() as stack:
        for one in OWN:
            await _stand(stack, settings, one, ended)
        ready()
        await ended.wait()


async def _stand(stack: AsyncExitStack, settings: Settings, one: Simulator[Any], ended: asyncio.Event) -> None:
    """At the ports it had before, so that senders find it again after a fall; at others where those are taken."""
    before, file = said(settings, one.name), ready_file(settings, one.name)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for port, control_port in ((before.get("port", 0), before.get("control_port", 0)), (0, 0)):
        options = Options(port, control_port, cert_dir=folder(settings), ready_file=file, any_key=True)
        try:
            await stack.enter_async_context(standing(one, options, ended))
            return
        except CannotStart:
            if not port:
                raise
