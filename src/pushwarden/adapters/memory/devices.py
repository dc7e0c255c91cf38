"""Devices in memory: the shipped double of devices.db, told by the same contract suite."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pushwarden.adapters.memory.census import MemoryCounts
from pushwarden.adapters.memory.imports import MemoryImports
from pushwarden.core.device import Audience, Device, DeviceState, Rows, keeping_mark
from pushwarden.core.device_rules import Entry, device_of
from pushwarden.core.device_search import DeviceQuery, Found, Place, Way, meets
from pushwarden.core.errors import Conflict
from pushwarden.core.invalidation import SECOND_WORD_MS
from pushwarden.core.scope import Scope
from pushwarden.core.tags import matches, parse_tags
from pushwarden.ports.devices import TOMBSTONE_LIFE_MS, DeadToken, Imported, Registration

_PIECE = 16_384
_PAGE = 1000
_COLUMNS: dict[str, Callable[[Device], str]] = {
    "user": lambda device: device.user,
    "app_version": lambda device: device.app_version,
    "build": lambda device: device.build,
    "installation_id": lambda device: device.installation_id,
    "registered_at": lambda device: str(device.registered_at),
    "test": lambda device: str(int(device.test)),
}


@dataclass(slots=True)
class _Audience:
    about: Audience
    rows: dict[int, Device] = field(default_factory=dict)
    by_installation: dict[str, int] = field(default_factory=dict)
    by_token: dict[str, int] = field(default_factory=dict)
    doubts: dict[int, int] = field(default_factory=dict)
    next_seq: int = 0
    proven_seq: int = 0

    def of_installation(self, installation_id: str) -> Device | None:
        seq = self.by_installation.get(installation_id)
        return None if seq is None else self.rows[seq]

    def put(self, device: Device, *, seen: bool) -> None:
        old = self.rows.get(device.seq)
        if old is not None and old.token != device.token:
            self.by_token.pop(old.token, None)
        if seen or old is None or old.token != device.token:
            self.doubts.pop(device.seq, None)
        self.rows[device.seq] = device
        self.by_installation[device.installation_id] = device.seq
        self.by_token[device.token] = device.seq

    def drop(self, seq: int) -> None:
        device = self.rows.pop(seq)
        self.doubts.pop(seq, None)
        del self.by_installation[device.installation_id]
        self.by_token.pop(device.token, None)

    def buried(self, token: str) -> bool:
        seq = self.by_token.get(token)
        return seq is not None and self.rows[seq].state is DeviceState.GONE

    def evict(self, token: str, installation_id: str) -> int:
        seq = self.by_token.get(token)
        if seq is None or self.rows[seq].installation_id == installation_id:
            return 0
        self.drop(seq)
        return 1

    def live(self) -> Iterator[Device]:
        return (self.rows[seq] for seq in sorted(self.rows) if self.rows[seq].state is DeviceState.LIVE)

    def described(self) -> Audience:
        return replace(self.about, size=sum(1 for _ in self.live()), next_seq=self.next_seq, proven_seq=self.proven_seq)


class MemoryDevices(MemoryImports, MemoryCounts):
    def __init__(self) -> None:
        super().__init__()
        self._audiences: list[_Audience] = []

    async def register(self, where: Scope, devices: Sequence[Device], now_ms: int) -> list[Registration]:
        for device in devices:
            self._check_version(where, device)
        return [self._register(where, device, now_ms) for device in devices]

    def _check_version(self, where: Scope, device: Device) -> None:
        old = self._audience(where, device).of_installation(device.installation_id)
        version = old.version if old else 0
        if device.version and device.version != version:
            raise Conflict("The device was changed since you read it; read it again.", version=version)

    def _register(self, where: Scope, device: Device, now_ms: int) -> Registration:
        audience = self._audience(where, device)
        buried = audience.buried(device.token)
        moved = audience.evict(device.token, device.installation_id)
        old = audience.of_installation(device.installation_id)
        wish = replace(
            device, state=DeviceState.LIVE, registered_at=now_ms, gone_at=None, gone_reason="",
            seq=old.seq if old else audience.next_seq, version=old.version if old else 1,
        )  # fmt: skip
        wish = keeping_mark(old, wish)
        change = "created"
        if old is None:
            audience.next_seq += 1
        elif wish == replace(old, registered_at=now_ms):
            change = "unchanged"
        else:
            change = "revived" if old.state is DeviceState.GONE else "updated"
            wish = replace(wish, version=old.version + 1)
        audience.put(wish, seen=True)
        if buried:
            self.enter_revived(audience.about, wish, now_ms)
        return Registration(wish, change, moved)

    async def import_devices(self, where: Scope, chunks: AsyncIterator[Sequence[Entry]]) -> AsyncIterator[Imported]:
        total = Imported()
        async for entries in chunks:
            for at in range(0, len(entries), _PIECE):
                for entry in entries[at : at + _PIECE]:
                    total += self._import(where, device_of(entry))
                yield total

    def _import(self, where: Scope, device: Device) -> Imported:
        audience = self._audience(where, device)
        buried = audience.buried(device.token)
        moved = audience.evict(device.token, device.installation_id)
        old = audience.of_installation(device.installation_id)
        if old is None:
            wish = replace(device, seq=audience.next_seq, version=1)
            audience.next_seq += 1
        else:
            wish = keeping_mark(old, replace(_compared(old, device), seq=old.seq, version=old.version))
            if wish == old:
                return Imported(unchanged=1, moved=moved)
            wish = replace(wish, version=old.version + 1)
        audience.put(wish, seen=False)
        if buried and wish.state is DeviceState.LIVE:
            self.enter_revived(audience.about, wish, time.time_ns() // 1_000_000)
        return Imported(created=int(old is None), updated=int(old is not None), moved=moved)

    async def get(self, where: Scope, installation_id: str) -> list[Device]:
        found = (audience.of_installation(installation_id) for audience in self._of(where))
        return [device for device in found if device is not None]

    async def remove(self, where: Scope, installation_id: str) -> int:
        holders = [audience for audience in self._of(where) if installation_id in audience.by_installation]
        for audience in holders:
            audience.drop(audience.by_installation[installation_id])
        return len(holders)

    async def empty(self, where: Scope) -> int:
        gone = [(audience, seq) for audience in self._of(where) for seq in list(audience.rows)]
        for audience, seq in gone:
            audience.drop(seq)
        for one in await self.kept_imports(where):
            await self.drop_import(where, one.id)
        return len(gone)

    async def export(self, where: Scope) -> AsyncIterator[list[Device]]:
        for audience in self._of(where):
            seqs = sorted(audience.rows)
            for at in range(0, len(seqs), _PAGE):
                yield [audience.rows[seq] for seq in seqs[at : at + _PAGE]]

    async def counts(self, where: Scope) -> dict[str, int]:
        devices = [device for audience in self._of(where) for device in audience.rows.values()]
        live = sum(device.state is DeviceState.LIVE for device in devices)
        return {"live": live, "gone": len(devices) - live, "test": sum(device.test for device in devices)}

    async def audiences(self, where: Scope) -> list[Audience]:
        return [audience.described() for audience in self._of(where)]

    async def members(self, audience: int, lo: int, hi: int, tags: str = "") -> Sequence[int]:
        expression = parse_tags(tags) if tags else None
        return [
            device.seq
            for device in self._live(audience)
            if lo <= device.seq < hi and (expression is None or matches(expression, device.tags))
        ]

    async def page(self, audience: int, lo: int, hi: int, columns: tuple[str, ...] = ()) -> Rows:
        return _rows([device for device in self._live(audience) if lo <= device.seq < hi], columns)

    async def pick(self, audience: int, seqs: Sequence[int], columns: tuple[str, ...] = ()) -> Rows:
        wanted = set(seqs)
        return _rows([device for device in self._live(audience) if device.seq in wanted], columns)

    async def find(
        self, where: Scope, *, users: Sequence[str] = (), installations: Sequence[str] = (), token_kind: str = ""
    ) -> dict[int, list[int]]:
        people, ids = set(users) - {""}, set(installations)
        found = {
            audience.about.id: [d.seq for d in audience.live() if d.user in people or d.installation_id in ids]
            for audience in self._of(where)
            if token_kind in ("", audience.about.token_kind)
        }
        return {audience: seqs for audience, seqs in found.items() if seqs}

    async def find_each(
        self, where: Scope, users: Sequence[str], token_kind: str = ""
    ) -> dict[str, dict[int, list[int]]]:
        found = {user: await self.find(where, users=[user], token_kind=token_kind) for user in users}
        return {user: seqs for user, seqs in found.items() if seqs}

    async def bury(self, audience: int, dead: Sequence[DeadToken], now_ms: int) -> list[int]:
        return [word.seq for word in dead if self._bury(audience, word, now_ms)]

    def _bury(self, number: int, word: DeadToken, now_ms: int) -> bool:
        if not 0 < number <= len(self._audiences):
            return False
        audience = self._audiences[number - 1]
        device = audience.rows.get(word.seq)
        if device is None or device.token.encode() != word.token or device.state is DeviceState.GONE:
            return False
        if word.gone_ms is not None:
            dead = device.registered_at <= word.gone_ms
        else:
            dead = audience.doubts.setdefault(word.seq, now_ms) <= now_ms - SECOND_WORD_MS
        if dead:
            audience.doubts.pop(word.seq, None)
            audience.rows[word.seq] = replace(
                device, state=DeviceState.GONE, gone_at=now_ms, gone_reason=word.reason, version=device.version + 1
            )
            self.enter(audience.about, device, word, now_ms)
        return dead

    async def prove(self, audience: int, seq: int) -> None:
        if 0 < audience <= len(self._audiences):
            known = self._audiences[audience - 1]
            known.proven_seq = max(known.proven_seq, min(seq, known.next_seq))

    async def exhume(self, audience: int, *, since_ms: int, now_ms: int, reason: str = "") -> int:
        rows = self._audiences[audience - 1].rows if 0 < audience <= len(self._audiences) else {}
        back = [
            device
            for device in rows.values()
            if device.gone_at is not None and device.gone_at >= since_ms and reason in ("", device.gone_reason)
        ]
        for device in back:
            rows[device.seq] = replace(
                device, state=DeviceState.LIVE, gone_at=None, gone_reason="", version=device.version + 1
            )
            self.enter_revived(self._audiences[audience - 1].about, device, now_ms)
        return len(back)

    async def names(self, audience: int, seqs: Sequence[int]) -> dict[int, tuple[str, str]]:
        rows = self._audiences[audience - 1].rows if 0 < audience <= len(self._audiences) else {}
        return {seq: (rows[seq].installation_id, rows[seq].user) for seq in seqs if seq in rows}

    async def retain(self, now_ms: int) -> int:
        before = now_ms - TOMBSTONE_LIFE_MS
        old = [
            (audience, device.seq)
            for audience in self._audiences
            for device in audience.rows.values()
            if device.gone_at is not None and device.gone_at < before
        ]
        for audience, seq in old:
            audience.drop(seq)
        return len(old)

    async def search(self, where: Scope, query: DeviceQuery, *, after: Place | None = None, limit: int = 50) -> Found:
        rows = [(self._listed(audience, query, device), device) for audience in self._of(where)
                for device in audience.rows.values() if meets(query, device)]  # fmt: skip
        rows.sort(key=lambda row: (row[0].audience, -row[0].gone_at, -row[0].seq))
        begin = (after.audience, -after.gone_at, -after.seq) if after else (0, 0, 0)
        left = [row for row in rows if after is None or (row[0].audience, -row[0].gone_at, -row[0].seq) > begin]
        page = [device for _, device in left[:limit]]
        if len(left) <= limit:
            return Found(page)
        return Found(page, left[limit - 1][0])

    @staticmethod
    def _listed(audience: _Audience, query: DeviceQuery, device: Device) -> Place:
        return Place(audience.about.id, (device.gone_at or 0) if query.way is Way.GONE else 0, device.seq)

    async def sizes(self, organisation: str) -> dict[tuple[str, str, str], int]:
        alerts = [
            one for one in self._audiences if (one.about.organisation, one.about.token_kind) == (organisation, "alert")
        ]
        return {(a.about.app, str(a.about.environment), a.about.provider): a.described().size for a in alerts}

    async def mark(self, where: Scope, installation_id: str, *, test: bool) -> list[Device]:
        for audience in self._of(where):
            device = audience.of_installation(installation_id)
            if device is not None and (device.marked != test or device.test != test):
                audience.rows[device.seq] = replace(device, test=test, marked=test, version=device.version + 1)
        return await self.get(where, installation_id)

    async def clear_gone(self, where: Scope, *, before_ms: int, reason: str = "", dry_run: bool = False) -> int:
        gone = [
            (audience, device.seq)
            for audience in self._of(where)
            for device in audience.rows.values()
            if device.gone_at is not None and device.gone_at < before_ms and reason in ("", device.gone_reason)
        ]
        for audience, seq in [] if dry_run else gone:
            audience.drop(seq)
        return len(gone)

    def described(self) -> list[Audience]:
        return [audience.described() for audience in self._audiences]

    def rows_of(self, audience: int) -> Iterable[Device]:
        return self._audiences[audience - 1].rows.values()

    def _live(self, audience: int) -> Iterator[Device]:
        return self._audiences[audience - 1].live() if 0 < audience <= len(self._audiences) else iter(())

    def _of(self, where: Scope) -> list[_Audience]:
        place = (where.organisation, where.app, where.environment)
        return [a for a in self._audiences if (a.about.organisation, a.about.app, a.about.environment) == place]

    def _audience(self, where: Scope, device: Device) -> _Audience:
        for audience in self._of(where):
            if (audience.about.provider, audience.about.token_kind) == (device.provider, device.token_kind):
                return audience
        if not (where.organisation and where.app and where.environment):
            raise ValueError("devices belong to an organisation, an app and an environment")
        number = len(self._audiences) + 1
        about = Audience(
            number, where.organisation, where.app, where.environment, device.provider, device.token_kind
        )  # fmt: skip
        self._audiences.append(_Audience(about))
        return self._audiences[-1]


def _compared(old: Device, line: Device) -> Device:
    """The line, unless the same token's tombstone or later registration outweighs it."""
    if line.token != old.token:
        return line
    registered = max(old.registered_at, line.registered_at)
    revives = line.gone_at is None and old.gone_at is not None and line.registered_at > old.gone_at
    if old.gone_at is not None and not revives:
        return replace(
            line, registered_at=registered, state=old.state, gone_at=old.gone_at, gone_reason=old.gone_reason
        )
    if line.gone_at is not None and old.registered_at > line.gone_at:
        return replace(line, registered_at=registered, state=DeviceState.LIVE, gone_at=None, gone_reason="")
    return replace(line, registered_at=registered)


def _rows(devices: list[Device], columns: tuple[str, ...]) -> Rows:
    values = {name: [_COLUMNS[name](device) for device in devices] for name in columns}
    return Rows([device.seq for device in devices], [device.token.encode() for device in devices], values)
