"""Which of the two doors an address belongs to."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from pushwarden.wiring.doors import Doors


@pytest.mark.parametrize(
    ("path", "door"),
    [("/v1/apps", "api"), ("/v1", "api"), ("/healthz", "api"), ("*", "api"), ("", "api"), ("/", "console"),
     ("/apps", "console"), ("/v1x", "console"), ("//v1", "console")],
)  # fmt: skip
def test_what_begins_like_a_route_of_the_api_or_is_no_path_belongs_to_the_api(path: str, door: str) -> None:
    came: list[str] = []

    class Named:
        router = SimpleNamespace(routes=[SimpleNamespace(path="/v1/apps"), SimpleNamespace(path="/healthz")])

        def __init__(self, name: str) -> None:
            self.name = name

        async def __call__(self, *_: Any) -> None:
            came.append(self.name)

    doors: Any = Doors
    asyncio.run(doors(Named("api"), Named("console"))({"type": "http", "path": path}, None, None))
    assert came == [door]
