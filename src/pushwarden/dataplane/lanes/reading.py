"""5 render: reads the next rows of a shard and has the provider render them. Vanished rows end `withdrawn`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from pushwarden.core.app import App, Credential
from pushwarden.core.device import PERSONAL, Rows
from pushwarden.core.errors import PushwardenError
from pushwarden.core.lane import Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push
from pushwarden.core.shard import Shard, ShardKind
from pushwarden.dataplane.feedback.settle import QUARANTINED, fail
from pushwarden.dataplane.lanes.poison import failing, quarantine
from pushwarden.dataplane.lanes.slices import Slice
from pushwarden.dataplane.lanes.work import Work, pack, unpack
from pushwarden.ports.devices import Devices
from pushwarden.ports.journal import Journal
from pushwarden.providers.port import Envelope, Provider

_log = structlog.get_logger("reading")
_encode = msgspec.json.Encoder().encode
_Found = tuple[Rows, dict[int, int]]

SLICE_ROWS = 2048
SLICE_AGE = 0.250
"""Rows read together, and for how many seconds they may be written: an opt-out takes effect at the next read."""


async def open_work(shard: Shard, push: Push, devices: Devices, journal: Journal, now: float) -> Work:
    """A claimed shard made ready to write; a range shard's members are frozen at its first claim."""
    if shard.kind is not ShardKind.RANGE:
        return Work(shard, push, unpack(shard.done, shard.width), now)
    if shard.frozen:
        absent = unpack(shard.members, shard.width).translate(bytes([1, 0]) + bytes(254))
        done = unpack(shard.done, shard.width)
        return Work(shard, push, bytearray(a | b for a, b in zip(absent, done, strict=True)), now)
    flags = bytearray(b"\1") * shard.width
    found = await devices.members(shard.audience, shard.lo, shard.lo + shard.width, push.tags)
    if isinstance(found, range):
        flags[found.start - shard.lo : found.stop - shard.lo] = bytes(len(found))
    else:
        for seq in found:
            flags[seq - shard.lo] = 0
    await journal.freeze(shard, pack(bytearray(1 - flag for flag in flags)), len(found))
    return Work(shard, push, flags, now)


def in_doubt(work: Work) -> list[int]:
    """Offsets an earlier holder may have written without hearing the answer."""
    return [offset for offset in range(work.next) if not work.flags[offset]]


@dataclass(frozen=True, slots=True)
class Maker:
    """What turns rows of a shard into an envelope."""

    devices: Devices
    provider: Provider
    app: App
    credential: Credential
    alarm: Callable[[Lane, str], None]

    async def load(self, work: Work, now: float, now_ms: int) -> Slice | None:
        """The next slice of a shard, None when these rows are all gone. Rows the provider cannot take end here."""
        again, before = bool(work.again), (work.next, work.again)
        wanted = _next(work)
        if not wanted:
            return None
        try:
            rows, offsets = await _rows(work, wanted, self.devices, self.provider.columns(work.push))
        except PushwardenError:
            work.next, work.again = before  # a store that is busy skips nobody
            raise
        _withdraw(work, wanted, offsets, len(rows))
        part = self._sliced(work, rows, wanted[0], offsets, (now, now_ms))
        if part is not None:
            part.again = again
        return part

    async def load_each(self, works: Sequence[Work], now: float, now_ms: int) -> None:
        """The slices of shards of which nothing was read yet; one look-up an audience."""
        found = await self._look_up(works)
        for work in works:
            if not work.fresh:
                continue
            wanted = _next(work)
            rows, offsets = _own_rows(work, wanted, found)
            _withdraw(work, wanted, offsets, len(rows))
            work.slice = self._sliced(work, rows, wanted[0], offsets, (now, now_ms))

    async def _look_up(self, works: Sequence[Work]) -> Mapping[int, _Found]:
        wanted: dict[int, set[int]] = {}
        for work in works:
            if work.shard.kind is ShardKind.LIST:
                wanted.setdefault(work.shard.audience, set()).update(map(work.seq, range(work.width)))
        columns = PERSONAL if any(_may_name(work.push) for work in works) else ()
        found = {}
        for audience, seqs in wanted.items():
            rows = await self.devices.pick(audience, sorted(seqs), columns)
            found[audience] = (rows, {seq: row for row, seq in enumerate(rows.seqs)})
        return found

    def _sliced(
        self, work: Work, rows: Rows, base: int, offsets: Sequence[int] | None, times: tuple[float, int]
    ) -> Slice | None:
        """times: loop time and Unix ms. None when no row is left."""
        now, now_ms = times
        if not len(rows):
            return None
        rows, offsets, envelope = self._rendered(work, rows, base, offsets, now_ms)
        if envelope is None:
            return None
        part = Slice(work, envelope, now, base, offsets, rows.tokens, self.credential)
        for row, outcome in envelope.refused:
            offset = part.base + row if offsets is None else offsets[row]
            fail(work, offset, rows.tokens[row], Fate.REFUSED, outcome, now_ms)
        return part

    def _rendered(
        self, work: Work, rows: Rows, base: int, offsets: Sequence[int] | None, now_ms: int
    ) -> tuple[Rows, Sequence[int] | None, Envelope | None]:
        """The envelope and the rows it is of. Rows at which the provider's code fails are quarantined."""
        while len(rows):
            envelope = self._try(work, rows)
            if envelope is not None:
                return rows, offsets, envelope
            every = range(base, base + len(rows)) if offsets is None else offsets
            bad = set(failing(partial(self._fails, work, rows), range(len(rows))))
            for row in bad:
                quarantine(work, every[row], rows.tokens[row], now_ms, Fate.REFUSED)
                self.alarm(work.lane, QUARANTINED.reason)
            keep = [row for row in range(len(rows)) if row not in bad]
            rows, offsets = _part(rows, keep), [every[row] for row in keep]
        return rows, offsets, None

    def _fails(self, work: Work, rows: Rows, part: Sequence[int]) -> bool:
        return self._try(work, _part(rows, part)) is None

    def _try(self, work: Work, rows: Rows) -> Envelope | None:
        try:
            return self.provider.render(work.push, self.app, self.credential, rows)[0]
        except Exception as error:
            _log.warning("not rendered", push=work.push.id, rows=len(rows), error=type(error).__name__)
            return None


def _may_name(push: Push) -> bool:
    """Whether its texts may hold placeholders."""
    return b"{{" in _encode(push.message)


def _own_rows(work: Work, wanted: Sequence[int], found: Mapping[int, _Found]) -> tuple[Rows, Sequence[int]]:
    """Of a named shard."""
    if work.shard.kind is ShardKind.TOKENS:
        tokens = work.shard.members.split(b"\n")
        return Rows(list(wanted), [tokens[offset] for offset in wanted]), wanted
    rows, row_of = found[work.shard.audience]
    there = [(offset, row) for offset in wanted if (row := row_of.get(work.seq(offset))) is not None]
    return _part(rows, [row for _, row in there]), [offset for offset, _ in there]


def _part(rows: Rows, keep: Sequence[int]) -> Rows:
    return Rows(
        [rows.seqs[row] for row in keep],
        [rows.tokens[row] for row in keep],
        {name: [column[row] for row in keep] for name, column in rows.values.items()},
    )


def _next(work: Work) -> Sequence[int]:
    """The offsets to read now: first those to be written again, then on from where the last slice ended."""
    if work.again:
        ready, work.again = sorted(work.again[:SLICE_ROWS]), work.again[SLICE_ROWS:]
        return ready
    most = work.issued if work.step else work.width  # so that a crash is the fault of what was issued
    first, work.next = work.next, min(most, work.next + SLICE_ROWS)
    return _open_offsets(work, first, work.next)


def _withdraw(work: Work, wanted: Sequence[int], offsets: Sequence[int] | None, found: int) -> None:
    if found < len(wanted):
        kept = set(offsets or ())
        for offset in wanted:
            if offset not in kept:
                work.end(offset, Fate.WITHDRAWN)


def _open_offsets(work: Work, first: int, stop: int) -> Sequence[int]:
    if work.flags.find(1, first, stop) < 0:
        return range(first, stop)
    return [offset for offset in range(first, stop) if not work.flags[offset]]


async def _rows(
    work: Work, wanted: Sequence[int], devices: Devices, columns: tuple[str, ...]
) -> tuple[Rows, Sequence[int] | None]:
    """Rows and their shard offsets; None for offsets means "the whole of wanted, which is a range"."""
    shard = work.shard
    if shard.kind is ShardKind.TOKENS:
        return _own_rows(work, wanted, {})
    if shard.kind is ShardKind.LIST:
        where = {work.seq(offset): offset for offset in wanted}
        rows = await devices.pick(shard.audience, list(where), columns)
        return rows, [where[seq] for seq in rows.seqs]
    rows = await devices.page(shard.audience, shard.lo + wanted[0], shard.lo + wanted[-1] + 1, columns)
    if isinstance(wanted, range) and len(rows) == len(wanted):
        return rows, None
    allowed = set(wanted)
    keep = [row for row, seq in enumerate(rows.seqs) if seq - shard.lo in allowed]
    if len(keep) < len(rows):
        rows = _part(rows, keep)
    return rows, [seq - shard.lo for seq in rows.seqs]
