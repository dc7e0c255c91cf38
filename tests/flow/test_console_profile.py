"""One's own account: each change asks for a proof a moment ago, keeps what was typed, and is in the audit."""

from __future__ import annotations

import re

import pyotp

from authenticator import Authenticator
from people import SignedIn, signed_in_here
from pushwarden.control.people.roll import FRESH_MS
from pushwarden.core.person import Passkey
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from signin_scene import ORIGIN, PASSWORD, Scene, enter, options, played
from visitor import Browser

NEW = "staple battery horse correct"


async def mine(scene: Scene, role: Role = Role.ADMIN, where: Scope | None = None) -> tuple[Browser, SignedIn]:
    who = await signed_in_here(scene.stage, role, where or Scope("acme"))
    kept = await scene.people.passwords.hash(PASSWORD)
    await scene.alter(who.person.id, email="dana@acme.example", name="Dana K.", password=kept)
    return await Browser.of(scene.console, who).get("/profile"), who


def test_the_page_shows_the_account_to_its_owner() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await mine(scene)
        assert browser.status == 200
        for words in ("Dana K.", "dana@acme.example", "(this one)", "Second step", "Passkeys"):
            assert words in browser.text

    played(play)


def test_how_the_console_looks_is_kept_and_seen_on_the_next_page() -> None:
    async def play(scene: Scene) -> None:
        browser, who = await mine(scene)
        await browser.post("/profile", {"name": "Dana Kim", "theme": "dark", "density": "compact", "shortcuts": "on"})
        await browser.follow()
        assert '<html lang="en" data-theme="dark" data-density="compact">' in browser.text
        assert "shortcuts.js" in browser.text and "Dana Kim" in browser.text
        assert (await browser.post("/profile", {"name": " ", "theme": "dark", "density": "compact"})).status == 422
        assert "Enter your name" in browser.text
        assert (await scene.person(who.person.id)).name == "Dana Kim"

    played(play)


def test_a_new_password_ends_the_other_sessions_and_works() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await mine(scene)
        other = await enter(scene.browser)
        await browser.post("/profile/password", {"password": NEW, "again": "x"})
        assert (browser.status, "not the same" in browser.text) == (422, True)
        await browser.post("/profile/password", {"password": NEW, "again": NEW})
        assert browser.status == 303
        assert (await browser.follow()).status == 200
        assert (await other.get("/apps")).location.startswith("/signin")
        assert (await enter(scene.browser)).status == 401
        assert (await enter(scene.browser, NEW)).status == 303
        assert ("person.password", "done") in await scene.audited()

    played(play)


def test_after_a_while_a_proof_is_asked_for_and_then_the_form_is_taken_as_it_was() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await mine(scene)
        scene.stage.clock.ms += FRESH_MS
        await browser.post("/profile/password", {"password": NEW, "again": NEW})
        assert (browser.status, "Is it you, Dana K.?" in browser.text) == (403, True)
        assert NEW not in browser.text
        kept = browser.hidden("kept")
        await browser.post("/confirm", {"password": "wrong", "kept": kept})
        assert browser.status == 401
        await browser.post("/confirm", {"password": PASSWORD, "kept": browser.hidden("kept")})
        assert (browser.status, browser.location) == (303, "/profile")
        assert (await enter(scene.browser, NEW)).status == 303

    played(play)


async def step_on(browser: Browser, scene: Scene) -> tuple[str, list[str]]:
    await browser.get("/profile/code")
    found = re.search(r'id="secret">([A-Z2-7 ]+)<', browser.text)
    assert found and "<svg" in browser.text and "style=" not in browser.text
    secret = found[1].replace(" ", "")
    await browser.post("/profile/code", {"offer": browser.hidden("offer"), "code": "000000"})
    assert (browser.status, secret in browser.text.replace(" ", "")) == (422, True)
    code = pyotp.TOTP(secret).at(scene.stage.clock.ms // 1000)
    await browser.post("/profile/code", {"offer": browser.hidden("offer"), "code": code})
    assert browser.status == 200
    return secret, re.findall(r"[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}", browser.text)


def test_the_second_step_is_turned_on_by_a_right_code_and_off_again() -> None:
    async def play(scene: Scene) -> None:
        browser, who = await mine(scene)
        secret, codes = await step_on(browser, scene)
        kept = await scene.person(who.person.id)
        assert len(set(codes)) == len(kept.recovery) == 10
        assert secret.encode() not in kept.totp
        assert "Six digits" in (await enter(scene.browser)).text
        await browser.get("/profile")
        assert "10 recovery codes are left" in browser.text
        await browser.post("/profile/recovery")
        assert set(re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}", browser.text)).isdisjoint(codes)
        await browser.get("/profile")
        await browser.post("/profile/code/off")
        assert (await enter(scene.browser)).status == 303

    played(play)


def test_a_passkey_is_added_signs_in_and_is_removed() -> None:
    async def play(scene: Scene) -> None:
        browser, who = await mine(scene)
        device = Authenticator(ORIGIN)
        answer = device.create(options(browser))
        await browser.post(
            "/profile/passkeys", {"question": browser.hidden("question"), "passkey": answer, "name": "Laptop"}
        )
        assert "Laptop" in (await browser.follow()).text
        entering = await scene.browser.get("/signin")
        given = {"passkey": device.get(options(entering)), "question": entering.hidden("question")}
        assert (await entering.post("/signin", given, csrf="")).status == 303
        found: list[Passkey] = await scene.stage.catalog.read(lambda tables: tables.passkeys.of(who.person.id))
        assert (await browser.post("/profile/passkeys/remove", {"id": "another"})).status == 404
        await browser.get("/profile")
        assert (await browser.post("/profile/passkeys/remove", {"id": found[0].id})).status == 303
        entering = await scene.browser.get("/signin")
        given = {"passkey": device.get(options(entering)), "question": entering.hidden("question")}
        assert (await entering.post("/signin", given, csrf="")).status == 401

    played(play)


def test_a_passkey_proves_once_more() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await mine(scene)
        device = Authenticator(ORIGIN)
        added = {"question": browser.hidden("question"), "passkey": device.create(options(browser)), "name": ""}
        await browser.post("/profile/passkeys", added)
        scene.stage.clock.ms += FRESH_MS
        await browser.get("/confirm?next=%2Fprofile")
        given = {"passkey": device.get(options(browser)), "question": browser.hidden("question")}
        await browser.post("/confirm", given)
        assert (browser.status, browser.location) == (303, "/apps")

    played(play)


def test_another_session_is_ended_from_here() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await mine(scene)
        other = await enter(scene.browser)
        await browser.get("/profile")
        session = re.search(r'name="session" value="([a-z0-9]+)"', browser.text)
        assert session
        assert (await browser.post("/profile/sessions/end", {"session": session[1]})).status == 303
        assert (await other.get("/apps")).location.startswith("/signin")
        assert ("session.end", "done") in await scene.audited()

    played(play)


def test_somebody_of_the_installation_switches_and_somebody_of_an_organisation_cannot() -> None:
    async def play(scene: Scene) -> None:
        root, _ = await mine(scene, where=Scope())
        assert "Whose pages you see" in root.text
        assert (await root.post("/profile/organisation", {"organisation": "beta"})).status == 303
        assert root.cookies["organisation"] == "beta"
        assert '<option value="beta" selected>' in (await root.get("/profile")).text

    played(play)


def test_an_organisation_that_is_not_ones_own_is_not_there() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await mine(scene)
        assert "Whose pages you see" not in browser.text
        assert (await browser.post("/profile/organisation", {"organisation": "beta"})).status == 404

    played(play)


def test_a_passkey_is_made_at_the_first_sign_in_and_a_wrong_answer_asks_again_there() -> None:
    async def play(scene: Scene) -> None:
        dana = await scene.dana()
        browser, device = await enter(scene.browser), Authenticator(ORIGIN)
        await browser.get("/profile/second-step")
        sent = {"first": "on", "question": browser.hidden("question"), "name": "Laptop"}
        await browser.post("/profile/passkeys", sent | {"passkey": "{}"})
        assert (browser.status, "One thing more" in browser.text) == (422, True)
        sent |= {"question": browser.hidden("question"), "passkey": device.create(options(browser))}
        await browser.post("/profile/passkeys", sent)
        assert (browser.status, browser.location) == (303, "/apps")
        kept = await scene.stage.catalog.read(lambda tables: tables.passkeys.of(dana.id))
        assert [one.name for one in kept] == ["Laptop"]

    played(play)
