"""The ways in: a first link, a password with or without a code, a passkey, a link from the server; and no others."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pyotp
import pytest

from authenticator import Authenticator
from pushwarden.control.people import codes, links
from pushwarden.control.people.desk import Came
from pushwarden.control.people.reception import Reception, sealed_secret
from pushwarden.control.people.roll import FRESH_MS, IDLE_MS
from pushwarden.core.errors import NotFound, SignInRefused
from signin_scene import ORIGIN, PASSWORD, Scene, enter, options, played, with_passkey
from visitor import Browser

SECRET = pyotp.random_base32()
HIDDEN = ("/\t/evil.example", "/\n/evil.example", "\t//evil.example", "/audit\\..//evil.example", "/\x00/evil.example")
"""Addresses browsers mend into one of another site."""


def test_the_right_password_leads_to_where_one_wanted_to_go() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser)
        assert (browser.status, browser.location) == (303, "/audit")
        assert (await browser.get("/apps")).status == 200
        assert ("person.sign_in", "done") in await scene.audited()

    played(play)


def test_every_sign_in_has_a_cookie_of_its_own() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        one, two = await enter(scene.browser), await enter(scene.browser)
        assert one.cookies["pushwarden"] != two.cookies["pushwarden"]

    played(play)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("dana@acme.example", "wrong horse battery"),
        ("nobody@acme.example", PASSWORD),
        ("", ""),
        ("dana@acme.example", ""),
    ],
)
def test_what_is_wrong_is_not_said_and_nobody_is_let_in(email: str, password: str) -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser, password, email)
        assert browser.status == 401
        assert "The address and the password do not belong together." in browser.text
        assert "pushwarden" not in browser.cookies
        assert f'value="{email}"' in browser.text
        assert not password or password not in browser.text

    played(play)


def test_a_disabled_person_is_refused_like_an_unknown_one() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana(disabled_at=5)
        assert (await enter(scene.browser)).status == 401

    played(play)


def test_wrong_tries_cost_a_wait_that_ends_and_are_in_the_audit() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        for _ in range(5):
            assert (await enter(scene.browser, "wrong")).status == 401
        blocked = await enter(scene.browser)
        assert blocked.status == 429
        assert "wait 1 s" in blocked.text
        assert (await scene.audited()).count(("person.sign_in", "sign_in_refused")) == 5
        scene.stage.clock.ms += 1000
        assert (await enter(scene.browser)).status == 303

    played(play)


def test_a_code_is_asked_for_taken_once_and_only_while_it_is_right() -> None:
    async def play(scene: Scene) -> None:
        dana = await scene.dana()
        await scene.alter(dana.id, totp=sealed_secret(scene.people, dana.id, SECRET))
        browser = await enter(scene.browser)
        assert "Six digits" in browser.text
        assert "pushwarden" not in browser.cookies
        pending, now = browser.hidden("pending"), scene.stage.clock.ms // 1000
        right = pyotp.TOTP(SECRET).at(now)
        for code, status in (("000000", 401), (pyotp.TOTP(SECRET).at(now - 90), 401), (right, 303), (right, 401)):
            await browser.post("/signin", {"pending": pending, "code": code, "next": "/audit"}, csrf="")
            assert browser.status == status, code

    played(play)


def test_of_two_sign_ins_that_judged_one_code_before_either_used_it_one_is_let_in() -> None:
    async def play(scene: Scene) -> None:
        dana = await scene.dana(recovery=(b"a" * 32, b"b" * 32))
        came, reception = Came(ORIGIN, "", "", ""), Reception(scene.people)
        for proven in (replace(dana, totp_step=7), replace(dana, recovery=(b"b" * 32,))):
            await reception.admit(proven, came, "password and code", coded=True)
            with pytest.raises(SignInRefused):
                await reception.admit(proven, came, "password and code", coded=True)

    played(play)


def test_a_recovery_code_works_once() -> None:
    async def play(scene: Scene) -> None:
        dana, texts = await scene.dana(), codes.recovery_codes()
        await scene.alter(
            dana.id, totp=sealed_secret(scene.people, dana.id, SECRET), recovery=tuple(map(codes.kept, texts))
        )
        for status in (303, 401):
            browser = await enter(scene.browser)
            await browser.post("/signin", {"pending": browser.hidden("pending"), "code": texts[3].upper()}, csrf="")
            assert browser.status == status
        assert len((await scene.person(dana.id)).recovery) == 9

    played(play)


def test_a_right_password_does_not_wait_for_its_code_for_ever() -> None:
    async def play(scene: Scene) -> None:
        dana = await scene.dana()
        await scene.alter(dana.id, totp=sealed_secret(scene.people, dana.id, SECRET))
        browser = await enter(scene.browser)
        scene.stage.clock.ms += 301_000
        code = pyotp.TOTP(SECRET).at(scene.stage.clock.ms // 1000)
        await browser.post("/signin", {"pending": browser.hidden("pending"), "code": code}, csrf="")
        assert browser.status == 401
        assert "enter your password again" in browser.text

    played(play)


async def by_passkey(browser: Browser, answer: str, question: str) -> Browser:
    return await browser.post("/signin", {"passkey": answer, "question": question}, csrf="")


def test_a_passkey_signs_in_and_its_answer_is_taken_once() -> None:
    async def play(scene: Scene) -> None:
        _, device = await with_passkey(scene)
        browser = await scene.browser.get("/signin")
        answer, question = device.get(options(browser)), browser.hidden("question")
        assert (await by_passkey(browser, answer, question)).status == 303
        assert (await browser.get("/apps")).status == 200
        assert (await by_passkey(scene.browser, answer, question)).status == 401

    played(play)


@pytest.mark.parametrize("fault", ["origin", "unverified", "stranger", "replayed counter", "nonsense"])
def test_a_passkey_that_is_not_right_lets_nobody_in(fault: str) -> None:
    async def play(scene: Scene) -> None:
        _, device = await with_passkey(scene)
        browser = await scene.browser.get("/signin")
        if fault == "replayed counter":
            await by_passkey(browser, device.get(options(browser)), browser.hidden("question"))
            device.signs -= 1
            browser = await scene.browser.get("/signin")
        elif fault == "origin":
            device.origin = "http://localhost:9"
        elif fault == "stranger":
            device = Authenticator(ORIGIN)
        answer = "{}" if fault == "nonsense" else device.get(options(browser), verified=fault != "unverified")
        assert (await by_passkey(browser, answer, browser.hidden("question"))).status == 401

    played(play)


def test_the_first_link_makes_the_administrator_and_works_once() -> None:
    async def play(scene: Scene) -> None:
        link = await links.first(scene.stage.catalog, scene.stage.clock.ms)
        browser = await scene.browser.get(links.PATH + link)
        assert "There is no default password" in browser.text
        typed = {"link": link, "name": "Dana", "email": "Dana@Acme.example", "password": PASSWORD, "again": PASSWORD}
        short = await browser.post("/welcome", typed | {"password": "short", "again": "short"}, csrf="")
        assert (short.status, "at least 12 characters" in short.text) == (422, True)
        assert 'value="Dana@Acme.example"' in short.text
        assert (await browser.post("/welcome", typed | {"again": "other"}, csrf="")).status == 422
        assert (await browser.post("/welcome", typed, csrf="")).status == 303
        await browser.follow()
        assert browser.path == "/profile/second-step"
        assert all(words in browser.text for words in ("Make a passkey", 'href="/profile/code"', 'href="/apps">Later'))
        assert (await browser.get("/apps")).status == 200
        assert (await scene.browser.get(links.PATH + link)).status == 410
        assert (await scene.browser.post("/welcome", typed, csrf="")).status == 410
        assert await links.first(scene.stage.catalog, scene.stage.clock.ms) == ""
        assert (await enter(scene.browser)).status == 303
        assert ("invitation.create", "done") in await scene.audited("")

    played(play)


def test_a_later_first_link_ends_the_one_before_and_each_ends_after_a_day() -> None:
    async def play(scene: Scene) -> None:
        one = await links.first(scene.stage.catalog, scene.stage.clock.ms)
        two = await links.first(scene.stage.catalog, scene.stage.clock.ms)
        assert (await scene.browser.get(links.PATH + one)).status == 410
        assert (await scene.browser.get(links.PATH + two)).status == 200
        assert (await scene.browser.get(links.PATH + two[:-1] + "x")).status == 410
        scene.stage.clock.ms += links.FIRST_MS
        assert (await scene.browser.get(links.PATH + two)).status == 410

    played(play)


def test_a_link_from_the_server_lets_its_person_back_in_and_is_audited() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        with pytest.raises(NotFound, match="Nobody"):
            await links.back_in(scene.stage.catalog, 1, "nobody@x.example", "root")
        link = await links.back_in(scene.stage.catalog, scene.stage.clock.ms, "Dana@acme.example", "root")
        browser = await scene.browser.get(links.PATH + link)
        assert "Come back in, Dana K." in browser.text
        await browser.post("/welcome", {"link": link}, csrf="")
        assert (browser.status, browser.location) == (303, "/profile")
        assert (await browser.get("/apps")).status == 200
        assert (await scene.browser.get(links.PATH + link)).status == 410
        assert ("person.signin_link", "done") in await scene.audited("")
        assert ("invitation.use", "done") in await scene.audited()

    played(play)


def test_a_link_back_in_leads_to_where_it_says_on_this_console_alone() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        for named, led in (("/apps?q=a", "/apps?q=a"), ("//evil.example", "/apps")):
            link = await links.back_in(scene.stage.catalog, scene.stage.clock.ms, "dana@acme.example", "root")
            browser = await scene.browser.get(f"{links.PATH}{link}&next={quote(named, safe='')}")
            await browser.post("/welcome", {"link": link, "next": browser.hidden("next")}, csrf="")
            assert (browser.status, browser.location) == (303, led)

    played(play)


def test_signing_out_ends_the_session_and_needs_its_form() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser)
        kept = dict(browser.cookies)
        assert (await browser.get("/signout")).status == 405
        assert (await browser.post("/signout", csrf="wrong")).status == 403
        assert (await browser.get("/apps")).status == 200
        await browser.post("/signout", csrf=scene.stage.services.roll.formerly(_headers(kept)))
        assert (browser.status, browser.location) == (303, "/signin")
        assert "pushwarden" not in browser.cookies
        again = Browser(scene.console, kept)
        assert (await again.get("/apps")).location.startswith("/signin")

    played(play)


def _headers(cookies: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(b"cookie", f"pushwarden={cookies['pushwarden']}".encode())]


def test_a_session_that_ends_over_a_form_keeps_what_was_typed() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser)
        csrf = scene.stage.services.roll.formerly(_headers(browser.cookies))
        scene.stage.clock.ms += IDLE_MS
        await browser.post("/confirm", {"note": 'two\nlines & "quotes"'}, csrf=csrf)
        assert browser.status == 401
        assert "What you typed is kept" in browser.text
        await browser.post(
            "/signin", {"email": "dana@acme.example", "password": PASSWORD, "kept": browser.hidden("kept")}, csrf=""
        )
        assert browser.status == 200
        assert 'two\nlines & "quotes"</textarea>' in browser.text
        assert 'action="/confirm"' in browser.text
        assert browser.hidden("csrf") == scene.stage.services.roll.formerly(_headers(browser.cookies))

    played(play)


def test_a_form_of_another_site_is_not_kept_and_no_link_leads_elsewhere() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser)
        scene.stage.clock.ms += IDLE_MS
        await browser.post("/confirm", {"note": "x"}, csrf="guessed")
        assert (browser.status, browser.location.startswith("/signin?next=")) == (303, True)
        for target in ("//evil.example", "https://evil.example", "/\\evil.example", "/signin", *HIDDEN):
            await browser.post("/signin", {"email": "dana@acme.example", "password": PASSWORD, "next": target}, csrf="")
            assert browser.location == "/apps"
            browser.cookies.clear()

    played(play)


def test_a_proof_once_more_makes_the_session_fresh() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser)
        scene.stage.clock.ms += FRESH_MS
        roll = scene.stage.services.roll
        assert not roll.signed(_headers(browser.cookies)).principal.fresh  # type: ignore[union-attr]
        await browser.get("/confirm?next=%2Faccess")
        assert "Is it you, Dana K.?" in browser.text
        typed = {"next": browser.hidden("next")}
        assert (await browser.post("/confirm", typed | {"password": "wrong"})).status == 401
        await browser.post("/confirm", typed | {"password": PASSWORD})
        assert (browser.status, browser.location) == (303, "/access")
        assert roll.signed(_headers(browser.cookies)).principal.fresh  # type: ignore[union-attr]

    played(play)


def test_the_same_wait_is_asked_of_proofs() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser)
        await browser.get("/confirm")
        csrf = browser.hidden("csrf")
        for _ in range(5):
            assert (await browser.post("/confirm", {"password": "wrong"}, csrf=csrf)).status == 401
        assert (await browser.post("/confirm", {"password": PASSWORD}, csrf=csrf)).status == 429

    played(play)


def test_where_a_request_came_from_is_what_the_site_is_called() -> None:
    async def play(scene: Scene) -> None:
        named = replace(scene.people, public_url="https://push.example.com")
        assert named.came([(b"host", b"evil")], "::1", "r") == Came("https://push.example.com", "::1", "", "r")
        assert scene.people.came([(b"host", b"localhost:1")], "::1", "r").origin == "http://localhost:1"

    played(play)


def test_the_session_a_browser_had_ends_when_it_signs_in_again() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser)
        before = Browser(scene.console, dict(browser.cookies))
        await browser.post("/signin", {"email": "dana@acme.example", "password": PASSWORD}, csrf="")
        assert browser.status == 303
        assert (await before.get("/apps")).location.startswith("/signin")
        assert (await browser.get("/apps")).status == 200

    played(play)
