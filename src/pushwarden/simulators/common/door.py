"""The control door of a simulator: counters, log, script, tokens, clock, phones. A provider adds its own routes."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, Final, TypeVar

import msgspec

from pushwarden.simulators import faults
from pushwarden.simulators.control import Asked, Refused, Route

from .inbox import Inbox, Stored
from .service import Service

LONGEST_WAIT_S: Final = 60.0
Routes = dict[tuple[str, str], Route]
T = TypeVar("T")


class Ahead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /clock."""

    advance_s: float


def routes(service: Service, stop: asyncio.Event) -> Routes:
    """What every simulator's door can do; POST /stop sets `stop`."""

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
        try:
            return {"tokens": service.take_tokens(asked.body)}
        except msgspec.DecodeError as error:
            raise _unusable(error) from error

    async def clock(asked: Asked) -> Any:
        return {"wall": service.advance(body(asked, Ahead).advance_s)}

    async def halt(_asked: Asked) -> Any:
        stop.set()
        return {}

    return {
        ("GET", "counts"): counts,
        ("POST", "flush"): flush,
        ("POST", "script"): script,
        ("POST", "tokens"): tokens,
        ("POST", "clock"): clock,
        ("POST", "stop"): halt,
        **_phones(service),
    }


def _phones(service: Service) -> Routes:
    def inbox(asked: Asked) -> Inbox:
        return service.inboxes.setdefault(_token(service, asked), Inbox(asyncio.get_running_loop().time()))

    async def pair(asked: Asked) -> Any:
        inbox(asked)
        return {}

    async def listen(asked: Asked) -> Any:
        held = inbox(asked)
        try:
            wait_s = min(float(asked.query.get("wait", "0")), LONGEST_WAIT_S)
        except ValueError as error:
            raise Refused(400, "wait is a number of seconds") from error
        return {"pushes": [_shown(push) for push in await held.take(wait_s, service.wall)]}

    async def forget(asked: Asked) -> Any:
        service.inboxes.pop(_token(service, asked), None)
        return {}

    async def leave(asked: Asked) -> Any:
        if held := service.inboxes.get(_token(service, asked)):
            held.leave()
        return {}

    return {
        ("POST", "phone"): pair,
        ("GET", "phone"): listen,
        ("DELETE", "phone"): forget,
        ("POST", "absent"): leave,
    }


def body(asked: Asked, kind: type[T]) -> T:
    """The request's JSON; Refused names the field that is wrong."""
    try:
        return msgspec.json.decode(asked.body, type=kind)
    except msgspec.DecodeError as error:
        raise _unusable(error) from error


def _unusable(error: msgspec.DecodeError) -> Refused:
    return Refused(400, f"The body is not usable: {error}")


def _token(service: Service, asked: Asked) -> bytes:
    if not asked.rest:
        raise Refused(400, "Name the device token: /phone/<token>")
    return service.fold(asked.rest.encode())


def _shown(push: Stored) -> dict[str, Any]:
    """body is UTF-8 text, or null with the bytes in base64 when it is not."""
    try:
        text: str | None = push.body.decode()
    except UnicodeDecodeError:
        text = None
    raw = {} if text is not None else {"body_base64": base64.b64encode(push.body).decode()}
    return {"topic": push.topic, "push_type": push.push_type, "id": push.name, "body": text, **raw}
