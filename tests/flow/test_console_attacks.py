"""Attacks on the ways in: what a stranger, an impatient one and a liar get, and that nobody else is harmed by it."""

from __future__ import annotations

import asyncio
import json

import pyotp
import pytest
from fido2.utils import websafe_encode

from pushwarden.control.people.reception import sealed_secret
from pushwarden.control.people.roll import IDLE_MS, csrf_of
from pushwarden.core.errors import Busy
from signin_scene import PASSWORD, Scene, enter, options, played, with_passkey
from visitor import Browser

SECRET = pyotp.random_base32()
DANA = "dana@acme.example"


async def attack(scene: Scene, times: int, email: str = DANA) -> Browser:
    """Wrong passwords from a browser of its own."""
    browser = scene.browser
    for _ in range(times):
        await browser.post("/signin", {"email": email, "password": "guessed it, have I"}, csrf="")
    return browser


def test_whoever_guesses_at_an_account_does_not_keep_its_owner_out_of_a_browser_of_theirs() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        owner = await enter(scene.browser)
        assert "pushwarden-browser" in owner.cookies
        assert (await attack(scene, 40)).status == 429
        owner.cookies.pop("pushwarden")
        assert (await enter(owner)).status == 303
        assert (await enter(scene.browser)).status == 429, "a stranger's browser waits on"

    played(play)


def test_a_known_browser_has_no_more_tries_than_a_strange_one() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        owner = await enter(scene.browser)
        owner.cookies.pop("pushwarden")
        for _ in range(5):
            assert (await enter(owner, "wrong")).status == 401
        assert (await enter(owner)).status == 429
        assert (await enter(scene.browser)).status == 303, "and keeps nobody else out"

    played(play)


def test_a_proof_once_more_does_not_wait_for_what_strangers_try_at_the_door() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        owner = await enter(scene.browser)
        await attack(scene, 40)
        await owner.get("/confirm")
        assert (await owner.post("/confirm", {"password": PASSWORD})).status == 303

    played(play)


@pytest.mark.parametrize("email", ["", DANA])
def test_no_wrong_tries_keep_a_passkey_out(email: str) -> None:
    async def play(scene: Scene) -> None:
        _, device = await with_passkey(scene)
        await attack(scene, 40, email)
        browser = await scene.browser.get("/signin")
        await browser.post("/signin", {"passkey": device.get(options(browser)), "question": browser.hidden("question")})
        assert browser.status == 303

    played(play)


def test_nobody_who_asks_for_many_passkey_questions_takes_anothers_away() -> None:
    async def play(scene: Scene) -> None:
        _, device = await with_passkey(scene)
        browser = await scene.browser.get("/signin")
        for _ in range(10_001):
            scene.people.passkeys.challenge("http://localhost:8600", scene.stage.clock.ms)
        await browser.post("/signin", {"passkey": device.get(options(browser)), "question": browser.hidden("question")})
        assert browser.status == 303

    played(play)


def test_of_many_tries_at_the_same_moment_only_the_free_ones_are_judged() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browsers = [scene.browser for _ in range(30)]
        sent = {"email": DANA, "password": "guessed it, have I"}
        await asyncio.gather(*(one.post("/signin", sent, csrf="") for one in browsers))
        assert sorted(one.status for one in browsers) == [401] * 5 + [429] * 25

    played(play)


def test_codes_cannot_be_tried_one_after_another_by_who_has_the_password() -> None:
    async def play(scene: Scene) -> None:
        dana = await scene.dana()
        await scene.alter(dana.id, totp=sealed_secret(scene.people, dana.id, SECRET))
        judged = []
        for minute in range(120):
            browser = await enter(scene.browser)
            await browser.post("/signin", {"pending": browser.hidden("pending"), "code": "000000"}, csrf="")
            judged += [minute] if browser.status == 401 else []
            scene.stage.clock.ms += 60_000
        assert len([one for one in judged if one >= 60]) <= 4, "one in a quarter of an hour"

    played(play)


def test_a_wrong_password_waits_for_no_write_that_an_unknown_account_would_not_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()

        async def locked(*_: object) -> None:
            raise Busy

        monkeypatch.setattr(scene.stage.catalog, "record", locked)
        known = await enter(scene.browser, "wrong")
        unknown = await enter(scene.browser, "wrong", "nobody@acme.example")
        assert known.status == unknown.status == 401
        await scene.people.written()

    played(play)


def test_a_form_kept_for_one_browser_opens_in_no_other() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        liar = Browser(scene.console, {"pushwarden": "x" * 43})
        await liar.post("/access/invite", {"email": "liar@beta.example", "role": "admin"}, csrf=csrf_of("x" * 43))
        assert liar.status == 401, "what was typed is kept, whoever typed it"
        kept, owner = liar.hidden("kept"), await enter(scene.browser)
        scene.stage.clock.ms += IDLE_MS
        await owner.post("/signin", {"email": DANA, "password": PASSWORD, "kept": kept}, csrf="")
        assert (owner.status, owner.location) == (303, "/apps")
        await owner.get("/confirm")
        await owner.post("/confirm", {"password": PASSWORD, "kept": kept})
        assert owner.status == 303
        assert "invitation.create" not in [action for action, _ in await scene.audited()]

    played(play)


def test_what_one_person_typed_is_not_handed_to_the_next_who_signs_in_there() -> None:
    async def play(scene: Scene) -> None:
        omar = await scene.dana()
        await scene.alter(omar.id, email="omar@acme.example", name="Omar R.")
        await scene.dana()
        browser = await enter(scene.browser)
        csrf = scene.csrf(browser)
        scene.stage.clock.ms += IDLE_MS
        await browser.post("/confirm", {"note": "Dana's secret"}, csrf=csrf)
        kept = browser.hidden("kept")
        await enter(browser, email="omar@acme.example")
        await browser.post("/signin", {"email": "omar@acme.example", "password": PASSWORD, "kept": kept}, csrf="")
        assert browser.status == 303
        assert "Dana's secret" not in browser.text

    played(play)


HOSTILE = {
    "surrogate": '{"id": "\\ud800"}',
    "deep": '{"id": ' + "[" * 100_000,
    "list": "[]",
    "number": '{"id": 5}',
    "no response": '{"id": "eA", "rawId": "eA", "type": "public-key"}',
    "null": "null",
    "huge id": json.dumps({"id": "A" * 100_000}),
    "nul": '{"id": "\\u0000"}',
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("known", [True, False])
def test_an_answer_no_browser_gives_is_refused_like_a_wrong_one(answer: str, known: bool) -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser) if known else scene.browser
        at = "/confirm" if known else "/signin"
        await browser.get(at)
        question = scene.people.passkeys.challenge("http://localhost:8600", scene.stage.clock.ms).id
        await browser.post(at, {"passkey": answer, "question": question})
        assert browser.status == 401, browser.text[:500]

    played(play)


@pytest.mark.parametrize("field", ["authenticatorData", "signature", "clientDataJSON", "attestationObject"])
@pytest.mark.parametrize("bytes_", [b"", b"\x00", b"\xff" * 37, b"\xbf\xff", b"{}", b"\x5f" * 200])
def test_a_damaged_passkey_answer_is_refused_in_words(field: str, bytes_: bytes) -> None:
    async def play(scene: Scene) -> None:
        _, device = await with_passkey(scene)
        browser = await scene.browser.get("/signin")
        made = field == "attestationObject"
        answer = json.loads("{}" if made else device.get(options(browser)))
        if made:
            await enter(browser)
            await browser.get("/profile")
            answer = json.loads(device.create(options(browser)))
        answer["response"][field] = websafe_encode(bytes_)
        sent = {"passkey": json.dumps(answer), "question": browser.hidden("question"), "name": "Laptop"}
        await browser.post("/profile/passkeys" if made else "/signin", sent)
        assert browser.status in (401, 422), browser.text[:500]

    played(play)


@pytest.mark.parametrize("name", ["Dana\r\nBcc: all@acme.example", "Dana \u202egnp.exe", "a\u2028b", "a\x00b"])
def test_a_name_cannot_break_a_line_or_turn_its_reading(name: str) -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await enter(scene.browser)
        await browser.get("/profile")
        await browser.post("/profile", {"name": name, "theme": "system", "density": "normal"})
        assert (browser.status, "Enter your name" in browser.text) == (422, True)

    played(play)


def test_the_address_one_wanted_comes_back_with_its_question() -> None:
    async def play(scene: Scene) -> None:
        await scene.dana()
        browser = await scene.browser.get("/audit?q=actor%3Adana+since%3A7d")
        await browser.follow()
        sent = {"email": DANA, "password": PASSWORD, "next": browser.hidden("next")}
        await browser.post("/signin", sent, csrf="")
        assert browser.location == "/audit?q=actor%3Adana+since%3A7d"

    played(play)
