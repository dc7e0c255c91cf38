"""The route table: what it refuses to hold, and how an address is found in it."""

from __future__ import annotations

import pytest

from pushwarden.core.principal import Permission
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Route, Router, route


async def nothing(_: Call) -> Answer:
    return Answer()


def row(path: str, method: str = "GET") -> Route:
    return route(method, path, nothing, permission=Permission.APP_READ)


def found(router: Router, path: str) -> tuple[str, list[str]] | None:
    hit = router.find(path)
    return (next(iter(hit[0].values()))[0].path, list(hit[1])) if hit else None


def test_a_literal_segment_beats_a_parameter_and_yields_where_it_leads_nowhere() -> None:
    router = Router(
        [
            row("/v1/apps/{app}"),
            row("/v1/apps/{app}/{env}/pushes"),
            row("/v1/apps/{app}/{env}/pushes:batch"),
            row("/v1/apps/{app}/{env}/pushes/{id}"),
            row("/v1/apps/{app}/{env}/pushes/preview"),
            row("/v1/apps/all/{thing}/of/them"),
        ]
    )
    assert found(router, "/v1/apps/shop") == ("/v1/apps/{app}", ["shop"])
    assert found(router, "/v1/apps/shop/production/pushes:batch") == (
        "/v1/apps/{app}/{env}/pushes:batch",
        ["shop", "production"],
    )
    assert found(router, "/v1/apps/shop/sandbox/pushes/preview") == (
        "/v1/apps/{app}/{env}/pushes/preview",
        ["shop", "sandbox"],
    )
    assert found(router, "/v1/apps/shop/sandbox/pushes/7") == (
        "/v1/apps/{app}/{env}/pushes/{id}",
        ["shop", "sandbox", "7"],
    )
    assert found(router, "/v1/apps/all/production/pushes") == ("/v1/apps/{app}/{env}/pushes", ["all", "production"])


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/apps/", "/v1/apps//", "/v1/apps/shop/", "//v1/apps/shop", "*"])
def test_an_address_that_is_nearly_one_is_none(path: str) -> None:
    assert Router([row("/v1/apps/{app}")]).find(path) is None


def test_two_routes_cannot_claim_one_address() -> None:
    with pytest.raises(ValueError, match=r"GET /a/\{other\} is declared twice"):
        Router([row("/a/{one}"), row("/a/{other}")])
    Router([row("/a/{one}"), row("/a/{one}", "POST")])


def test_a_route_without_a_permission_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="permission"):
        route("GET", "/a", nothing)  # type: ignore[call-arg]


def test_a_parameter_with_an_ending_beats_the_whole_segment_and_needs_a_value_before_it() -> None:
    router = Router(
        [row("/v1/requests/{request}"), row("/v1/requests/{request}.pem"), row("/v1/requests/{name}.x.pem")]
    )
    assert found(router, "/v1/requests/r1") == ("/v1/requests/{request}", ["r1"])
    assert found(router, "/v1/requests/r1.pem") == ("/v1/requests/{request}.pem", ["r1"])
    assert found(router, "/v1/requests/r1.x.pem") == ("/v1/requests/{name}.x.pem", ["r1"])
    assert found(router, "/v1/requests/.pem") == ("/v1/requests/{request}", [".pem"])
    assert found(router, "/v1/requests/") is None
