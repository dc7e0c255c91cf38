"""Makes one live proof: an access token where one is needed, a connection of its own, a request or a few."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pushwarden.core.app import Credential
from pushwarden.core.check import Check
from pushwarden.core.errors import Invalid, VaultRefused
from pushwarden.core.names import called
from pushwarden.core.probe import PATIENCE_MS
from pushwarden.dataplane.proof.issuer import issuer_of, shown
from pushwarden.dataplane.transport.connections import Entry
from pushwarden.dataplane.transport.dial import DialError, Target
from pushwarden.dataplane.transport.post import Line, opened
from pushwarden.ports.probes import Task
from pushwarden.providers.port import (
    Authorization,
    Exchange,
    Heard,
    Hitch,
    ProbeRequest,
    Provider,
    Reply,
    Unreached,
)

LOOK = 0.02
"""Seconds between two looks whether the access token has come."""


class Stopped(Exception):
    """Sending is stopped where the credential belongs; nothing may be asked."""


@dataclass(frozen=True, slots=True)
class Ways:
    """entry: where and as whom, now; it asks for an access token where one is due. stopped: asked before each write."""

    entry: Callable[[Credential], Entry]
    stopped: Callable[[], bool]


class Proof:
    """One proof under way. `checks` grows with each answer."""

    def __init__(self, task: Task, provider: Provider, ways: Ways) -> None:
        self.task, self._provider, self._ways = task, provider, ways
        self._people = called(task.credential.provider)
        self._line: Line | None = None
        self.checks: list[Check] = []

    def __repr__(self) -> str:
        return f"<proof of {self.task.credential.label}: {len(self.checks)} checks>"

    async def make(self) -> tuple[Check, ...]:
        """What the provider says, within PATIENCE_MS; where nothing can be told, checks that say why."""
        try:
            async with asyncio.timeout(PATIENCE_MS / 1000):
                await self._ask()
        except TimeoutError:
            self.checks.append(Check.of("live.timeout", provider=self._people, seconds=PATIENCE_MS // 1000))
        except Stopped:
            self.checks.append(Check.of("live.stopped", provider=self._people))
        except Invalid as error:
            self._not_asked(str(error))
        except VaultRefused as error:
            self._heard(None, Heard(Unreached(Hitch.SEALED, str(error)), time.time()))
        return tuple(self.checks)

    def halt(self) -> None:
        """Ends its connection at once if a stop covers it; what is not yet sent never will be."""
        if self._line is not None and self._ways.stopped():
            self._line.end()

    # --- inside

    async def _ask(self) -> None:
        if not self.task.app.enabled:
            self._not_asked("The app is disabled")
            return
        requests = self._provider.probe(self.task.credential, self.task.app)
        if not requests:
            self._not_asked("It answers for a bundle ID only, and the app has none.")
            return
        entry = await self._entry()
        if entry.authorization is None:
            trouble = entry.trouble
            assert trouble is not None and trouble.found is not None  # every trouble of an entry says what it was
            self._heard(None, trouble.found)
            return
        await self._connect(entry, entry.authorization, requests)

    async def _entry(self) -> Entry:
        """Once an access token is there, or has been refused."""
        while True:
            self._heed_stop()
            entry = self._ways.entry(self.task.credential)
            if entry.authorization is not None or entry.trouble is not None:
                return entry
            await asyncio.sleep(LOOK)

    async def _connect(self, entry: Entry, as_whom: Authorization, requests: tuple[ProbeRequest, ...]) -> None:
        target, began = entry.target, time.monotonic()
        try:
            self._line = await opened(target)
        except DialError as error:
            self._heed_stop()
            why = await _named(target, error.unreached)
            self._heard(requests[0], Heard(why, time.time(), target.origin, _ms(began)))
            return
        try:
            await self._ask_each(entry, as_whom, requests, self._line)
        finally:
            self._line.end()

    async def _ask_each(
        self, entry: Entry, as_whom: Authorization, requests: tuple[ProbeRequest, ...], line: Line
    ) -> None:
        origin, issuer = entry.target.origin, issuer_of(line.certificate)
        for request in requests:
            self._heed_stop()
            began = time.monotonic()
            answer = await _answer(
                line, Exchange(origin, request.path, request.headers + as_whom.headers, request.body)
            )
            self._heard(request, Heard(answer, time.time(), origin, _ms(began), issuer))
            if isinstance(answer, Unreached):
                return
            if answer.status == 401:
                entry.distrust()

    def _heard(self, asked: ProbeRequest | None, heard: Heard) -> None:
        if isinstance(heard.answer, Unreached):
            self._heed_stop()  # it may have been the stop that ended it
            heard = replace(heard, now=time.time())
        said = self._provider.proof(self.task.credential, self.task.app, asked, heard)
        self.checks += [check for check in said if check not in self.checks]

    def _not_asked(self, reason: str) -> None:
        self.checks.append(Check.of("live.not_asked", provider=self._people, reason=reason.removesuffix(".")))

    def _heed_stop(self) -> None:
        if self._ways.stopped():
            raise Stopped


async def _answer(line: Line, exchange: Exchange) -> Reply | Unreached:
    try:
        return await line.ask(exchange)
    except DialError as error:
        return error.unreached


async def _named(target: Target, why: Unreached) -> Unreached:
    return replace(why, said=await shown(target)) if why.hitch is Hitch.TRUST else why


def _ms(began: float) -> int:
    return round(1000 * (time.monotonic() - began))
