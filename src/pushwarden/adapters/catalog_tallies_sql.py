"""The catalog's tallies over SQL: a row a minute and an hour, its counts as one JSON text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pushwarden.adapters import statements_tallies as sql
from pushwarden.adapters.statements import Run
from pushwarden.core.scope import Scope
from pushwarden.core.tally import NO_TIMES, NOTHING, Amounts, Tally
from pushwarden.ports.tallies import Seen, Step

_Packed = tuple[list[tuple[str, str, int]], tuple[int, ...], tuple[int, ...]]
"""Endings as (ending, reason, count), ours, theirs; no counts at all are an empty list."""
_amounts = msgspec.json.Decoder(_Packed)
_places = msgspec.json.Decoder(dict[str, _Packed])


class SqlTallies:
    def __init__(self, run: Run) -> None:
        self._run = run

    def add(self, where: Scope, provider: str, step: Step, at: int, amounts: Amounts) -> None:
        key = {**_place(where), "step": str(step), "at": at, "provider": provider}
        found = self._run(sql.TALLY_DELETE, **key)
        kept = _unpacked(_amounts.decode(found[0]["amounts"])) if found else NOTHING
        self._run(sql.TALLY_INSERT, **key, amounts=_text(_packed(kept + amounts)))

    def of(self, where: Scope, step: Step, since: int, until: int) -> list[Tally]:
        found = self._run(sql.TALLIES, **_place(where), step=str(step), since=since, until=until)
        return [_tally(where.app, where.environment or "", row) for row in found]

    def across(self, organisation: str, step: Step, since: int) -> list[Tally]:
        found = self._run(sql.TALLIES_ACROSS, organisation=organisation, step=str(step), since=since)
        return [_tally(row["app"], row["environment"], row) for row in found]

    def seen(self, sender: str) -> Seen | None:
        found = self._run(sql.SEEN_GET, sender=sender)
        if not found:
            return None
        places = {place: _unpacked(packed) for place, packed in _places.decode(found[0]["places"]).items()}
        return Seen(sender, found[0]["run"], places)

    def see(self, seen: Seen) -> None:
        self._run(sql.SEEN_DELETE, sender=seen.sender)
        places = {place: _packed(amounts) for place, amounts in seen.places.items()}
        self._run(sql.SEEN_INSERT, sender=seen.sender, run=seen.run, places=_text(places))

    def forget(self, step: Step, before: int) -> int:
        return len(self._run(sql.TALLY_FORGET, step=str(step), before=before))


def _tally(app: str, environment: str, row: Mapping[str, Any]) -> Tally:
    return Tally(app, environment, row["provider"], row["at"], _unpacked(_amounts.decode(row["amounts"])))


def _place(where: Scope) -> dict[str, Any]:
    return {"organisation": where.organisation, "app": where.app, "environment": str(where.environment or "")}


def _packed(amounts: Amounts) -> _Packed:
    endings = [(ending, reason, count) for (ending, reason), count in amounts.endings.items()]
    return endings, _short(amounts.ours), _short(amounts.theirs)


def _unpacked(packed: _Packed) -> Amounts:
    endings, ours, theirs = packed
    ended = {(ending, reason): count for ending, reason, count in endings}
    return Amounts(ended, ours or NO_TIMES, theirs or NO_TIMES)


def _short(counts: tuple[int, ...]) -> tuple[int, ...]:
    return counts if any(counts) else ()


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
