"""The API as a page asks it: the same routes, permissions and audit, without a socket between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec

from pushwarden.core.principal import Principal
from pushwarden.web.access import ORGANISATION_HEADER
from pushwarden.web.body import Receive
from pushwarden.web.call import JSON, Answer
from pushwarden.web.frame import Frame


@dataclass(frozen=True, slots=True)
class Api:
    """Everything raises the PushwardenError that the route answers.

    Bodies come back as the handler made them (a struct, a list), except what it gave as bytes of JSON, which is read.
    """

    frame: Frame = field(repr=False)
    principal: Principal
    organisation: str
    request_id: str
    address: str

    async def get(self, path: str, **query: Any) -> Any:
        return _body(await self.answer("GET", path, query=query))

    async def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return _body(await self.answer("POST", path, body, query))

    async def patch(self, path: str, body: Any, **query: Any) -> Any:
        return _body(await self.answer("PATCH", path, body, query))

    async def put(self, path: str, body: Any, **query: Any) -> Any:
        return _body(await self.answer("PUT", path, body, query))

    async def delete(self, path: str, **query: Any) -> Any:
        return _body(await self.answer("DELETE", path, query=query))

    async def answer(
        self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None, *, key: str = ""
    ) -> Answer:
        """The route's answer whole, for its status, its headers or its stream. key: an Idempotency-Key."""
        content = b"" if body is None else msgspec.json.encode(body)
        headers = ((b"idempotency-key", key.encode()),) if key else ()
        return await self.send(method, path, _once(content), JSON, query, headers)

    async def send(
        self,
        method: str,
        path: str,
        receive: Receive,
        content_type: bytes,
        query: dict[str, Any] | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Answer:
        """With a body that comes as it comes: `receive` is ASGI's."""
        scope = {
            "method": method,
            "path": path,
            "query_string": urlencode({name: _said(value) for name, value in (query or {}).items()}).encode(),
            "headers": [
                (b"content-type", content_type),
                (ORGANISATION_HEADER, self.organisation.encode()),
                *headers,
            ],
            "client": (self.address, 0),
        }
        return await self.frame.inside(self.principal, scope, receive, self.request_id)


def chunked(parts: AsyncIterator[bytes]) -> Receive:
    """ASGI's receive over what a page hands on, part by part."""

    async def receive() -> dict[str, Any]:
        async for part in parts:
            return {"type": "http.request", "body": part, "more_body": True}
        return {"type": "http.request", "body": b""}

    return receive


def _once(content: bytes) -> Receive:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content}

    return receive


def _body(answer: Answer) -> Any:
    if isinstance(answer.body, bytes) and answer.content_type == JSON:
        return msgspec.json.decode(answer.body)
    return answer.body


def _said(value: Any) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)
