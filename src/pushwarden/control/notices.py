"""Notices of credentials: what is due is told once, to callbacks by an audit row and to people by mail."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushwarden.control.letters import letter
from pushwarden.control.services import new_id
from pushwarden.control.standings import Stand, ended, ending, lane_of, people, stands
from pushwarden.core.app import Credential
from pushwarden.core.audit import AuditEntry
from pushwarden.core.callback import Event
from pushwarden.core.check import Check
from pushwarden.core.device import Audience
from pushwarden.core.health import WORDS, ends_at
from pushwarden.core.lane import Lane
from pushwarden.core.mail import Mail
from pushwarden.core.messages import Result
from pushwarden.core.notice import Due, expiry_due, level_due, serves
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables
from pushwarden.ports.clock import Clock

LOOK_MS = 60_000
"""How often the clock alone is asked whether something is due."""
ACTOR = "chores"

Backlog = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
"""Rows as `Accepts.backlog` gives them."""


class _NotDue(Exception):
    """Somebody was quicker, or the credential was switched meanwhile."""


@dataclass(frozen=True, slots=True)
class Case:
    """A credential in use of which something is due."""

    stand: Stand
    due: Due

    @property
    def credential(self) -> Credential:
        return self.stand.credential


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
            await self.catalog.change(AuditEntry(now_ms, ACTOR, case.due.event, case.stand.where, credential.id), work)

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
            "devices": case.stand.devices(await self.audiences(case.stand.where)),
            "held": held,
        }

    def _written(self, case: Case, facts: Mapping[str, Any], now_ms: int) -> list[Mail]:
        if not self.mails:
            return []
        app = case.stand.app
        subject, body = letter(app, case.credential, case.due, facts)
        recipients = dict.fromkeys((*app.contacts, *self.contacts))
        return [Mail(app.organisation, f"mail_{new_id()}", one, subject, body, now_ms, now_ms) for one in recipients]


def cases(tables: Tables, now_ms: int) -> list[Case]:
    """Everything that is due of credentials in use; what is switched off is nobody's trouble."""
    given = tables.notices.given()
    return [
        Case(one, due)
        for one in stands(tables, now_ms)
        if one.in_use
        for due in _due(one, now_ms, given.get((one.app.organisation, one.credential.id), {}))
    ]


def check_of(case: Case, now_ms: int, held: int) -> Check:
    """What is told, in the words of the message it is about."""
    match case.due.event:
        case Event.CREDENTIAL_EXPIRES:
            return ending(case.credential, now_ms)
        case Event.CREDENTIAL_EXPIRED:
            return ended(case.credential, now_ms, held)
        case Event.CREDENTIAL_WELL:
            return Check.of("run.well", provider=people(case.credential))
        case _:
            record = case.stand.record
            told = (one for one in record.checks if one.result in (Result.FAILED, Result.WARNING))
            words = WORDS[record.health]
            return next(told, Check(record.reason, Result.FAILED, words.word, f"{words.meaning.capitalize()}."))


def _due(one: Stand, now_ms: int, told: Mapping[str, int]) -> list[Due]:
    ends = ends_at(one.credential)
    expiry = expiry_due(ends, now_ms, told) if ends else None
    level = None if 0 < ends <= now_ms else level_due(one.record.health, now_ms, told)  # its end says it all
    return [due for due in (expiry, level) if due is not None]


def _waits(case: Case, lane: Lane) -> bool:
    """Whether what waits there waits for this credential."""
    own = case.stand
    return lane_of(lane) == lane_of(own.credential) and serves(own.credential, own.active, lane.slot)
