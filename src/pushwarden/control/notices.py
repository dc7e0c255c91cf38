"""Notices of credentials: what is due is told once, to callbacks by an audit row and to people by mail."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushwarden.control.letters import letter
from pushwarden.control.services import new_id
from pushwarden.core.app import App, Credential, CredentialState
from pushwarden.core.audit import AuditEntry
from pushwarden.core.callback import Event
from pushwarden.core.check import Check
from pushwarden.core.device import Audience
from pushwarden.core.health import DAY_MS, WORDS, Record, ends_at, record_of
from pushwarden.core.lane import Lane
from pushwarden.core.mail import Mail
from pushwarden.core.messages import Result
from pushwarden.core.names import PEOPLE
from pushwarden.core.notice import Due, expiry_due, level_due, serves, silenced
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables
from pushwarden.ports.clock import Clock
from pushwarden.providers.dates import date_of, weekday_of

LOOK_MS = 60_000
"""How often the clock alone is asked whether something is due."""
ACTOR = "chores"

Backlog = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
"""Rows as `Accepts.backlog` gives them."""


class _NotDue(Exception):
    """Somebody was quicker, or the credential was switched meanwhile."""


@dataclass(frozen=True, slots=True)
class Case:
    """A credential in use of which something is due. active: those of all its lane's slots."""

    app: App
    credential: Credential
    record: Record
    active: tuple[Credential, ...]
    due: Due

    @property
    def where(self) -> Scope:
        return Scope(self.credential.organisation, self.credential.app, self.credential.environment)


@dataclass(slots=True)
class Notices:
    """audiences: of an environment. contacts: who is told of every app. mails: whether there is a mail server."""

    catalog: Catalog
    clock: Clock
    audiences: Callable[[Scope], Awaitable[Sequence[Audience]]]
    backlog: Backlog
    contacts: tuple[str, ...] = ()
    mails: bool = False
    _looked: tuple[int, int] = field(default=(-1, 0))

    async def look(self) -> None:
        """Tells what is due: when something was changed, and every LOOK_MS."""
        version, now_ms = await self.catalog.version(), self.clock.now_ms()
        known, at = self._looked
        if version == known and 0 <= now_ms - at < LOOK_MS:
            return
        for case in await self.catalog.read(lambda tables: cases(tables, now_ms)):
            await self._tell(case, now_ms)
        self._looked = (version, now_ms)

    async def _tell(self, case: Case, now_ms: int) -> None:
        facts = await self._facts(case, now_ms)
        credential = case.credential

        def work(tables: Tables) -> Changed[None]:
            if not any(one.due == case.due for one in cases(tables, now_ms) if one.credential.id == credential.id):
                raise _NotDue
            tables.notices.give(credential.organisation, credential.id, case.due.what, now_ms)
            for mail in self._written(case, facts, now_ms):
                tables.mails.put(mail)
            return Changed(None, target=credential.id, after=facts)

        with contextlib.suppress(_NotDue):
            await self.catalog.change(AuditEntry(now_ms, ACTOR, case.due.event, case.where, credential.id), work)

    async def _facts(self, case: Case, now_ms: int) -> dict[str, Any]:
        """What every way of telling it says."""
        credential = case.credential
        held = sum(row["recipients"] or 0 for row in await self.backlog() if _waits(case, Lane.parse(row["lane"])))
        check = check_of(case, now_ms, held)
        return {
            "credential": credential.id,
            "provider": credential.provider,
            "slot": credential.slot,
            "reason": check.id,
            "title": check.title,
            "text": check.message,
            "next": check.next,
            "not_after": ends_at(credential) or None,
            "devices": silenced(credential, case.active, await self.audiences(case.where)),
            "held": held,
        }

    def _written(self, case: Case, facts: Mapping[str, Any], now_ms: int) -> list[Mail]:
        if not self.mails:
            return []
        subject, body = letter(case.app, case.credential, case.due, facts)
        recipients = dict.fromkeys((*case.app.contacts, *self.contacts))
        organisation = case.app.organisation
        return [Mail(organisation, f"mail_{new_id()}", one, subject, body, now_ms, now_ms) for one in recipients]


def cases(tables: Tables, now_ms: int) -> list[Case]:
    """Everything that is due of credentials in use; what is switched off is nobody's trouble."""
    given = tables.notices.given()
    records = {(one.organisation, one.credential): one for one in tables.healths.all()}
    lanes: dict[tuple[str, ...], list[Credential]] = {}
    for one in tables.credentials.in_state(CredentialState.ACTIVE):
        lanes.setdefault(_lane(one), []).append(one)
    found = []
    for credential in (one for lane in lanes.values() for one in lane):
        key = (credential.organisation, credential.id)
        app = tables.apps.get(credential.organisation, credential.app)
        if app is None or not credential.enabled:
            continue
        record, told = records.get(key) or record_of(credential), given.get(key, {})
        active = tuple(lanes[_lane(credential)])
        found += [Case(app, credential, record, active, due) for due in _due(credential, record, now_ms, told)]
    return found


def check_of(case: Case, now_ms: int, held: int) -> Check:
    """What is told, in the words of the message it is about."""
    ends = ends_at(case.credential)
    people = PEOPLE.get(case.credential.provider, case.credential.provider)
    match case.due.event:
        case Event.CREDENTIAL_EXPIRES:
            return Check.of("cert.expires", n=case.due.days, date=date_of(ends), weekday=weekday_of(ends))
        case Event.CREDENTIAL_EXPIRED:
            return Check.of("cert.expired", n=(now_ms - ends) // DAY_MS, date=date_of(ends), held=held or None)
        case Event.CREDENTIAL_WELL:
            return Check.of("run.well", provider=people)
        case _:
            told = (one for one in case.record.checks if one.result in (Result.FAILED, Result.WARNING))
            words = WORDS[case.record.health]
            return next(told, Check(case.record.reason, Result.FAILED, words.word, f"{words.meaning.capitalize()}."))


def _due(credential: Credential, record: Record, now_ms: int, told: Mapping[str, int]) -> list[Due]:
    ends = ends_at(credential)
    expiry = expiry_due(ends, now_ms, told) if ends else None
    return [due for due in (expiry, level_due(record.health, now_ms, told)) if due is not None]


def _lane(one: Credential | Lane) -> tuple[str, ...]:
    return one.organisation, one.app, one.environment, one.provider


def _waits(case: Case, lane: Lane) -> bool:
    """Whether what waits there waits for this credential."""
    return _lane(lane) == _lane(case.credential) and serves(case.credential, case.active, lane.slot)
