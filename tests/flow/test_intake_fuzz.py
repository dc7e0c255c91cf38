"""Whatever the body, the answer is a push or a problem of the caller's: never a fault of ours."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake_fixtures import opened
from pushwarden.dataplane.intake.request import PushRequest, To

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*PushRequest.__struct_fields__, "surprise"])
AUDIENCES = st.dictionaries(st.sampled_from([*To.__struct_fields__]), JSON, max_size=2) | st.sampled_from(
    [{"user": "u1"}, {"all": True}, {"tags": "a && !b"}, {"tokens": ["ab"]}, {"device": "d1"}, {"users": ["u1", "u2"]}]
)
NEAR = st.fixed_dictionaries({"to": AUDIENCES}, optional={"title": st.text(max_size=30)}).flatmap(
    lambda base: st.dictionaries(NAMES, JSON, max_size=3).map(lambda extra: base | extra)
)
BODIES = st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()) | NEAR.map(
    lambda value: json.dumps(value).encode()
)  # fmt: skip


@pytest.mark.parametrize("path", ["/pushes", "/pushes/preview", "/pushes:batch"])
def test_no_body_makes_a_fault_of_ours(path: str) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(BODIES)
    def hammer(body: bytes) -> None:
        answer = loop.run_until_complete(house.post(body, path=path, content_type="application/json"))
        assert answer.status_code < 500, answer.text
        items: list[Any] = answer.json() if path == "/pushes:batch" and answer.status_code == 200 else []
        assert all(item["error"]["status"] < 500 for item in items if "error" in item)

    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        loop = runner.get_loop()
        opening = opened("sqlite", Path(folder), 5)
        house = loop.run_until_complete(opening.__aenter__())
        hammer()
        loop.run_until_complete(opening.__aexit__(None, None, None))
