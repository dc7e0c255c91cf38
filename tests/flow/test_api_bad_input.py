"""Whatever is sent, the answer is a problem that says what to do, and never a 5xx."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from cast import Reply, Stage, stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.core.principal import Permission
from pushwarden.web.call import Answer, Call
from pushwarden.web.routes import Within, route

PROBLEM = {"type", "title", "status", "detail", "code", "request_id"}
MIB = 1024 * 1024


def sent(method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, who: str = "alice") -> Reply:
    async def run() -> Reply:
        scene: Stage = await stage(MemoryCatalog())
        return await scene.ask(who, method, path, body, headers)

    return asyncio.run(run())


def refused(reply: Reply, status: int, code: str) -> dict[str, Any]:
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json"), reply.body
    problem = reply.json
    assert problem.keys() >= PROBLEM
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["request_id"] == reply.headers["pushwarden-request-id"]
    assert problem["detail"].endswith(".")
    return problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"id":"a"',
        b'{"id":"a"}x',
        b"\xff\xfe",
        b'{"id":"\xc3"}',
        b'{"id":"\\ud800"}',
        b"nul",
        b'{"id":NaN}',
        b"{'id':'a'}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"callbacks":' + b"[" * 100_000,
    ],
    ids=range(13),
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    reply = sent("POST", "/v1/apps", body)
    assert reply.status in (400, 422)
    if reply.status == 400:
        refused(reply, 400, "malformed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ([], ""),
        (7, ""),
        ({"id": 7}, "id"),
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": "Shop"}, "id"),
        ({"id": "a/b"}, "id"),
        ({"id": "a\r\nb"}, "id"),
        ({"id": "a\n"}, "id"),
        ({"id": "a" * 64}, "id"),
        ({"id": "a", "name": "x\r\nSet-Cookie: y"}, "name"),
        ({"id": "a", "name": "x" * 201}, "name"),
        ({"id": "a", "name": "x\u0000"}, "name"),
        ({"id": "a", "bundle_id": "com.acme\r\nx"}, "bundle_id"),
        ({"id": "a", "bundle_id": "com acme"}, "bundle_id"),
        ({"id": "a", "enabled": "true"}, "enabled"),
        ({"id": "a", "callbacks": ["javascript:alert(1)"]}, "callbacks[0]"),
        ({"id": "a", "callbacks": {"0": "x"}}, "callbacks"),
        ({"id": "a", "callbacks": ["http://h/"] * 11}, "callbacks"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(body: Any, field: str) -> None:
    assert refused(sent("POST", "/v1/apps", body), 422, "invalid")["field"] == field


def test_an_array_of_a_million_is_refused_and_one_over_the_limit_is_not_even_read() -> None:
    numbers = b'{"id":"a","callbacks":[' + b"1," * 400_000 + b"1]}"
    assert refused(sent("POST", "/v1/apps", numbers), 422, "invalid")["field"] == "callbacks[0]"
    million = b'{"id":"a","callbacks":[' + b"1," * 999_999 + b"1]}"
    assert refused(sent("POST", "/v1/apps", million), 413, "body_too_large")["limit"] == MIB


def test_an_unknown_field_is_refused_by_its_name_wherever_it_is() -> None:
    assert refused(sent("POST", "/v1/apps", {"id": "a", "colour": "red"}), 422, "unknown_field")["field"] == "colour"
    query = sent("GET", "/v1/audit?colour=red")
    assert refused(query, 422, "unknown_field")["field"] == "colour"


def test_a_body_that_says_it_is_too_long_is_refused_before_it_comes() -> None:
    refused(sent("POST", "/v1/apps", b"{}", {"Content-Length": str(MIB + 1)}), 413, "body_too_large")
    refused(sent("POST", "/v1/apps", b"{}", {"Content-Length": "9" * 5000}), 413, "body_too_large")
    refused(sent("POST", "/v1/apps", b"{}", {"Content-Encoding": "gzip"}), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer pwk_",
        "Bearer pwk_aaaaaaaaaaaa_" + "A" * 49,
        "Bearer " + "x" * 70_000,
        "Bearer pwk_\u00ff",
        "Bearer pwk_a\r\nX: y",
    ],
)
def test_a_strange_authorization_is_only_unauthenticated(value: str) -> None:
    refused(sent("GET", "/v1/apps", None, {"Authorization": value}, who=""), 401, "unauthenticated")


def test_a_strange_organisation_or_request_id_changes_nothing() -> None:
    refused(sent("GET", "/v1/apps", None, {"Pushwarden-Organisation": "a\r\nb\u00ff"}), 404, "not_found")
    reply = sent("GET", "/v1/apps", None, {"X-Request-Id": "a\r\nSet-Cookie: b"})
    assert reply.status == 200
    assert "\n" not in reply.headers["pushwarden-request-id"]
    assert sent("GET", "/v1/apps", None, {"X-Request-Id": "mine-7"}).headers["pushwarden-request-id"] == "mine-7"


@pytest.mark.parametrize(
    "path",
    ["/v1/apps/%00/production/effective", "/v1/apps/shop/PRODUCTION/effective", "/v1/apps/shop/nowhere/effective",
     "/v1/apps/\u2028", "/v1/apps/../keys", "/v1/apps/" + "a" * 60_000, "/" * 1000, "/v1/apps/shop/production"],
)  # fmt: skip
def test_an_address_that_is_none_is_not_found(path: str) -> None:
    refused(sent("GET", path), 404, "not_found")


def test_a_method_that_is_not_taken_names_those_that_are() -> None:
    reply = sent("PUT", "/v1/apps/shop")
    assert refused(reply, 405, "method_not_allowed")["allowed"] == ["DELETE", "GET", "PATCH"]
    assert reply.headers["allow"] == "DELETE, GET, PATCH"
    assert sent("HEAD", "/v1/apps/shop").status == 200


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=1e3", "limit=9999", "since=x", "before=" + "9" * 5000, "until=%00"]
)
def test_a_query_number_is_a_number_in_its_bounds(query: str) -> None:
    refused(sent("GET", f"/v1/audit?{query}"), 422, "invalid")


def test_more_query_parameters_than_anyone_needs_are_malformed() -> None:
    refused(sent("GET", "/v1/audit?" + "&".join(["limit=1"] * 1000)), 400, "malformed")


CREDENTIALS = "/v1/apps/shop/production/credentials"


def form(*parts: tuple[str, str, bytes], boundary: str = "b") -> bytes:
    out = b""
    for name, file, content in parts:
        named = f'; filename="{file}"' if file else ""
        out += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"
        )
    return out + f"--{boundary}--\r\n".encode()


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


def test_a_credential_comes_as_a_file_too() -> None:
    body = form(("provider", "", b"apns"), ("file", "AuthKey_K.p8", b"key"), ("password", "", b"word"))
    reply = sent("POST", CREDENTIALS, body, MULTIPART)
    assert reply.status == 201, reply.body
    assert reply.json["credential"]["facts"]["locked"] is True


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"nonsense", 400),
        (b"--b\r\n\r\n\r\n", 400),
        (form(("provider", "", b"apns")), 422),
        (form(("provider", "", b"apns"), ("file", "", b"text in a field")), 422),
        (form(("provider", "", b"apns"), ("file", "a", b"1"), ("file", "b", b"2")), 400),
        (form(("provider", "", b"apns"), ("file", "a", b"")), 422),
        (form(("provider", "", b"apns"), ("file", "a\nb", b"k")), 422),
        (form(("provider", "", b"pigeon"), ("file", "a", b"k")), 422),
        (form(("provider", "", b"apns"), ("file", "a", b"k"), ("colour", "", b"red")), 422),
        (form(("provider", "", b"apns"), ("file", "a", b"k" * 65_537)), 413),
        (form(("provider", "", b"apns"), ("file", "a", b"k" * 200_000)), 413),
        (form(*[(f"f{n}", "", b"x") for n in range(50)]), 400),
        (form(("provider", "", b"\xff\xfe"), ("file", "a", b"k")), 422),
    ],
    ids=range(14),
)
def test_a_form_that_is_wrong_is_refused(body: bytes, status: int) -> None:
    reply = sent("POST", CREDENTIALS, body, MULTIPART)
    assert reply.status == status, reply.body
    assert reply.json.keys() >= PROBLEM


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\u00ff"]
)
def test_a_form_without_a_boundary_is_refused(kind: str) -> None:
    assert sent("POST", CREDENTIALS, form(("file", "a", b"k")), {"Content-Type": kind}).status == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "apns"}, "file"),
        ({"provider": "apns", "content": "%%%"}, "content"),
        ({"provider": "apns", "content": ""}, "file"),
        ({"provider": "pigeon", "text": "k"}, "provider"),
        ({"provider": "apns", "text": "k", "key_id": "a b"}, "key_id"),
        ({"provider": "apns", "text": "k", "file_name": "a\r\nb"}, "file_name"),
    ],
)
def test_a_credential_as_json_is_refused_by_field(body: Any, field: str) -> None:
    assert refused(sent("POST", CREDENTIALS, body), 422, "invalid")["field"] == field


def test_a_file_that_is_no_credential_gets_its_checks_back() -> None:
    problem = refused(sent("POST", CREDENTIALS, {"provider": "apns", "text": "bad"}), 422, "unusable_credential")
    assert problem["checks"][0]["result"] == "failed"
    assert problem["detail"].startswith("The key file is damaged. A .p8 starts with")


class Deep(msgspec.Struct):
    data: dict[str, Any]


async def _broken(_: Call) -> Answer:
    raise ZeroDivisionError("a secret detail")


async def _deep(call: Call) -> Answer:
    return Answer(len(str((await call.json(msgspec.json.Decoder(Deep))).data)))


async def _lines(call: Call) -> Answer:
    async def upper() -> AsyncIterator[bytes]:
        async for part in call.stream():
            yield part.upper()

    return Answer(stream=upper(), content_type=b"text/plain")


EXTRA = [
    route("POST", "/broken", _broken, permission=Permission.APP_READ, within=Within.HANDLER),
    route("POST", "/deep", _deep, permission=Permission.APP_READ, within=Within.HANDLER),
    route("POST", "/lines", _lines, permission=Permission.APP_READ, within=Within.HANDLER, limit=10),
]


def test_a_mistake_of_ours_is_one_sentence_with_a_number_to_ask_about() -> None:
    async def run() -> Reply:
        return await (await stage(MemoryCatalog(), EXTRA)).ask("bob", "POST", "/broken")

    problem = refused(asyncio.run(run()), 500, "internal")
    assert "secret" not in json.dumps(problem)


def test_free_data_nested_beyond_reason_is_malformed() -> None:
    async def run() -> Reply:
        body = b'{"data":{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}}"
        return await (await stage(MemoryCatalog(), EXTRA)).ask("bob", "POST", "/deep", body)

    assert refused(asyncio.run(run()), 400, "malformed")["detail"] == "The body is nested too deeply."


def test_a_streamed_body_comes_through_in_parts() -> None:
    async def run() -> Reply:
        return await (await stage(MemoryCatalog(), EXTRA)).ask("bob", "POST", "/lines", b"abc")

    reply = asyncio.run(run())
    assert (reply.status, reply.body) == (200, b"ABC")


def test_a_client_that_goes_away_gets_no_answer_and_breaks_nothing() -> None:
    async def run() -> list[Any]:
        scene = await stage(MemoryCatalog())
        out: list[Any] = []
        parts = [{"type": "http.request", "body": b'{"id"', "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> dict[str, Any]:
            return parts.pop(0)

        async def send(message: dict[str, Any]) -> None:
            out.append(message)

        key = f"Bearer {scene.keys['alice']}".encode()
        scope = {"type": "http", "method": "POST", "path": "/v1/apps", "query_string": b"", "client": None,
                 "headers": [(b"authorization", key)]}  # fmt: skip
        await scene.app(scope, receive, send)
        return out

    assert asyncio.run(run()) == []
