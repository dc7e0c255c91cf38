"""A list of pushes as an address asks for it: filters read, pages followed, files written."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.outcome import Fate
from pushwarden.core.principal import Permission
from pushwarden.core.push import PushState, PushType, Source
from pushwarden.core.scope import Environment, Scope
from pushwarden.dataplane.intake.views import progress_view
from pushwarden.ports.records import PushQuery, Records
from pushwarden.web.call import Call
from pushwarden.web.sheet import lines

FILTERS = ("state", "outcome", "reason", "type", "source", "since", "until", "q")
PLACES = ("app", "env")
PAGING = ("before", "after", "limit")
MOST = 1000
EXPORTED = 500
"""Pushes read together for a file."""
_LATEST = 2**53
_APNS_ID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-[0-9a-f]{12}")
_ID = re.compile(r"[0-9a-f]{20}")
_KINDS: dict[str, Any] = {"state": PushState, "outcome": Fate, "type": PushType, "source": Source}
COLUMNS = (
    "id", "accepted_at", "app", "environment", "type", "source", "actor", "audience", "title", "state", "estimated",
    "planned", *Fate, "refusals", "handed_at", "finished_at",
)  # fmt: skip


def query_of(call: Call, asked: dict[str, str]) -> PushQuery:
    """Invalid names the parameter that cannot be. `q`: a push's id, an apns-id, or a part of the text."""
    for name, kind in _KINDS.items():
        if asked.get(name, "") not in ("", *kind):
            raise Invalid(f"`{name}` is one of {', '.join(kind)}.", field=name)
    text = asked.get("q", "").strip()[:200]
    found = push_id(text)
    return PushQuery(
        state=PushState(asked["state"]) if asked.get("state") else None,
        outcome=Fate(asked["outcome"]) if asked.get("outcome") else None,
        reason=asked.get("reason", ""),
        type=asked.get("type", ""),
        source=asked.get("source", ""),
        since=call.number(asked.get("since"), "since", 0, _LATEST),
        until=call.number(asked.get("until"), "until", 0, _LATEST),
        text="" if found else text,
        id=found,
        before=asked.get("before", ""),
        after=asked.get("after", ""),
        limit=call.number(asked.get("limit"), "limit", 50, MOST),
    )


def push_id(text: str) -> str:
    """The push that an id or an apns-id names; empty when it is neither."""
    lower = text.strip().lower()
    apns = _APNS_ID.fullmatch(lower)
    if apns is not None:
        return "".join(apns.groups())
    return lower if _ID.fullmatch(lower) else ""


def narrowed(call: Call, asked: dict[str, str], query: PushQuery) -> tuple[Scope, PushQuery]:
    """For a list of a whole organisation: the place asked for, and of it only what the caller may read."""
    environment = asked.get("env", "")
    if environment and environment not in Environment.__members__.values():
        raise Invalid(f"`env` is one of {', '.join(Environment)}.", field="env")
    where = Scope(call.where.organisation, asked.get("app", ""), Environment(environment) if environment else None)
    may = Permission.PUSH_READ
    if call.principal.may(may, where):
        return where, query
    own = [grant.scope for grant in call.principal.grants if may in grant.permissions]
    among = tuple(one for one in own if one.organisation == where.organisation)
    if not among:
        raise NotFound
    return where, replace(query, among=among)


async def views(records: Records, where: Scope, query: PushQuery, now_ms: int) -> AsyncIterator[list[dict[str, Any]]]:
    """Every push that fits, newest first, page by page."""
    query = replace(query, limit=EXPORTED)
    while True:
        page = await records.pushes(where, query)
        if page.pushes:
            yield [progress_view(one, now_ms) for one in page.pushes]
        if not page.next:
            return
        query = replace(query, before=page.next)


async def as_jsonl(found: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[bytes]:
    async for page in found:
        yield "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in page).encode()


async def as_csv(found: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[bytes]:
    yield lines([COLUMNS])
    async for page in found:
        yield lines([[_said(one, name) for name in COLUMNS] for one in page])


def _said(one: dict[str, Any], name: str) -> Any:
    if name != "refusals":
        return one[name]
    return ", ".join(f"{refusal['reason']} {refusal['count']}" for refusal in one[name])
