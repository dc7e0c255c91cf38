"""The cast: alice owns the app, bob may view, carol is of another organisation, robot sends. And a few more keys.

`Stage` is the API over a real catalog, asked in this process without a socket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushwarden.control.access import load, minted
from pushwarden.control.api.app import build
from pushwarden.control.people.roll import Roll
from pushwarden.control.publish import publish
from pushwarden.control.services import Services
from pushwarden.core.app import App
from pushwarden.core.audit import AuditEntry
from pushwarden.core.check import Check
from pushwarden.core.organisation import Organisation
from pushwarden.core.principal import KeyKind
from pushwarden.core.scope import Scope
from pushwarden.core.secret import Secret
from pushwarden.ports.catalog import Catalog, Changed, Tables
from pushwarden.providers.apns import APNS
from pushwarden.providers.port import Report
from pushwarden.web.access import KeyRing
from pushwarden.web.frame import Frame
from pushwarden.web.routes import Route

HOUR_MS = 3_600_000
APPS = (("acme", "shop"), ("acme", "other"), ("beta", "shop"))
WHO: dict[str, tuple[KeyKind, Scope]] = {
    "root": (KeyKind.ADMIN, Scope()),
    "alice": (KeyKind.ADMIN, Scope("acme")),
    "bob": (KeyKind.READ, Scope("acme")),
    "carol": (KeyKind.ADMIN, Scope("beta")),
    "robot": (KeyKind.SEND, Scope("acme", "shop")),
    "brake": (KeyKind.STOP, Scope("acme")),
    "phone": (KeyKind.DEVICE, Scope("acme", "shop")),
    "clerk": (KeyKind.ADMIN, Scope("acme", "other")),
}


class HeldClock:
    """Time in the test's hand."""

    def __init__(self, ms: int = 1_800_000_000_000) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


class PlainVault:
    """Seals nothing, only remembers under which label: the real one has tests of its own."""

    def seal(self, material: Secret, label: str) -> bytes:
        return b"sealed:" + label.encode()


async def plain_inspect(_: str, data: bytes, password: Secret | None, hints: Mapping[str, str]) -> Report:
    """A file that says `bad` or nothing is bad; every other one is a token key with its text as its fingerprint."""
    if not data or data.startswith(b"bad"):
        return Report("apns_token", (Check.of("p8.malformed", reason="holds no key"),))
    facts = {"key_id": hints.get("key_id", ""), "environment": hints["environment"], "locked": password is not None}
    return Report("apns_token", (Check.of("p8.parsed"),), facts, data.hex(), Secret(data), "apns")


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Stage:
    catalog: Catalog
    services: Services
    clock: HeldClock
    app: Frame
    keys: dict[str, str]

    async def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request by one of the cast; `who` empty is nobody. body: bytes as they are, anything else as JSON."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        own = {"authorization": f"Bearer {self.keys[who]}"} if who else {}
        return await request(self.app, method, path, sent, own | dict(headers or {}))


async def request(app: Any, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    """One ASGI request with its body in one piece."""
    return (await answered(app, method, path, body, headers))[0]


async def answered(
    app: Any, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> tuple[Reply, list[str]]:
    """As `request`, with every cookie that was set."""
    target, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": target,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 5),
    }
    out: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        out.append(message)

    await app(scope, receive, send)
    given = [(name.decode(), value.decode("latin-1")) for name, value in out[0]["headers"]]
    reply = Reply(out[0]["status"], dict(given), b"".join(part.get("body", b"") for part in out[1:]))
    return reply, [value for name, value in given if name == "set-cookie"]


async def stage(catalog: Catalog, more: Sequence[Route] = (), **parts: Any) -> Stage:
    """The cast before the control plane's routes and `more`."""
    clock = HeldClock()
    ring, roll = KeyRing(clock), Roll(clock)
    services = Services(
        catalog, ring, roll, clock, PlainVault(), PlainVault(), {"apns": APNS}, **{"inspect": plain_inspect, **parts}
    )
    keys = await enrol(catalog, clock.ms)
    await load(catalog, ring, roll)
    return Stage(catalog, services, clock, build(services, more), keys)


async def enrol(catalog: Catalog, now_ms: int) -> dict[str, str]:
    """acme with the apps shop and other, beta with a shop of its own; the text of a key for each of the cast."""
    keys, rows = {}, []
    for name, (kind, scope) in WHO.items():
        row, keys[name] = minted(name, kind, scope, now_ms=now_ms, expires_at=now_ms + HOUR_MS)
        rows.append(row)

    def work(tables: Tables) -> Changed[None]:
        for organisation in ("default", "acme", "beta"):
            tables.organisations.insert(Organisation(organisation, organisation.title()))
        for organisation, app in APPS:
            tables.apps.insert(App(organisation, app, app.title(), bundle_id=f"com.{organisation}.{app}"))
        for row in rows:
            tables.keys.insert(row)
        publish(tables, entry)
        return Changed(None)

    entry = AuditEntry(now_ms, "test", "stage.set", Scope())
    await catalog.change(entry, work)
    return keys
