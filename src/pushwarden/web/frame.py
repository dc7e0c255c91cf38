"""The frame every request passes: route, key, permission, handler, answer. Pure ASGI, no middleware."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import structlog

from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    InUse,
    MethodNotAllowed,
    NotFound,
    ProofNeeded,
    PushwardenError,
    UnusableCredential,
)
from pushwarden.core.principal import KeyKind, Permission, Principal
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.clock import Clock
from pushwarden.web.access import KeyRing, require
from pushwarden.web.body import ClientGone, Receive, header
from pushwarden.web.call import Answer, Call
from pushwarden.web.giving import Send, give
from pushwarden.web.problems import problem
from pushwarden.web.routes import Route, Router, Within, admit

Note = Callable[[AuditEntry], Awaitable[None]]
"""Writes an audit row by itself."""

KEY = "key"
"""The query parameter that holds a key, on the routes that take one there."""
LONGEST_PATH = 2048
"""Characters; what is longer is nowhere, and cannot swell the audit."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SAFE = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_ANYWHERE = Scope()
_ANYONE = Principal.nobody()
# Not `stopped` and the like: a sender that goes on asking would fill the audit; those are counted.
_NOTED = (Forbidden, NotFound, Conflict, AlreadyExists, InUse, UnusableCredential)
_log = structlog.get_logger("http")


class Frame:
    """An ASGI application over a route table."""

    def __init__(self, routes: Sequence[Route], ring: KeyRing, clock: Clock, note: Note) -> None:
        self.router = Router(routes)
        self._ring, self._clock, self._note = ring, clock, note
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        request_id = self._request_id(scope)
        try:
            answer = await self._answer(scope, receive, request_id)
        except PushwardenError as error:
            answer = problem(error, request_id)
        except ClientGone:
            return
        except Exception:
            # The last resort: the caller learns nothing but the number to ask about.
            _log.exception("unexpected", request_id=request_id, path=scope["path"])
            ours = PushwardenError("Something went wrong on our side; ask the operator for this request id.")
            answer = problem(ours, request_id)
        own = (*_SAFE, (b"pushwarden-request-id", request_id.encode()))
        await give(send, answer, own, request_id)

    async def inside(self, principal: Principal, scope: dict[str, Any], receive: Receive, request_id: str) -> Answer:
        """What a route answers somebody the console has signed in: the same permissions, the same audit.

        scope: method, path, headers, query_string and client, as ASGI has them.
        """
        return await self._answer(scope, receive, request_id, principal)

    async def _answer(
        self, scope: dict[str, Any], receive: Receive, request_id: str, known: Principal | None = None
    ) -> Answer:
        route, params = self._locate(scope, known)
        call = Call(
            principal=known or _ANYONE,
            where=_ANYWHERE,
            params=params,
            headers=scope["headers"],
            request_id=request_id,
            address=(scope.get("client") or ("",))[0],
            query_string=scope["query_string"],
            receive=receive,
            limit=route.limit,
        )
        if route.permission is None:
            return await route.handler(call)
        try:
            call.principal = known or self._authenticated(call, route)
            self._admit(call, route, route.permission)
            if route.fresh and not call.principal.fresh:
                raise ProofNeeded
            answer = await route.handler(call)
        except PushwardenError as error:
            # A change refused for who asked, or for what stands there, leaves an audit row; a bad body does not.
            if route.action and isinstance(error, _NOTED) and call.principal.id:
                await self._record(call, route, error.code)
            raise
        if route.noted:
            await self._record(call, route, "done")
        return answer

    def _locate(self, scope: dict[str, Any], known: Principal | None) -> tuple[Route, dict[str, str]]:
        """Who has no key is not even told what is there."""
        path = scope["path"]
        found = self.router.find(path) if len(path) <= LONGEST_PATH and "\0" not in path else None
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if found is not None and method in found[0]:
            route, names = found[0][method]
            return route, dict(zip(names, found[1], strict=True))
        if known is None:
            self._ring.authenticate(scope["headers"])
        if found is None:
            raise NotFound("There is nothing at this address.")
        allowed = sorted(found[0])
        raise MethodNotAllowed(f"This address takes {', '.join(allowed)}.", allowed=allowed)

    def _admit(self, call: Call, route: Route, permission: Permission) -> None:
        principal = call.principal
        if route.within is Within.INSTALLATION:
            require(principal, permission, _ANYWHERE)
            return
        organisation = self._ring.organisation(principal, call.headers)
        call.where = _place(organisation, call.params.get("app", ""), call.params.get("env"))
        admit(principal, permission, route.within, call.where)

    def _authenticated(self, call: Call, route: Route) -> Principal:
        key = dict(parse_qsl(call.query_string.decode("latin-1"))).get(KEY) if route.keyed else None
        if key is None:
            return self._ring.authenticate(call.headers)
        principal = self._ring.authenticate([(b"authorization", b"Bearer " + key.encode())])
        if principal.kind is not KeyKind.FEED:
            raise Forbidden("Addresses are written down on their way: only a key of kind feed may stand in one.")
        return principal

    async def _record(self, call: Call, route: Route, outcome: str) -> None:
        target = "/".join(value for name, value in call.params.items() if name not in ("app", "env"))
        where = call.where if call.where.organisation else Scope(call.principal.home)
        await self._note(
            AuditEntry(
                at=self._clock.now_ms(),
                actor=call.principal.id,
                action=route.action,
                scope=where,
                target=target,
                outcome=outcome,
                request_id=call.request_id,
                address=call.address,
                extra={"actor_name": call.principal.name},
            )
        )

    def _request_id(self, scope: dict[str, Any]) -> str:
        given = header(scope["headers"], b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode()
        return f"{self._prefix}-{next(self._numbers):x}"


@lru_cache(maxsize=256)
def _place(organisation: str, app: str, environment: str | None) -> Scope:
    if environment is None:
        return Scope(organisation, app)
    if environment not in Environment.__members__.values():
        raise NotFound("The environment is production, sandbox or simulated.")
    return Scope(organisation, app, Environment(environment))


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
