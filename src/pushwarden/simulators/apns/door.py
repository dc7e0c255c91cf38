"""The control door of the APNs simulator: counters, log, script, tokens, keys, clock, phones."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from pushwarden.simulators import faults
from pushwarden.simulators.control import Asked, Control, Refused

from .devices import State
from .inbox import Inbox, Stored
from .service import KeyRow, Service, TokenRow

LONGEST_WAIT_S = 60.0
T = TypeVar("T")


class Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /tokens."""

    tokens: dict[str, TokenRow] = {}
    shares: dict[State, float] | None = None


class Ahead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /clock."""

    advance_s: float


def door(service: Service, stop: asyncio.Event) -> Control:
    """Routes over one service; POST /stop sets `stop`."""

    async def counts(_asked: Asked) -> Any:
        return service.counts()

    async def flush(_asked: Asked) -> Any:
        service.ledger.log.flush()
        return service.counts()

    async def script(asked: Asked) -> Any:
        try:
            service.set_script(faults.parse(asked.body, toml="toml" in asked.query))
        except faults.BadScript as error:
            raise Refused(400, str(error)) from error
        return {"rules": len(service.script.rules)}

    async def tokens(asked: Asked) -> Any:
        given = _body(asked, Tokens)
        service.set_tokens(given.tokens, given.shares)
        return {"tokens": len(service.devices.rows)}

    async def keys(asked: Asked) -> Any:
        service.provider_tokens.add(_key(_body(asked, KeyRow)))
        return {}

    async def revoke(asked: Asked) -> Any:
        service.provider_tokens.revoke(asked.rest)
        return {}

    async def clock(asked: Asked) -> Any:
        service.ahead_s += _body(asked, Ahead).advance_s
        return {"wall": service.wall()}

    async def halt(_asked: Asked) -> Any:
        stop.set()
        return {}

    routes: dict[tuple[str, str], Callable[[Asked], Awaitable[Any]]] = {
        ("GET", "counts"): counts,
        ("POST", "flush"): flush,
        ("POST", "script"): script,
        ("POST", "tokens"): tokens,
        ("POST", "keys"): keys,
        ("DELETE", "keys"): revoke,
        ("POST", "clock"): clock,
        ("POST", "stop"): halt,
        **_phones(service),
    }
    return Control(routes)


def _phones(service: Service) -> dict[tuple[str, str], Callable[[Asked], Awaitable[Any]]]:
    async def pair(asked: Asked) -> Any:
        service.inboxes.setdefault(_token(asked), Inbox(asyncio.get_running_loop().time()))
        return {}

    async def listen(asked: Asked) -> Any:
        inbox = service.inboxes.setdefault(_token(asked), Inbox(asyncio.get_running_loop().time()))
        try:
            wait_s = min(float(asked.query.get("wait", "0")), LONGEST_WAIT_S)
        except ValueError as error:
            raise Refused(400, "wait is a number of seconds") from error
        return {"pushes": [_shown(push) for push in await inbox.take(wait_s, service.wall)]}

    async def forget(asked: Asked) -> Any:
        service.inboxes.pop(_token(asked), None)
        return {}

    async def leave(asked: Asked) -> Any:
        if inbox := service.inboxes.get(_token(asked)):
            inbox.leave()
        return {}

    return {
        ("POST", "phone"): pair,
        ("GET", "phone"): listen,
        ("DELETE", "phone"): forget,
        ("POST", "absent"): leave,
    }


def _token(asked: Asked) -> bytes:
    if not asked.rest:
        raise Refused(400, "Name the device token: /phone/<token>")
    return asked.rest.lower().encode()


def _shown(push: Stored) -> dict[str, Any]:
    """body is UTF-8 text, or null with the bytes in base64 when it is not."""
    try:
        text: str | None = push.body.decode()
    except UnicodeDecodeError:
        text = None
    raw = {} if text is not None else {"body_base64": base64.b64encode(push.body).decode()}
    return {"topic": push.topic, "push_type": push.push_type, "apns_id": push.apns_id, "body": text, **raw}


def _key(row: KeyRow) -> Any:
    try:
        return row.key()
    except ValueError as error:
        raise Refused(400, str(error)) from error


def _body(asked: Asked, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(asked.body, type=kind)
    except msgspec.DecodeError as error:
        raise Refused(400, f"The body is not usable: {error}") from error
