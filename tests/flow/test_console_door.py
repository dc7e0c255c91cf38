"""The console's door: who is let in, what a form must carry, and what every answer says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from cast import HeldClock, Reply, Stage, request, stage
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.vault.chest import AesChest
from pushwarden.control.console.desk import Desk
from pushwarden.control.console.door import CONTENT_POLICY, Console
from pushwarden.control.console.pages import Reply as Answered
from pushwarden.control.console.pages import page
from pushwarden.control.console.signin.gate import Gate
from pushwarden.control.console.visit import Page, Redirect, Stream, Visit, Visitor
from pushwarden.control.people.desk import Desk as People
from pushwarden.core.app import App, Snapshot
from pushwarden.core.errors import Invalid
from pushwarden.core.principal import KeyKind, Permission, Principal
from pushwarden.core.scope import Scope
from pushwarden.web.body import RawHeaders, header
from pushwarden.web.routes import Within

APPS = Snapshot.of(7, (App("acme", "shop", "Acme Shop", bundle_id="com.acme.shop"), App("beta", "care", "Care")), ())
SENT = {"content-type": "application/x-www-form-urlencoded"}
SIGNED = {"alice": (KeyKind.ADMIN, Scope("acme")), "carol": (KeyKind.ADMIN, Scope("beta"))}


class Cookies:
    """The cookie is the name."""

    def visitor(self, headers: RawHeaders, now_ms: int) -> Visitor | None:
        name = (header(headers, b"cookie") or b"").decode().partition("=")[2].partition(";")[0]
        if name not in SIGNED:
            return None
        kind, scope = SIGNED[name]
        return Visitor(Principal.of_key(name, name.title(), kind, scope), name.title(), scope.organisation, "token")

    def able(self, permission: Permission, where: Scope) -> list[str]:
        return ["Dana K.", "Omar R."]

    def organisations(self, principal: Principal) -> dict[str, str]:
        return {}

    def formerly(self, headers: RawHeaders) -> str:
        return ""


async def show(visit: Visit) -> Answered:
    return Page("apps/page.html", {"title": "Apps", "places": [], "binned": 0})


async def listed(visit: Visit) -> Answered:
    found = await visit.api.get("/v1/apps")
    return Redirect("/apps", toast=",".join(app.id for app in found.apps))


async def taken(visit: Visit) -> Answered:
    if not visit.form.text("name"):
        raise Invalid("Say a name.")
    return Redirect("/apps?said=" + visit.form.text("name"), toast="Kept", undo="/undo")


async def broken(visit: Visit) -> Answered:
    raise ZeroDivisionError


async def half(visit: Visit) -> Answered:
    async def parts() -> AsyncIterator[bytes]:
        yield b"the first half"
        raise ZeroDivisionError

    return Stream(parts())


TABLE = (
    page("GET", "/apps", show, Permission.APP_READ, within=Within.HANDLER),
    page("GET", "/listed", listed, None),
    page("POST", "/taken", taken, None),
    page("GET", "/broken", broken, None),
    page("GET", "/half", half, None),
    page("GET", "/apps/{app}/{env}/overview", show, Permission.APP_READ),
    page("GET", "/signin", show, None, signed_in=False),
)


def gate_of(scene: Stage) -> Gate:
    return Gate(People(scene.services, AesChest(bytes(32))))


async def opened() -> tuple[Stage, Console]:
    scene = await stage(MemoryCatalog())
    desk = Desk(scene.app, Cookies(), lambda: APPS, lambda: {"sender-bulk-0": 7}, HeldClock(), "1.2.3")
    return scene, Console(desk, gate_of(scene), TABLE)


def ask(method: str, path: str, who: str = "", body: bytes = b"", **headers: str) -> Reply:
    async def work() -> Reply:
        _, console = await opened()
        given: Mapping[str, Any] = ({"cookie": f"who={who}"} if who else {}) | SENT
        return await request(
            console, method, path, body, {**given, **{k.replace("_", "-"): v for k, v in headers.items()}}
        )

    return asyncio.run(work())


def test_nobody_is_sent_to_sign_in_and_told_where_to_return() -> None:
    answer = ask("GET", "/apps")
    assert (answer.status, answer.headers["location"]) == (303, "/signin?next=%2Fapps")


def test_what_a_page_was_asked_is_there_again_after_sign_in() -> None:
    answer = ask("GET", "/apps?q=caf%C3%A9+%26+bar")
    assert answer.headers["location"] == "/signin?next=%2Fapps%3Fq%3Dcaf%25C3%25A9%2B%2526%2Bbar"


def test_a_page_before_sign_in_is_open() -> None:
    assert ask("GET", "/signin").status == 200


@pytest.mark.parametrize("path", ["/apps", "/nothing", "/broken"])
def test_every_answer_forbids_scripts_from_elsewhere_frames_and_keeping(path: str) -> None:
    answer = ask("GET", path, "alice")
    assert answer.headers["content-security-policy"] == CONTENT_POLICY.decode()
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert (answer.headers["cache-control"], answer.headers["x-frame-options"]) == ("no-store", "DENY")


def test_a_page_has_no_inline_style_or_script() -> None:
    text = ask("GET", "/apps/shop/production/overview", "alice").body.decode()
    assert "style=" not in text and "<style" not in text and "<script>" not in text and "onclick" not in text


def test_an_app_of_another_organisation_is_not_there() -> None:
    assert ask("GET", "/apps/care/production/overview", "alice").status == 404
    assert ask("GET", "/apps/care/production/overview", "carol").status == 200
    assert b"Acme Shop" not in ask("GET", "/apps", "carol").body


@pytest.mark.parametrize(
    "path", ["/nothing", "/apps/shop/staging/overview", "/apps/none/production/overview", "//evil"]
)
def test_what_is_not_there_is_a_page_that_says_so(path: str) -> None:
    answer = ask("GET", path, "alice")
    assert answer.status == 404 and answer.headers["content-type"].startswith("text/html")


def test_a_stream_that_fails_is_no_whole_answer_and_no_second_one() -> None:
    async def work() -> list[dict[str, Any]]:
        _, console = await opened()
        out: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            out.append(message)

        scope = {"method": "GET", "path": "/half", "query_string": b"", "headers": [(b"cookie", b"who=alice")]}
        with pytest.raises(ZeroDivisionError) as failed:
            await console(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]
        assert "broke off" in failed.value.__notes__[0]
        return out

    start, *parts = asyncio.run(work())
    assert start["status"] == 200
    assert parts == [{"type": "http.response.body", "body": b"the first half", "more_body": True}]


def test_a_fault_of_ours_shows_a_number_to_ask_about_and_nothing_else() -> None:
    answer = ask("GET", "/broken", "alice")
    assert answer.status == 500 and b"ZeroDivision" not in answer.body and b'class="mono">c-' in answer.body


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"name=a", {}),
        (b"name=a&csrf=other", {}),
        (b"name=a&csrf=token", {"sec_fetch_site": "cross-site"}),
        (b"name=a&csrf=token", {"origin": "https://evil.example", "host": "push.acme.example"}),
    ],
)
def test_a_form_of_another_site_or_session_changes_nothing(body: bytes, headers: dict[str, str]) -> None:
    assert ask("POST", "/taken", "alice", body, **headers).status == 403


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"name=a&csrf=token", {}), (b"name=a", {"x_csrf_token": "token", "sec_fetch_site": "same-origin"})],
)
def test_a_form_with_its_token_leads_on_with_a_sentence(body: bytes, headers: dict[str, str]) -> None:
    answer = ask("POST", "/taken", "alice", body, **headers)
    assert (answer.status, answer.headers["location"]) == (303, "/apps?said=a")
    assert answer.headers["set-cookie"].startswith("toast=") and "HttpOnly" in answer.headers["set-cookie"]


def test_a_refused_form_is_a_page_with_the_refusal_and_its_status() -> None:
    answer = ask("POST", "/taken", "alice", b"csrf=token")
    assert answer.status == 422 and b"Say a name." in answer.body


def test_a_form_that_is_too_long_is_refused_by_its_announcement() -> None:
    assert ask("POST", "/taken", "alice", content_length="100000000").status == 413


def test_the_address_after_a_form_never_leaves_this_site() -> None:
    async def away(visit: Visit) -> Answered:
        return Redirect("//evil.example/")

    async def work() -> Reply:
        scene, _ = await opened()
        desk = Desk(scene.app, Cookies(), lambda: APPS, dict, HeldClock(), "1")
        return await request(
            Console(desk, gate_of(scene), (page("GET", "/away", away, None),)),
            "GET",
            "/away",
            b"",
            {"cookie": "w=alice"},
        )

    assert asyncio.run(work()).headers["location"] == "/apps"


def test_a_page_asks_the_api_as_the_person_and_sees_what_the_person_may() -> None:
    seen = {who: ask("GET", "/listed", who).headers["set-cookie"] for who in SIGNED}
    assert "other" in seen["alice"] and "other" not in seen["carol"]


def test_files_are_kept_for_ever_at_an_address_that_changes_with_them() -> None:
    text = ask("GET", "/apps", "alice").body.decode()
    address = text.split('<link rel="stylesheet" href="')[-1].split('"')[0]
    plain, packed = ask("GET", address), ask("GET", address, accept_encoding="gzip, br")
    assert "immutable" in plain.headers["cache-control"] and plain.headers["content-type"].startswith("text/css")
    assert packed.headers["content-encoding"] == "gzip" and len(packed.body) < len(plain.body) / 3


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/none.css", "/static/x/../door.py", "/static/", "/static/x/css/00-tokens.css",
        "/static/x/..\\door.py", "/static/x//etc/passwd", "/static/../../../etc/passwd", "/static/x/a.css\x00.svg",
    ],
)  # fmt: skip
def test_only_what_is_on_the_shelf_is_given(path: str) -> None:
    answer = ask("GET", path)
    assert (answer.status, answer.headers["x-content-type-options"]) == (404, "nosniff")


@pytest.mark.parametrize("kept", ["5", "%5B%22a%22%5D", "%5B1%2C2%5D", "%7B%7D", "%FF"])
def test_a_cookie_that_is_no_sentence_of_ours_breaks_no_page(kept: str) -> None:
    assert ask("GET", "/apps", cookie=f"who=alice; toast={kept}").status == 200
