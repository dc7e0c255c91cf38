"""Keeps one courier for every callback that is on."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from pushwarden.core.callback import Callback
from pushwarden.core.errors import Busy, StoreFull
from pushwarden.dataplane.callbacks.courier import Bag, Courier


@dataclass(slots=True)
class Office:
    bag: Bag
    _couriers: dict[str, tuple[Callback, asyncio.Task[None]]] = field(default_factory=dict)

    async def run(self) -> None:
        """For ever: follows the configuration within a beat."""
        version = -1
        try:
            while True:
                with contextlib.suppress(Busy, StoreFull):
                    newest = await self.bag.catalog.version()
                    if newest != version:
                        self._staff(await self.bag.catalog.read(lambda tables: tables.callbacks.all()))
                        version = newest
                self._heed_deaths()
                await asyncio.sleep(self.bag.beat)
        finally:
            for _, task in self._couriers.values():
                task.cancel()

    def _staff(self, callbacks: list[Callback]) -> None:
        wanted = {callback.id: callback for callback in callbacks if callback.enabled}
        for name, (callback, task) in list(self._couriers.items()):
            if wanted.get(name) != callback:
                task.cancel()
                del self._couriers[name]
        for name, callback in wanted.items():
            if name not in self._couriers:
                task = asyncio.create_task(Courier(callback, self.bag).run())
                self._couriers[name] = (callback, task)

    def _heed_deaths(self) -> None:
        """A courier never ends by itself: one that did found a fault of ours, which must not go unseen."""
        for _, task in self._couriers.values():
            if task.done():
                task.result()
