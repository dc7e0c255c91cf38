"""Who gets in where is as the table written by hand says: every route and page, role, kind of key, place and state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import access_matrix
from access_actions import ACTIONS, checked_inside
from access_matrix import probed
from access_spec import BRAKES, DOORSTEP, KEY_RULES, OPEN, ROLE_RULES, UNCHANGING, may, table
from access_world import World, opened
from pushwarden.core.principal import KeyKind, Permission, Role

GUESSES = 3000


@pytest.mark.timeout(600)
def test_everything_asked_by_everybody_is_answered_as_the_table_says(tmp_path: Path) -> None:
    told = access_matrix.played(tmp_path, GUESSES)
    for part in ("routes", "pages", "lists", "views", "actions", "guesses"):
        assert told[part]["wrong"] == [], part
    assert told["guesses"]["reads"] == 0
    assert told["routes"]["asked"] > 30_000
    assert told["pages"]["asked"] > 5_000
    assert told["lists"]["things_shown"] > 300
    assert told["actions"]["done"] > 300
    assert told["views"]["things_shown"] > 300


def test_the_table_has_every_permission_role_and_kind_of_key_once() -> None:
    everything = {str(one) for one in Permission}
    assert {permission for _, permission in ROLE_RULES} == everything
    assert {permission for _, permission in KEY_RULES} == everything
    assert {who for who, _ in ROLE_RULES} == {str(one) for one in Role}
    assert {who for who, _ in KEY_RULES} == {str(one) for one in KeyKind}
    with pytest.raises(ValueError, match="two rows"):
        table("what admin | p\na yes | x:y\nb yes | x:y")


def test_who_only_looks_changes_nothing_and_a_responder_only_stops_and_tests(tmp_path: Path) -> None:
    def rules(world: World) -> None:
        for route in world.frame.router.routes:
            name = f"{route.method} {route.path}"
            if route.method == "GET" or route.permission is None:
                continue
            permission = str(route.permission)
            for who in ("viewer", "auditor", "key:read", "key:feed"):
                assert may(who, permission) is None or name in UNCHANGING, (who, name)
            for who in ("responder", "key:stop"):
                allowed = name in BRAKES or name in UNCHANGING or permission == "push:test"
                assert may(who, permission) is None or allowed, (who, name)

    told(tmp_path, rules)


def test_a_stranger_finds_health_and_the_doorstep_and_nothing_else(tmp_path: Path) -> None:
    def rules(world: World) -> None:
        routes = world.frame.router.routes
        assert {f"{one.method} {one.path}" for one in routes if one.permission is None} == set(OPEN)
        for page in probed(world)[1].router.routes:
            assert page.signed_in or page.path.startswith(DOORSTEP), page.path

    told(tmp_path, rules)


def test_every_handler_that_checks_the_place_itself_is_asked_with_real_things(tmp_path: Path) -> None:
    def rules(world: World) -> None:
        found = checked_inside(world.frame)
        assert found == set(ACTIONS), "give tests/access_matrix.py an Action for each route whose handler checks"

    told(tmp_path, rules)


def told(folder: Path, rules: Callable[[World], None]) -> None:
    async def work() -> None:
        async with opened(folder) as world:
            rules(world)

    asyncio.run(work())
