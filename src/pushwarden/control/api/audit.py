"""/v1/audit: who did what, refused attempts too; as a list, as a file, and verified."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from pushwarden.control.audit import as_csv, as_jsonl, nothing, pages, readable, verified
from pushwarden.control.audit_finding import Found, each, find, for_so_long, wanted
from pushwarden.control.audit_search import Search, Term, parsed
from pushwarden.control.naming import called
from pushwarden.control.services import Services
from pushwarden.core.audit import DONE
from pushwarden.core.chain import Anchor, Verdict
from pushwarden.core.errors import Forbidden, Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.audit import AuditQuery, AuditRow, Facet, FacetKind, tallied
from pushwarden.ports.catalog import Tables
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, Within, route

_TEXTS = ("actor", "action", "app", "outcome", "target")
_FILTERS = ("q", *_TEXTS, "since", "until", "before", "limit", "chain")
_LATEST = 2**53
MOST_FACETS = 30
MOST_COUNTED = 1000
HEAT_DAYS = 371
"""53 weeks."""


Rows = list[AuditRow]
Places = tuple[Scope, ...]
"""Where the caller's part of a chain was done; empty for the whole chain."""
Counted = Callable[[FacetKind], Sequence[Facet]]


class AuditPage(msgspec.Struct):
    """next: pass it as `before` to go on; null at the end. looked: how many entries were passed to find these.

    Each entry says who did it as `actor_name` too.
    """

    entries: list[dict[str, Any]]
    next: int | None
    looked: int


class AuditCount(msgspec.Struct):
    """value: as it is searched for. label: what people call it."""

    value: str
    label: str
    entries: int
    refused: int


class AuditFacets(msgspec.Struct):
    """What there is to search for, the most frequent first; days are ascending, in UTC.

    whole: false where only a part of the organisation is the caller's; then its newest entries are counted.
    """

    actors: Sequence[AuditCount]
    actions: Sequence[AuditCount]
    apps: Sequence[AuditCount]
    outcomes: Sequence[AuditCount]
    days: Sequence[AuditCount]
    whole: bool


class AuditVerdict(msgspec.Struct):
    """anchor: `1234:9f3c…`, the last good row: kept elsewhere and given as `head` later, it shows a chain that was cut
    or written anew. anchors: how many were compared.
    """

    intact: bool
    entries: int
    head: str
    anchor: str
    anchors: int
    broken_at: int | None
    problem: str


class AuditLog:
    def __init__(self, services: Services) -> None:
        self._services, self._catalog = services, services.catalog
        self._clock, self._anchors = services.clock, services.anchors

    async def list(self, call: Call) -> Answer:
        asked = call.query(*_FILTERS)
        chain = _chain(call, asked)
        places = _places(call, Permission.AUDIT_READ, chain)
        search = self._search(call, asked, chain, places)
        limit = max(1, call.number(asked.get("limit"), "limit", 100, 1000))
        before = call.number(asked.get("before"), "before", 0, _LATEST)
        enough = for_so_long()

        def work(tables: Tables) -> Found:
            query = wanted(tables, chain, search, limit, self._name)
            query = query and replace(query, within=places)
            return find(tables, replace(query, before=before), enough) if query else Found((), None, 0)

        found = await self._catalog.browse(work)
        return Answer(AuditPage([self._named(row) for row in found.rows], found.next, found.looked))

    def _named(self, row: AuditRow) -> dict[str, Any]:
        said = readable(row)
        return said | {"actor_name": self._name(said["actor"], str(said["extra"].get("actor_name", "")))}

    def _name(self, actor: str, then: str = "") -> str:
        return called(self._services, actor, then)

    async def facets(self, call: Call) -> Answer:
        chain = _chain(call, call.query("chain"))
        places = _places(call, Permission.AUDIT_READ, chain)
        refused = _sees_refused(call, places, chain)

        def counted(every: Counted, kind: FacetKind) -> Sequence[AuditCount]:
            seen = every(kind)
            seen = [one if refused else replace(one, entries=one.entries - one.refused, refused=0) for one in seen]
            names = {one.value: self._name(one.value, one.label) if kind == "actor" else one.label for one in seen}
            return [AuditCount(one.value, names[one.value], one.entries, one.refused) for one in seen if one.entries]

        def often(every: Counted, kind: FacetKind) -> Sequence[AuditCount]:
            return sorted(counted(every, kind), key=lambda one: -one.entries)[:MOST_FACETS]

        def work(tables: Tables) -> AuditFacets:
            every = _newest(tables, chain, places) if places else partial(tables.audit.facets, chain)
            return AuditFacets(
                often(every, "actor"), often(every, "action"), often(every, "app"), often(every, "outcome"),
                counted(every, "day")[-HEAT_DAYS:], not places,
            )  # fmt: skip

        return Answer(await self._catalog.browse(work))

    async def export(self, call: Call) -> Answer:
        """Whole, or what a search finds, or the caller's part; only a whole chain can be verified offline."""
        asked = call.query("format", "chain", "q")
        chain, search = _chain(call, asked), parsed(asked.get("q", ""), self._clock.now_ms())
        parts = await self._parts(chain, search, _places(call, Permission.AUDIT_EXPORT, chain))
        match asked.get("format", "jsonl"):
            case "jsonl":
                return Answer(stream=as_jsonl(parts), content_type=b"application/x-ndjson")
            case "csv":
                return Answer(stream=as_csv(parts), content_type=b"text/csv; charset=utf-8")
            case _:
                raise Invalid("`format` is jsonl or csv.", field="format")

    async def verify(self, call: Call) -> Answer:
        """Past every anchor the server kept, and those that are sent along as `head`."""
        asked = call.query("chain", "head")
        chain = _chain(call, asked)
        anchors = [*self._anchors(chain), *_heads(chain, asked.get("head", ""))]
        found: Verdict = await verified(self._catalog, chain, anchors)
        return Answer(
            AuditVerdict(
                found.intact, found.entries, found.head, found.anchor, len(anchors), found.broken_at, found.problem
            )
        )

    async def _parts(self, chain: str, search: Search, places: Places) -> AsyncIterator[Rows]:
        """A whole chain is read as it stands, and not by what is counted of it."""
        if not search.terms and not places:
            return pages(self._catalog, chain)
        query = await self._catalog.browse(lambda tables: wanted(tables, chain, search, 1, self._name))
        return each(self._catalog, replace(query, within=places)) if query else nothing()

    def _search(self, call: Call, asked: dict[str, str], chain: str, places: Places) -> Search:
        """What `q` says, and the other parameters beside it."""
        search = parsed(asked.get("q", ""), self._clock.now_ms())
        own = tuple(Term(name, asked[name], "") for name in _TEXTS if asked.get(name))
        if twice := [term.name for term in own if search.value(term.name)]:
            raise Invalid(f"`{twice[0]}` stands in `q` too; say it once.", field=twice[0])
        times = {
            name: call.number(asked.get(name), name, getattr(search, name), _LATEST) for name in ("since", "until")
        }
        return _allowed(Search(search.terms + own, **times), refused=_sees_refused(call, places, chain))


def _heads(chain: str, text: str) -> list[Anchor]:
    try:
        return [Anchor.parse(chain, one) for one in text.split(",") if one]
    except ValueError:
        raise Invalid("`head` is the anchor of an earlier verdict: 1234:9f3c… with 64 digits.", field="head") from None


def _places(call: Call, permission: Permission, chain: str) -> Places:
    """The apps and environments the caller may do this for, where it is not the whole organisation."""
    whole = Scope(chain)
    if call.principal.may(permission, whole):
        return ()
    own = {one.scope for one in call.principal.grants if permission in one.permissions and whole.covers(one.scope)}
    return tuple(sorted(own, key=lambda scope: scope.key))


def _sees_refused(call: Call, places: Places, chain: str) -> bool:
    return all(call.principal.may(Permission.AUDIT_EXPORT, place) for place in places or (Scope(chain),))


def _newest(tables: Tables, chain: str, places: Places) -> Counted:
    """What is counted of the newest entries of some places."""
    found = find(tables, AuditQuery(chain, within=places, limit=MOST_COUNTED), for_so_long())
    return partial(tallied, found.rows[::-1])


def _allowed(search: Search, *, refused: bool) -> Search:
    """Who may not see refused attempts is shown what was done."""
    if refused:
        return search
    if search.value("outcome") not in ("", DONE):
        raise Forbidden("Your role shows what was done, not what was refused.")
    kept = tuple(term for term in search.terms if term.name != "outcome")
    return replace(search, terms=(*kept, Term("outcome", DONE, "")))


def _chain(call: Call, asked: dict[str, str]) -> str:
    """The organisation's chain, or with `chain=installation` the installation's own, for its own keys."""
    chain = asked.get("chain", "organisation")
    if chain not in ("organisation", "installation"):
        raise Invalid("`chain` is organisation or installation.", field="chain")
    if chain == "organisation":
        return call.where.organisation
    if not call.principal.may(Permission.AUDIT_READ, Scope()):
        raise NotFound
    return ""


def routes(services: Services) -> tuple[Route, ...]:
    audit, may, part = AuditLog(services), Permission.AUDIT_READ, Within.AROUND
    return (
        route("GET", "/v1/audit", audit.list, permission=may, within=part, summary="What was done, newest first.",
              shape=Shape(None, AuditPage, query=_FILTERS)),
        route("GET", "/v1/audit/facets", audit.facets, permission=may, within=part,
              summary="What there is to search for, and how much happened on each day.",
              shape=Shape(None, AuditFacets, query=("chain",))),
        route("GET", "/v1/audit/export", audit.export, permission=Permission.AUDIT_EXPORT, within=part,
              summary="All of it, or what `q` finds, as JSONL or CSV.", shape=Shape(query=("format", "chain", "q"))),
        route("GET", "/v1/audit/verify", audit.verify, permission=may, summary="Does the hash chain hold?",
              shape=Shape(None, AuditVerdict, query=("chain", "head"))),
    )  # fmt: skip
