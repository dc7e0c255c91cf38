"""Asking for live proofs: after an upload, for a person, and daily where no push went out. Senders make them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pushwarden.control.services import Services, new_id
from pushwarden.core.app import Credential, CredentialState
from pushwarden.core.check import Check
from pushwarden.core.health import Event, enabled_again, heard, record_of
from pushwarden.core.names import called
from pushwarden.core.probe import Probe, due_at
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Tables
from pushwarden.web.call import Call

LONGEST_WAIT = 30
USUAL_WAIT = 11
"""Seconds somebody waits for a proof: a sender has ten for it."""
LOOK = 0.1


def ask(tables: Tables, credential: Credential, by: str, now_ms: int) -> Probe:
    """The probe that waits or is under way already, else a new one; its credential counts as being checked."""
    record = tables.healths.get(credential.organisation, credential.id) or record_of(credential)
    tables.healths.put(heard(record, Event.UPLOADED, now_ms))
    last = tables.probes.last(credential.organisation, credential.id)
    if last is not None and not last.done_at:
        return last
    made = Probe(credential.organisation, new_id(), credential.app, credential.id, by, now_ms)
    tables.probes.put(made)
    return made


def waken(tables: Tables, credential: Credential, by: str, now_ms: int, *, stopped: bool) -> None:
    """One that was switched on again: what was known of it is asked anew, where sending is not stopped."""
    known = tables.healths.get(credential.organisation, credential.id) or record_of(credential)
    tables.healths.put(enabled_again(known, now_ms))
    if not stopped:
        ask(tables, credential, by, now_ms)


def due(tables: Tables, now_ms: int, stopped: Callable[[Scope], bool]) -> list[Credential]:
    """Those for which no push has spoken since yesterday, the longest first: of each provider's host one at a time."""
    records = {(one.organisation, one.credential): one for one in tables.healths.all()}
    under_way = {(one.organisation, one.credential) for one in tables.probes.open()}
    kept = tables.credentials.in_state(CredentialState.ACTIVE, CredentialState.STANDBY)
    busy = {_host(one) for one in kept if (one.organisation, one.id) in under_way}

    def at(one: Credential) -> int:
        return due_at(one, records.get((one.organisation, one.id)))

    found = []
    for one in sorted((one for one in kept if at(one) <= now_ms), key=lambda one: (at(one), one.id)):
        if _host(one) not in busy and _may_be_asked(tables, one, stopped):
            busy.add(_host(one))
            found.append(one)
    return found


def _host(credential: Credential) -> tuple[str, str]:
    return credential.provider, credential.environment


def _may_be_asked(tables: Tables, credential: Credential, stopped: Callable[[Scope], bool]) -> bool:
    app = tables.apps.get(credential.organisation, credential.app)
    where = Scope(credential.organisation, credential.app, credential.environment)
    return credential.enabled and app is not None and app.enabled and not stopped(where)


class Waiting:
    """Waits for what a sender finds."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def until_done(self, probe: Probe, seconds: int) -> Probe:
        """As it stands then; not longer than `seconds`, and not at all when no sender is there."""
        end = time.monotonic() + (seconds if self.somebody_sends else 0)
        while True:
            now = await self._services.catalog.read(lambda tables: tables.probes.get(probe.organisation, probe.id))
            if now is None or now.done_at or time.monotonic() >= end:
                return now or probe
            await asyncio.sleep(LOOK)

    @property
    def somebody_sends(self) -> bool:
        return self._services.health().get("senders", False)


def waited(call: Call, usual: int) -> int:
    """`?wait=` of a request, in seconds."""
    return call.number(call.query("wait").get("wait"), "wait", usual, LONGEST_WAIT)


def not_asked(provider: str) -> Check:
    """Why nothing is asked where sending is stopped."""
    return Check.of("live.stopped", provider=called(provider))


def nobody(provider: str) -> Check:
    """Why a proof that was waited for is not there."""
    return Check.of("live.no_sender", provider=called(provider))
