"""Devices counted in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pushwarden.adapters.memory.invalidations import MemoryInvalidations
from pushwarden.core.census import CHURN_DAYS, LIVE, Census, Change, Group, Pulse, Said, changes, day_of, gathered
from pushwarden.core.device import Audience, Device, DeviceState
from pushwarden.core.invalidation import Invalidation, TokenState
from pushwarden.core.scope import Scope


class MemoryCounts(MemoryInvalidations):
    """Beside the devices, which it asks for their audiences and rows."""

    def __init__(self) -> None:
        super().__init__()
        self._pulses: dict[int, Pulse] = {}
        self._groups: dict[int, Sequence[Group]] = {}
        self._churn: dict[tuple[int, int, str], int] = {}
        self._noted: int | None = None

    def described(self) -> list[Audience]:
        raise NotImplementedError

    def rows_of(self, audience: int) -> Iterable[Device]:
        raise NotImplementedError

    async def everywhere(self) -> Census:
        return Census(self.described(), dict(self._pulses))

    async def note_changes(self, now_ms: int) -> int:
        known = await self.everywhere()
        rows = []
        if self._noted is not None:
            said = [
                self._said(organisation, app, one)
                for organisation, app, one in self._entries
                if one.number > self._noted and one.installation and one.state is not TokenState.DOUBTED
            ]
            rows = changes(known.audiences, known.pulses, said, day_of(now_ms))
        for row in rows:
            key = (row.audience, row.day, row.what)
            self._churn[key] = row.count if row.what == LIVE else self._churn.get(key, 0) + row.count
        for one in known.audiences:
            before = self._pulses.get(one.id) or Pulse(one.id, 0, 0)
            self._pulses[one.id] = replace(before, next_seq=one.next_seq, size=one.size)
        self._noted = self._number
        return len(rows)

    def _said(self, organisation: str, app: str, one: Invalidation) -> Said:
        place = (organisation, app, one.environment, one.provider, one.token_kind)
        (audience,) = (
            a.id for a in self.described() if (a.organisation, a.app, a.environment, a.provider, a.token_kind) == place
        )
        return Said(audience, day_of(one.at), None if one.state is TokenState.REVIVED else one.reason, 1)

    async def slice(self, audience: Audience, lo: int, hi: int) -> tuple[list[Group], int]:
        rows = [one for one in self.rows_of(audience.id) if lo <= one.seq < hi]
        live = [one for one in rows if one.state is DeviceState.LIVE]
        groups = gathered(
            Group(one.app_version, one.build, one.test, int(one.gone_at is None), int(one.gone_at is not None))
            for one in rows
        )
        return groups, sum(one.seq >= audience.proven_seq for one in live)

    async def counted(
        self, audience: Audience, groups: Sequence[Group], *, unproven: int, at_ms: int, took_ms: int
    ) -> None:
        before = self._pulses.get(audience.id) or Pulse(audience.id, 0, 0)
        self._groups[audience.id] = sorted(groups, key=lambda one: (-one.live, -one.gone))
        self._pulses[audience.id] = replace(before, unproven=unproven, counted_at=at_ms, took_ms=took_ms)

    async def census(self, where: Scope, since_day: int) -> Census:
        place = (where.organisation, where.app, where.environment)
        audiences = [one for one in self.described() if (one.organisation, one.app, one.environment) == place]
        ids = [one.id for one in audiences]
        return Census(
            audiences,
            {number: self._pulses[number] for number in ids if number in self._pulses},
            {number: self._groups.get(number, ()) for number in ids},
            [
                Change(number, day, what, count)
                for (number, day, what), count in sorted(self._churn.items(), key=lambda row: row[0][1:])
                if number in ids and day >= since_day
            ],
        )

    async def forget_churn(self, now_ms: int) -> int:
        old = [key for key in self._churn if key[1] < day_of(now_ms) - CHURN_DAYS]
        for key in old:
            del self._churn[key]
        return len(old)
