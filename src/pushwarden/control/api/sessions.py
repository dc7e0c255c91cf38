"""/v1/sessions: who is signed in from where, and the end of it."""

from __future__ import annotations

import msgspec

from pushwarden.control.access import reload
from pushwarden.control.api.people import visible
from pushwarden.control.people.roll import alive
from pushwarden.control.services import Services
from pushwarden.core.errors import NotFound
from pushwarden.core.person import Person, Session
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route


class SessionView(msgspec.Struct):
    id: str
    person: str
    name: str
    created_at: int
    seen_at: int
    address: str
    agent: str


class SessionList(msgspec.Struct):
    sessions: list[SessionView]


class Sessions:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def list(self, call: Call) -> Answer:
        def work(tables: Tables) -> list[SessionView]:
            shown = {one.id: one for one in tables.people.all() if _watches(call, one)}
            open_ = [
                one
                for one in tables.sessions.all()
                if one.person in shown and alive(one, self._services.roll.seen_at(one), self._services.clock.now_ms())
            ]
            return [self._session(one, shown[one.person]) for one in open_]

        return Answer(SessionList(await self._services.catalog.read(work)))

    async def end(self, call: Call) -> Answer:
        def work(tables: Tables) -> Changed[None]:
            session = tables.sessions.get(call.params["session"])
            person = tables.people.get(session.person) if session else None
            if session is None or person is None or not visible(call, person.organisation):
                raise NotFound
            if person.id != call.principal.id:
                call.require(Permission.PEOPLE_WRITE, Scope(person.organisation))
            tables.sessions.delete(session.id)
            return Changed(None, person.id, {"address": session.address, "agent": session.agent})

        entry = call.entry("session.end", self._services.clock.now_ms())
        await self._services.catalog.change(entry, work)
        await reload(self._services)
        return Answer(status=204)

    def _session(self, session: Session, person: Person) -> SessionView:
        seen_at = self._services.roll.seen_at(session)
        return SessionView(
            session.id, person.id, person.name, session.created_at, seen_at, session.address, session.agent
        )


def _watches(call: Call, person: Person) -> bool:
    """From where somebody is signed in is shown to himself, to admins and to auditors."""
    whole = Scope(person.organisation)
    may = (call.principal.may(one, whole) for one in (Permission.PEOPLE_WRITE, Permission.AUDIT_EXPORT))
    return person.id == call.principal.id or (visible(call, person.organisation) and any(may))


def routes(services: Services) -> tuple[Route, ...]:
    sessions, read, mine = Sessions(services), Permission.PEOPLE_READ, Within.HANDLER
    return (
        route("GET", "/v1/sessions", sessions.list, permission=read, within=mine, summary="Who is signed in.",
              shape=Shape(None, SessionList)),
        route("DELETE", "/v1/sessions/{session}", sessions.end, permission=read, within=mine,
              action="session.end", summary="End a session: one's own, or an administrator any.",
              shape=Shape(status=204)),
    )  # fmt: skip
