"""The simulated phones of this installation: each listens at its simulator's control door and keeps what it showed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec

from pushwarden.core.errors import InUse, NoSimulator
from pushwarden.core.scope import Scope
from pushwarden.ports.clock import Clock
from pushwarden.ports.phones import Phone, Shown
from pushwarden.settings import Settings
from pushwarden.simulators.phone.phone import WAIT_S, Push, confirmation, push_of
from pushwarden.wiring.simulated import door

KEPT = 20
"""What a phone showed last."""
MOST = 50
AGAIN_SECONDS = 1.0
_Key = tuple[str, str, str]


@dataclass(slots=True)
class Held:
    """A phone, what it showed, oldest first, and the task in which it listens."""

    phone: Phone
    shown: list[Shown] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class _Stored(msgspec.Struct):
    phone: Phone
    shown: list[Shown]


_FILE = msgspec.json.Decoder(list[_Stored])


class Pocket:
    """Keeps its phones in a file below `data`, so that they listen again after a restart."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._file = settings.data / "phones.json"
        self._held: dict[_Key, Held] = {}
        self._client = httpx2.AsyncClient(timeout=WAIT_S * 2, trust_env=False)

    def open(self) -> None:
        """Takes out the phones that are kept. Inside the running loop."""
        with contextlib.suppress(FileNotFoundError):
            for one in _FILE.decode(self._file.read_bytes()):
                self._take(Held(one.phone, one.shown))

    async def close(self) -> None:
        tasks = [held.task for held in self._held.values() if held.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def stand(self, provider: str) -> bool:
        return bool(door(self._settings, provider))

    async def add(self, phone: Phone) -> None:
        if len(self._held) >= MOST:
            raise InUse(f"There are {MOST} simulated phones, which is the most; remove one that nobody looks at.")
        try:
            await self._pair(phone)
        except httpx2.HTTPError as error:
            raise NoSimulator("The simulator does not answer; try again in a moment.") from error
        self._take(Held(phone))
        self._write()

    async def remove(self, where: Scope, installation_id: str) -> bool:
        held = self._held.pop((where.organisation, where.app, installation_id), None)
        if held is None:
            return False
        self._write()
        if held.task is not None:
            held.task.cancel()
        with contextlib.suppress(httpx2.HTTPError):
            await self._client.delete(self._at(held.phone))
        return True

    def of(self, where: Scope) -> Sequence[tuple[Phone, Sequence[Shown]]]:
        own = [held for key, held in self._held.items() if key[:2] == (where.organisation, where.app)]
        return [(held.phone, held.shown[::-1]) for held in own]

    def _take(self, held: Held) -> None:
        phone = held.phone
        self._held[phone.organisation, phone.app, phone.installation_id] = held
        held.task = asyncio.create_task(self._listen(held), name=f"phone-{phone.installation_id}")

    async def _listen(self, held: Held) -> None:
        """For ever. A simulator that was started again does not know the phone any more."""
        while True:
            try:
                await self._pair(held.phone)
                while True:
                    for row in await self._arrived(held.phone):
                        push = push_of(row)
                        self._show(held, push)
                        await self._confirm(held.phone, push)
            except httpx2.HTTPError:
                await asyncio.sleep(AGAIN_SECONDS)

    async def _confirm(self, phone: Phone, push: Push) -> None:
        """As an app does: to this installation's own door. What it does not take is not said again."""
        report = confirmation(push, phone.token)
        if report is None:
            return
        with contextlib.suppress(httpx2.HTTPError, OSError, ValueError):
            said = json.loads((self._settings.run / "api.json").read_text())
            base = f"http://{said['host']}:{said['port']}/v1/apps/{phone.app}/simulated"
            await self._client.post(f"{base}/signals", json=report)

    def _show(self, held: Held, push: Push) -> None:
        shown = Shown(self._clock.now_ms(), push.push_type, push.title, push.body)
        held.shown = [*held.shown, shown][-KEPT:]
        self._write()

    async def _pair(self, phone: Phone) -> None:
        (await self._client.post(self._at(phone))).raise_for_status()

    async def _arrived(self, phone: Phone) -> list[dict[str, Any]]:
        answer = await self._client.get(self._at(phone), params={"wait": str(WAIT_S)})
        rows: list[dict[str, Any]] = answer.raise_for_status().json()["pushes"]
        return rows

    def _at(self, phone: Phone) -> str:
        return f"{door(self._settings, phone.provider)}/phone/{phone.token}"

    def _write(self) -> None:
        draft = self._file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode([_Stored(held.phone, held.shown) for held in self._held.values()]))
        draft.replace(self._file)
