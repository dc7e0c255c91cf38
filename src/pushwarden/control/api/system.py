"""Health, metrics and the API's own description. Only health is open, and it gives no details."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import msgspec

from pushwarden.control.services import Services
from pushwarden.core.principal import Permission
from pushwarden.core.scope import Scope
from pushwarden.web.call import Answer, Call
from pushwarden.web.openapi import document
from pushwarden.web.routes import Route, Shape, Within, route


class Health(msgspec.Struct, omit_defaults=True):
    status: str
    parts: dict[str, bool] = {}


class System:
    def __init__(self, services: Services, table: Callable[[], Sequence[Route]]) -> None:
        self._services, self._table = services, table

    async def healthz(self, _: Call) -> Answer:
        return Answer(Health("ok"))

    async def readyz(self, call: Call) -> Answer:
        """The parts only for a key that may see the system."""
        parts = dict(self._services.health())
        good = all(parts.values())
        health = Health("ready" if good else "not ready")
        if call.header(b"authorization"):
            principal = self._services.ring.authenticate(call.headers)
            if principal.may(Permission.SYSTEM_READ, Scope()):
                health.parts = parts
        return Answer(health, status=200 if good else 503)

    async def metrics(self, _: Call) -> Answer:
        return Answer(self._services.metrics().encode(), content_type=b"text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, _: Call) -> Answer:
        return Answer(document(self._table()))

    async def docs(self, _: Call) -> Answer:
        return Answer(_page(self._table()).encode(), content_type=b"text/html; charset=utf-8")


def _page(table: Sequence[Route]) -> str:
    rows = "".join(_row(item) for item in table)
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Pushwarden API</title>"
        "<h1>Pushwarden API</h1><p>The machine-readable form is <a href='/openapi.json'>/openapi.json</a>.</p>"
        f"<table><thead><tr><th>Method<th>Path<th>What<th>Needs</thead><tbody>{rows}</tbody></table></html>"
    )


def _row(item: Route) -> str:
    cells: tuple[Any, ...] = (item.method, item.path, item.summary, item.permission or "nothing")
    return f"<tr>{''.join(f'<td>{escape(str(cell))}' for cell in cells)}"


def routes(services: Services, table: Callable[[], Sequence[Route]]) -> tuple[Route, ...]:
    """table: every route of the application, these included."""
    system, may = System(services, table), Permission.SYSTEM_READ
    return (
        route("GET", "/healthz", system.healthz, permission=None, summary="Is it alive?", shape=Shape(None, Health)),
        route("GET", "/readyz", system.readyz, permission=None, summary="Can it take pushes?",
              shape=Shape(None, Health)),
        route("GET", "/metrics", system.metrics, permission=may, within=Within.INSTALLATION,
              summary="Prometheus text."),
        route("GET", "/openapi.json", system.openapi, permission=may, within=Within.HANDLER,
              summary="This API's description."),
        route("GET", "/docs", system.docs, permission=may, within=Within.HANDLER, summary="The same, to read."),
    )  # fmt: skip
