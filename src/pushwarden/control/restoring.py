"""Back to an earlier version of an app's configuration: what that means is decided first, and said; then it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from pushwarden.control.consequences import Plan
from pushwarden.control.proofs import waken
from pushwarden.control.versions import NOT_CONFIGURED, configured
from pushwarden.core import slots
from pushwarden.core.app import App, Credential, CredentialState
from pushwarden.core.callback import Callback, Event
from pushwarden.core.configuration import Configuration, Difference, differences, seat_of, seat_words
from pushwarden.core.device import Audience
from pushwarden.core.health import ends_at
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Tables
from pushwarden.providers.port import Provider

Section = dict[str, Any]
Audiences = Mapping[Environment, Sequence[Audience]]


class Lost(msgspec.Struct, frozen=True):
    """What cannot be brought back. field: where it stands, section/part."""

    field: str
    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Means:
    """What restoring works with. by: who asks. secret: seals a new signing secret for a callback."""

    tables: Tables
    app: App
    now_ms: int
    providers: Mapping[str, Provider]
    audiences: Audiences
    by: str
    stopped: Callable[[Scope], bool]
    secret: Callable[[Callback], bytes]


@dataclass(frozen=True, slots=True)
class Way:
    """section: as it will be. do: writes it. lost: what stays as it is now. notes: what else to know before."""

    section: Section
    do: Callable[[], None]
    lost: tuple[Lost, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Restoration:
    now: Configuration
    ways: Mapping[str, Way]

    @property
    def differences(self) -> list[Difference]:
        return differences(self.now, {name: way.section for name, way in self.ways.items()})

    @property
    def lost(self) -> list[Lost]:
        return [lost for way in self.ways.values() for lost in way.lost]

    @property
    def notes(self) -> list[str]:
        return [note for way in self.ways.values() for note in way.notes]

    @property
    def environments(self) -> set[Environment]:
        """Where another credential will send."""
        changed = (one.field.split("/") for one in self.differences)
        return {Environment(parts[1]) for parts in changed if parts[0] == "credentials"}

    def do(self) -> None:
        for way in self.ways.values():
            way.do()


def decided(means: Means, wanted: Configuration) -> Restoration:
    """Reads only; a section the version does not have stays as it is."""
    now = configured(means.tables, means.app)
    return Restoration(now, {name: WAYS[name](means, wanted.get(name, section)) for name, section in now.items()})


def _app(means: Means, wanted: Mapping[str, Any]) -> Way:
    fields = {name: getattr(means.app, name) for name in App.__slots__}
    known = {name: value for name, value in wanted.items() if name in fields and name not in NOT_CONFIGURED}
    after = msgspec.convert(fields | known, App)

    def do() -> None:
        if after != means.app:
            means.tables.apps.update(replace(after, version=means.app.version + 1))

    return Way(dict(configured(means.tables, means.app)["app"]) | known, do)


def _credentials(means: Means, wanted: Mapping[str, Any]) -> Way:
    work = _Seats(means)
    for seat in [seat for seat in work.section if seat not in wanted]:
        work.empty(seat)
    for seat, chosen in wanted.items():
        work.seat(seat, chosen)
    return Way(work.section, work.store, tuple(work.lost), tuple(work.notes))


class _Seats:
    """The credentials of an app while it is decided which of them will send."""

    def __init__(self, means: Means) -> None:
        self._means = means
        place = means.app.organisation, means.app.id
        every = [one for environment in Environment for one in means.tables.credentials.of(*place, environment)]
        self._before = {one.id: one for one in every}
        self._rows = dict(self._before)
        self.section: Section = dict(configured(means.tables, means.app)["credentials"])
        self.lost: list[Lost] = []
        self.notes: list[str] = []

    def empty(self, seat: str) -> None:
        """Nothing sends there any more; what did can be switched back to for a week."""
        active = self._active(seat)
        retiring = slots.dated(replace(active, state=CredentialState.PREVIOUS), self._means.now_ms)
        self._put(slots.revised([*self._beside(active), retiring]))
        del self.section[seat]
        self.notes.append(f"{seat_words(seat)} will have no credential: nothing is sent there.")

    def seat(self, seat: str, chosen: Mapping[str, Any]) -> None:
        found = self._rows.get(chosen["id"])
        if found is None or (why := _unusable(found, self._means.now_ms)):
            why = why if found else "was deleted"
            self.lost.append(Lost(f"credentials/{seat}", seat_words(seat), f"{_capital(chosen['called'])} {why}."))
            return
        slot = seat.split("/")[2]
        ready = replace(found, enabled=bool(chosen["enabled"]))
        if found.state is CredentialState.ACTIVE and seat_of(found) == seat:
            if ready != found:
                self._put(slots.revised([*self._beside(found), ready]))
        else:
            self._consider(found, slot)
            self._put(slots.switched(self._here(found), ready, slot, self._means.now_ms))
        self.section[seat] = dict(chosen)

    def store(self) -> None:
        """Those that send stand last, so that two are never active in one slot."""
        changed = [one for one in self._rows.values() if one != self._before[one.id]]
        for one in sorted(changed, key=lambda row: row.state is CredentialState.ACTIVE):
            self._means.tables.credentials.update(one)
        for one in changed:
            if one.enabled and not self._before[one.id].enabled:
                where = Scope(one.organisation, one.app, one.environment)
                waken(self._means.tables, one, self._means.by, self._means.now_ms, stopped=self._means.stopped(where))

    def _active(self, seat: str) -> Credential:
        return next(one for one in self._rows.values() if one.state is CredentialState.ACTIVE and seat_of(one) == seat)

    def _here(self, credential: Credential) -> list[Credential]:
        return [one for one in self._rows.values() if one.environment is credential.environment]

    def _beside(self, credential: Credential) -> list[Credential]:
        every = slots.members(self._here(credential), credential.provider, credential.slot)
        return [one for one in every if one.id != credential.id]

    def _put(self, rows: Sequence[Credential]) -> None:
        self._rows |= {one.id: one for one in rows}

    def _consider(self, chosen: Credential, slot: str) -> None:
        means = self._means
        health = means.tables.healths.get(chosen.organisation, chosen.id)
        facts, audiences = means.providers[chosen.provider].facts, means.audiences.get(chosen.environment, ())
        plan = Plan(self._here(chosen), chosen, slot, facts, audiences, health, means.now_ms)
        self.notes += [one.sentence for one in plan.consequences()]


def _unusable(credential: Credential, now_ms: int) -> str:
    if credential.state is CredentialState.RETIRED:
        return "was retired and its material destroyed; upload the file again"
    if credential.state is not CredentialState.ACTIVE and 0 < ends_at(credential) <= now_ms:
        return "has ended; upload a renewed one"
    return ""


def _callbacks(means: Means, wanted: Mapping[str, Any]) -> Way:
    standing = {one.id: one for one in means.tables.callbacks.of(means.app.organisation, means.app.id)}
    gone = [one for one in standing.values() if one.id not in wanted]
    new = [_callback(means, name, said) for name, said in wanted.items() if name not in standing]
    changed = [
        after for one in standing.values() if one.id in wanted and (after := _changed(one, wanted[one.id])) != one
    ]

    def do() -> None:
        for one in gone:
            means.tables.callbacks.delete(one)
        for one in new:
            means.tables.callbacks.insert(replace(one, sealed=means.secret(one)))
        for one in changed:
            means.tables.callbacks.update(replace(one, version=one.version + 1))

    notes = [f"{one.url} is told nothing any more, not even what waits for it." for one in gone]
    notes += [f"{one.url} gets a new signing secret; rotate it to see one." for one in new]
    return Way({name: dict(said) for name, said in wanted.items()}, do, notes=tuple(notes))


def _callback(means: Means, name: str, said: Mapping[str, Any]) -> Callback:
    empty = Callback(means.app.organisation, means.app.id, name, said["url"], (), created_at=means.now_ms)
    return _changed(empty, said)


def _changed(callback: Callback, said: Mapping[str, Any]) -> Callback:
    return replace(
        callback,
        url=said["url"],
        events=tuple(Event(event) for event in said["events"]),
        environments=tuple(Environment(one) for one in said["environments"]),
        enabled=bool(said["enabled"]) and not callback.ended,
        ended=callback.ended if said["enabled"] else "",
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


WAYS: dict[str, Callable[[Means, Mapping[str, Any]], Way]] = {
    "app": _app,
    "credentials": _credentials,
    "callbacks": _callbacks,
}
"""Section → how it is brought back: one for each of control.versions.SECTIONS."""
