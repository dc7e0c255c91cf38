"""Invalidations in memory: the part of the device store that backends read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pushwarden.core.device import Audience, Device
from pushwarden.core.invalidation import Invalidation, Step, TokenState, raw_step
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.devices import DeadToken
from pushwarden.ports.invalidations import INVALIDATION_LIFE_MS


class MemoryInvalidations:
    """`Invalidations` but for `names`, which the devices answer."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, str, Invalidation]] = []  # organisation, app, entry
        self._number = 0

    def enter(self, audience: Audience, device: Device, word: DeadToken, now_ms: int) -> None:
        self._enter(
            audience, device, replace(_GONE, reason=word.reason, gone_ms=word.gone_ms, at=now_ms, push=word.push)
        )

    def enter_revived(self, audience: Audience, device: Device, now_ms: int) -> None:
        self._enter(audience, device, replace(_GONE, state=TokenState.REVIVED, at=now_ms))

    def _enter(self, audience: Audience, device: Device, said: Invalidation) -> None:
        entry = replace(
            said, environment=audience.environment, provider=audience.provider, token_kind=audience.token_kind,
            token=device.token, installation=device.installation_id, user=device.user,
        )  # fmt: skip
        self._add(audience.organisation, audience.app, entry)

    def _add(self, organisation: str, app: str, entry: Invalidation) -> None:
        self._number += 1
        self._entries.append((organisation, app, replace(entry, number=self._number)))

    async def invalidate(self, where: Scope, provider: str, dead: Sequence[DeadToken], now_ms: int) -> int:
        return sum(self._raw(where, provider, word, now_ms) for word in dead)

    def _raw(self, where: Scope, provider: str, word: DeadToken, now_ms: int) -> bool:
        assert where.environment is not None
        entry = Invalidation(
            0, TokenState.GONE, where.environment, provider, word.token_kind, word.token.decode(), reason=word.reason,
            gone_ms=word.gone_ms, at=now_ms, push=word.push,
        )  # fmt: skip
        same = [row for row in self._entries if row[:2] == (where.organisation, where.app) and _alike(row[2], entry)]
        last = same[-1][2] if same else None
        step = raw_step((last.state, last.gone_ms, last.at) if last else None, word.gone_ms, now_ms)
        if step is not Step.NOTHING:
            doubts = [row for row in same if row[2].state is TokenState.DOUBTED]
            self._entries = [row for row in self._entries if row not in doubts]
            state = TokenState.GONE if step is Step.ENTER else TokenState.DOUBTED
            self._add(where.organisation, where.app, replace(entry, state=state))
        return step is Step.ENTER

    async def invalidations(self, where: Scope, *, after: int, limit: int) -> list[Invalidation]:
        own = [
            entry
            for organisation, app, entry in self._entries
            if where.covers(Scope(organisation, app, entry.environment)) and entry.state is not TokenState.DOUBTED
        ]
        return [entry for entry in own if entry.number > after][:limit]

    async def number_before(self, at_ms: int) -> int:
        return next((entry.number - 1 for *_, entry in self._entries if entry.at >= at_ms), self._number)

    async def forget(self, now_ms: int) -> int:
        before = len(self._entries)
        self._entries = [row for row in self._entries if row[2].at >= now_ms - INVALIDATION_LIFE_MS]
        return before - len(self._entries)


_GONE = Invalidation(0, TokenState.GONE, Environment.PRODUCTION, "", "", "")


def _alike(entry: Invalidation, other: Invalidation) -> bool:
    return not entry.installation and all(
        getattr(entry, name) == getattr(other, name) for name in ("environment", "provider", "token")
    )
