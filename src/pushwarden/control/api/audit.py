"""/v1/audit: who did what, refused attempts too; as a list, as a file, and verified."""

from __future__ import annotations

from typing import Any

import msgspec

from pushwarden.control.audit import as_csv, as_jsonl, readable, verified
from pushwarden.control.services import Services
from pushwarden.core.chain import Verdict
from pushwarden.core.errors import Forbidden, Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import AuditQuery
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

DONE = "done"
_TEXTS = ("actor", "action", "app", "outcome", "target")
_FILTERS = (*_TEXTS, "since", "until", "before", "limit", "chain")
_LATEST = 2**53


class AuditPage(msgspec.Struct):
    """next: pass it as `before` for the next page; null on the last one."""

    entries: list[dict[str, Any]]
    next: int | None


class AuditVerdict(msgspec.Struct):
    """head: the last good hash; kept elsewhere, it shows when the tail was cut."""

    intact: bool
    entries: int
    head: str
    broken_at: int | None
    problem: str


class AuditLog:
    def __init__(self, services: Services) -> None:
        self._catalog = services.catalog

    async def list(self, call: Call) -> Answer:
        asked = call.query(*_FILTERS)
        chain, texts = _chain(call, asked), {name: asked.get(name, "") for name in _TEXTS}
        if not call.principal.may(Permission.AUDIT_EXPORT, Scope(chain)):
            if texts["outcome"] not in ("", DONE):
                raise Forbidden("Your role shows what was done, not what was refused.")
            texts["outcome"] = DONE
        query = AuditQuery(
            chain,
            **texts,
            since=call.number(asked.get("since"), "since", 0, _LATEST),
            until=call.number(asked.get("until"), "until", 0, _LATEST),
            before=call.number(asked.get("before"), "before", 0, _LATEST),
            limit=max(1, call.number(asked.get("limit"), "limit", 100, 1000)),
        )
        rows = await self._catalog.browse(lambda tables: tables.audit.page(query))
        more = rows[-1].sequence if len(rows) == query.limit else None
        return Answer(AuditPage([readable(row) for row in rows], more))

    async def export(self, call: Call) -> Answer:
        asked = call.query("format", "chain")
        chain = _chain(call, asked)
        match asked.get("format", "jsonl"):
            case "jsonl":
                return Answer(stream=as_jsonl(self._catalog, chain), content_type=b"application/x-ndjson")
            case "csv":
                return Answer(stream=as_csv(self._catalog, chain), content_type=b"text/csv; charset=utf-8")
            case _:
                raise Invalid("`format` is jsonl or csv.", field="format")

    async def verify(self, call: Call) -> Answer:
        verdict: Verdict = await verified(self._catalog, _chain(call, call.query("chain")))
        return Answer(AuditVerdict(verdict.intact, verdict.entries, verdict.head, verdict.broken_at, verdict.problem))


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
    audit, may = AuditLog(services), Permission.AUDIT_READ
    return (
        route("GET", "/v1/audit", audit.list, permission=may, summary="What was done, newest first.",
              shape=Shape(None, AuditPage, query=_FILTERS)),
        route("GET", "/v1/audit/export", audit.export, permission=Permission.AUDIT_EXPORT,
              summary="All of it, as JSONL or CSV.", shape=Shape(query=("format", "chain"))),
        route("GET", "/v1/audit/verify", audit.verify, permission=may, summary="Does the hash chain hold?",
              shape=Shape(None, AuditVerdict, query=("chain",))),
    )  # fmt: skip
