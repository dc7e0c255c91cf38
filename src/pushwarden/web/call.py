"""One request on its way through a handler, and what the handler answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import Invalid, Malformed, UnknownField
from pushwarden.core.principal import Permission, Principal
from pushwarden.core.scope import Scope
from pushwarden.web import body
from pushwarden.web.access import require
from pushwarden.web.body import RawHeaders, Receive

T = TypeVar("T")
JSON = b"application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """body: bytes go out as they are, None is no body, anything else becomes JSON; or `stream` gives it in parts."""

    body: Any = None
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON
    stream: AsyncIterator[bytes] | None = None

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


@dataclass(slots=True)
class Call:
    """where: the scope the path names. Nothing of the body is read before the handler asks for it."""

    principal: Principal
    where: Scope
    params: dict[str, str]
    headers: RawHeaders
    request_id: str
    address: str
    query_string: bytes = field(repr=False)
    receive: Receive = field(repr=False)
    limit: int = body.LIMIT

    async def read(self) -> bytes:
        return await body.read(self.headers, self.receive, self.limit)

    async def json(self, decoder: msgspec.json.Decoder[T]) -> T:
        return body.decode(decoder, await self.read())

    def stream(self) -> AsyncGenerator[bytes]:
        """The body as it comes, at most `limit` bytes of it."""
        body.announced(self.headers, self.limit)
        return body.chunks(self.receive, self.limit)

    def header(self, name: bytes) -> str:
        """A lower-case header's value, empty when absent."""
        return (body.header(self.headers, name) or b"").decode("latin-1")

    def query(self, *names: str) -> dict[str, str]:
        """Query parameters by name; one that is not in `names`, or has a NUL, is refused. Absent ones are absent."""
        try:
            pairs = parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
        except ValueError:
            raise Malformed("There are too many query parameters.") from None
        for name, value in pairs:
            if name not in names:
                raise UnknownField(f"There is no query parameter `{name}` here.", field=name)
            if "\0" in value:  # PostgreSQL has no text with one
                raise Invalid(f"`{name}` must be text without the character NUL.", field=name)
        return dict(pairs)

    def flag(self, name: str) -> bool:
        """The one query parameter of this address, true or false; absent is false."""
        value = self.query(name).get(name, "false")
        if value not in ("true", "false"):
            raise Invalid(f"`{name}` must be true or false.", field=name)
        return value == "true"

    def number(self, value: str | None, name: str, default: int, largest: int) -> int:
        """A query parameter as a whole number from 0 to `largest`."""
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= largest):
            raise Invalid(f"`{name}` must be a whole number from 0 to {largest}.", field=name)
        return int(value)

    def require(self, permission: Permission, where: Scope) -> None:
        require(self.principal, permission, where)

    def entry(self, action: str, now_ms: int, *, target: str = "", reason: str = "") -> AuditEntry:
        """The audit entry of this call, to be completed by the change."""
        return AuditEntry(
            at=now_ms,
            actor=self.principal.id,
            action=action,
            scope=self.where,
            target=target,
            request_id=self.request_id,
            address=self.address,
            reason=reason,
            extra={"actor_name": self.principal.name},
        )
