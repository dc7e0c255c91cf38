"""One request of a person to the console, and what a page answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from pushwarden.control.console.form import Form
from pushwarden.control.console.inside import Api
from pushwarden.core.principal import Permission, Principal
from pushwarden.core.scope import Scope
from pushwarden.web.body import RawHeaders, Receive, header


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is signed in. organisation: the one whose pages are shown. csrf: what every form of theirs carries.

    fresh_until: Unix ms until which dangerous things need no second sign-in. session: its id. The rest: how this
    person wants the console to be.
    """

    principal: Principal
    name: str
    organisation: str
    csrf: str = field(repr=False)
    fresh_until: int = 0
    session: str = ""
    theme: str = "system"
    density: str = "normal"
    shortcuts: bool = False

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper() or "?"


class Sessions(Protocol):
    """Found in memory: whoever is signed in can stop while the database is locked."""

    def visitor(self, headers: RawHeaders, now_ms: int) -> Visitor | None:
        """None when nobody is signed in, or no longer."""
        ...

    def able(self, permission: Permission, where: Scope) -> list[str]:
        """The names of the people who may."""
        ...

    def organisations(self, principal: Principal) -> Mapping[str, str]:
        """Those whose pages this principal may see: id → name."""
        ...

    def lasts(self, headers: RawHeaders) -> bool:
        """Whether somebody is signed in; asking is no use of the session."""
        ...

    def formerly(self, headers: RawHeaders) -> str:
        """What forms carry that were drawn for this browser's session, even when it is over; empty without one."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """A template below `console/`, with what it shows."""

    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to go on, after a form was taken. toast: one sentence shown there once; undo: the address that takes it
    back by a POST."""

    to: str
    toast: str = ""
    undo: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """A form that was kept while its sender proved to be the one: it is taken now, as if it had just come."""

    path: str
    query: Mapping[str, str]
    form: Form


@dataclass(frozen=True, slots=True)
class Stream:
    """Server-sent events, each as bytes ready to be sent; see `event`."""

    events: AsyncIterator[bytes]


class Gate(Protocol):
    """Where the door sends whoever must sign in, or prove once more."""

    def keep(self, visit: Visit) -> str:
        """The form as text for a hidden field; empty when it is too large."""
        ...

    async def signin(self, visit: Visit, kept: str = "", *, status: int = 200) -> Page: ...

    async def confirm(self, visit: Visit, kept: str = "") -> Page: ...


@dataclass(slots=True)
class Visit:
    """where: organisation, app and environment of the address. form: empty where the method is GET."""

    visitor: Visitor
    where: Scope
    path: str
    params: dict[str, str]
    query: dict[str, str]
    headers: RawHeaders
    request_id: str
    address: str
    now_ms: int
    api: Api
    receive: Receive = field(repr=False)
    form: Form = field(default_factory=Form, repr=False)

    @property
    def principal(self) -> Principal:
        return self.visitor.principal

    @property
    def base(self) -> str:
        """The app's pages in this environment, without a slash at the end."""
        return f"/apps/{self.where.app}/{self.where.environment}"

    @property
    def here(self) -> str:
        """This page's address with its query, to come back to."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def v1(self) -> str:
        """The API's resources of this app and environment."""
        return f"/v1{self.base}"

    def may(self, permission: Permission, where: Scope | None = None) -> bool:
        """Whether this person may, here or at `where`."""
        return self.principal.may(permission, where or self.where)

    @property
    def partial(self) -> bool:
        """htmx asks: a part of the page is enough."""
        return header(self.headers, b"hx-request") is not None


def event(html: str, name: str = "") -> bytes:
    """One server-sent event. Unnamed ones are swapped in by htmx, named ones become events of the page."""
    lines = "".join(f"data: {line}\n" for line in html.splitlines() or [""])
    return (f"event: {name}\n" if name else "").encode() + lines.encode() + b"\n"
