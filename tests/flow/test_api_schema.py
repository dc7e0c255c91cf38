"""What the OpenAPI document promises, tried with requests made from it: valid ones and broken ones."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode

from cast import Reply, stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.web.openapi import document
from pushwarden.web.routes import Route

ROUTES: list[Route] = asyncio.run(stage(MemoryCatalog())).app.router.routes
DOCUMENT = json.loads(msgspec.json.encode(document(ROUTES)))
OPERATIONS = {
    operation.ok().label: operation.ok() for operation in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
}
CASES = [(label, GenerationMode.POSITIVE) for label in sorted(OPERATIONS)]
CASES += [(f"{route.method} {route.path}", GenerationMode.NEGATIVE) for route in ROUTES if route.shape.body is not None]
THERE = {"app": "shop", "env": "production", "organisation": "acme"}
SEEDED = settings(max_examples=6, derandomize=True, database=None, deadline=None,
                  suppress_health_check=list(HealthCheck))  # fmt: skip


def sent(case: Case) -> Reply:
    async def run() -> Reply:
        scene = await stage(MemoryCatalog())
        body = case.body
        if isinstance(body, schemathesis.core.NotSet):
            body = None
        headers = {name: str(value) for name, value in (case.headers or {}).items()} | {
            "Pushwarden-Organisation": "acme"
        }
        headers.pop("Authorization", None)
        query = urlencode({name: str(value) for name, value in (case.query or {}).items()})
        path = f"{case.formatted_path}?{query}"
        return await scene.ask("root", case.method.upper(), path, body, headers)

    return asyncio.run(run())


@pytest.mark.parametrize(("label", "mode"), CASES, ids=[f"{label} {mode.value}" for label, mode in CASES])
def test_every_operation_keeps_its_word(label: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[label]
    method, path = label.split(" ")
    route = next(route for route in ROUTES if (route.method, route.path) == (method, path))
    names = [name for name in THERE if f"{{{name}}}" in path]

    @SEEDED
    @given(case=operation.as_strategy(mode, path_parameters={name: THERE[name] for name in names} or None))
    def promise(case: Case) -> None:
        reply = sent(case)
        assert reply.status < 500, reply.body
        if reply.status >= 400:
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.json["code"]
        else:
            assert reply.status in (route.shape.status, *route.shape.also)
            answered(route, reply)

    promise()


def answered(route: Route, reply: Reply) -> None:
    if route.shape.answer is not None:
        msgspec.json.decode(reply.body, type=route.shape.answer)


def test_the_document_lists_every_route_with_its_permission() -> None:
    listed: dict[tuple[str, str], Any] = {
        (method.upper(), path): operation["x-permission"]
        for path, operations in DOCUMENT["paths"].items()
        for method, operation in operations.items()
    }
    assert listed == {(route.method, route.path): route.permission or "none" for route in ROUTES}
