"""GET …/invalidations: for backends that keep tokens themselves, in the order of commits, by an opaque cursor."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import Struct

from pushwarden.core.app import Snapshot
from pushwarden.core.errors import CursorExpired, Invalid, NotFound
from pushwarden.core.invalidation import Invalidation
from pushwarden.core.principal import Permission
from pushwarden.dataplane.intake.views import iso
from pushwarden.ports.clock import Clock
from pushwarden.ports.invalidations import INVALIDATION_LIFE_MS, Invalidations
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Shape, route

PAGE = 1000
_CURSOR = struct.Struct(">BQQ")
_VERSION = 1  # makes every cursor begin with a letter, and so no time
_NO_CURSOR = "`since` is a `next` of an earlier answer or a time like 2026-01-31T12:00:00Z."


class InvalidationView(Struct):
    """token: the whole one, as it was sent to. gone_at: since when the provider knows it dead, when it said so."""

    state: str
    token: str
    provider: str
    token_kind: str
    installation_id: str
    user: str
    reason: str
    gone_at: str | None
    at: str | None
    push: str


class InvalidationList(Struct):
    """next: give it back as `since`. more: there are further ones now."""

    invalidations: list[InvalidationView]
    next: str
    more: bool


@dataclass(frozen=True, slots=True)
class InvalidationRoutes:
    invalidations: Invalidations
    snapshot: Callable[[], Snapshot]
    clock: Clock

    def routes(self) -> list[Route]:
        # Whole tokens are shown, as in an export: a key that may only read does not see them.
        return [
            route("GET", "/v1/apps/{app}/{env}/invalidations", self.get, permission=Permission.DEVICE_WRITE,
                  summary="Tokens that providers called dead, and those that came back, for 30 days",
                  shape=Shape(None, InvalidationList, query=("since", "limit"))),
        ]  # fmt: skip

    async def get(self, call: Call) -> Answer:
        where = call.where
        if self.snapshot().app(where.organisation, where.app) is None:
            raise NotFound(f"There is no app {where.app[:64]} here, or it is not yours.")
        query = call.query("since", "limit")
        limit = max(1, call.number(query.get("limit"), "limit", PAGE, PAGE))
        now_ms = self.clock.now_ms()
        after = await self._after(query.get("since", ""), now_ms)
        found = await self.invalidations.invalidations(where, after=after, limit=limit + 1)
        page, more = found[:limit], len(found) > limit
        following = cursor(page[-1].number if page else after, page[-1].at if more else now_ms)
        return Answer(InvalidationList([view(one) for one in page], following, more))

    async def _after(self, since: str, now_ms: int) -> int:
        if not since:
            return 0
        if since[0].isdigit():
            return await self.invalidations.number_before(time_of(since))
        number, at = read_cursor(since)
        if at < now_ms - INVALIDATION_LIFE_MS:
            raise CursorExpired
        return number


def cursor(number: int, at_ms: int) -> str:
    """number: the last entry given. at_ms: up to when everything was given."""
    return base64.urlsafe_b64encode(_CURSOR.pack(_VERSION, number, at_ms)).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int, int]:
    """The reverse of `cursor`. Invalid when it is none of ours."""
    try:
        version, number, at_ms = _CURSOR.unpack(base64.b64decode(text + "=", b"-_", validate=True))
    except (binascii.Error, struct.error, ValueError):
        raise Invalid(_NO_CURSOR, field="since") from None
    if version != _VERSION or number >= 2**63:
        raise Invalid(_NO_CURSOR, field="since")
    return number, at_ms


def time_of(text: str) -> int:
    """RFC 3339 as Unix milliseconds. Invalid without a time zone. A `+` that came as a space is one."""
    try:
        time = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise Invalid("`since` needs a whole time with its zone, like 2026-01-31T12:00:00Z.", field="since")
    return int(time.timestamp() * 1000)


def view(entry: Invalidation) -> InvalidationView:
    said: dict[str, Any] = {"gone_at": iso(entry.gone_ms), "at": iso(entry.at)}
    return InvalidationView(
        str(entry.state), entry.token, entry.provider, entry.token_kind, entry.installation, entry.user, entry.reason,
        push=entry.push, **said,
    )  # fmt: skip
