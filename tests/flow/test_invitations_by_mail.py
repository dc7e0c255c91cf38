"""Invitations that are mailed, and a mail to try it: through a real mail server, and honest when none took it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import cast
from mail_fixtures import MailBox
from people import signed_in_here
from pushwarden.adapters.egress.smtp import SmtpMailer
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.control.post import Post
from pushwarden.core.mail import server_of
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from signin_scene import PASSWORD, Scene
from visitor import Browser

SITE = "https://push.acme.example"
ANN = {"email": "ann@acme.example", "role": "viewer", "place": "", "mail": "on"}


def post_to(box: MailBox, origin: str = SITE) -> Post:
    server = server_of(box.url())
    return Post(SmtpMailer(server, "push@acme.example", box.ca), "push@acme.example", server.host, origin)


def played(post: Post, play: Callable[[Scene, Browser], Awaitable[None]], role: Role = Role.ADMIN) -> None:
    async def run() -> None:
        stage = await cast.stage(MemoryCatalog(), post=post)
        scene = Scene(stage)
        who = await signed_in_here(stage, role, Scope("acme"))
        await scene.alter(who.person.id, name="Dana K.", email="dana@acme.example")
        await play(scene, Browser.of(scene.console, who))

    asyncio.run(run())


def test_an_invitation_is_mailed_with_its_link_and_joins_its_reader(tmp_path: Path) -> None:
    async def play(scene: Scene, browser: Browser) -> None:
        assert "Mail the link to them" in (await browser.get("/access/invite")).text
        await browser.post("/access/invite", ANN)
        assert (browser.status, "on its way to ann@acme.example" in browser.text) == (201, True)

    with MailBox(tmp_path).up() as box:
        played(post_to(box), play)
    [mail] = box.mails
    assert (mail["To"], mail["Subject"]) == ("ann@acme.example", "Dana K. invites you to Pushwarden")
    assert re.search(rf"\n{SITE}/welcome\?link=\S+\r?\n", mail.get_content())
    assert "pushes of Acme" in mail.get_content()


def test_the_mailed_link_is_of_the_settings_and_never_of_what_a_request_calls_the_site(tmp_path: Path) -> None:
    async def play(scene: Scene, browser: Browser) -> None:
        browser.headers["host"] = "evil.example"
        await browser.get("/access/invite")
        await browser.post("/access/invite", ANN)

    with MailBox(tmp_path).up() as box:
        played(post_to(box), play)
    assert "evil.example" not in box.mails[0].get_content()


def test_without_an_address_of_its_own_or_a_mail_server_nothing_is_mailed_and_it_says_why(tmp_path: Path) -> None:
    async def play(scene: Scene, browser: Browser) -> None:
        await browser.get("/access/invite")
        assert "Mail the link" not in browser.text
        assert "set PUSHWARDEN_" in browser.text
        await browser.post("/access/invite", ANN)
        assert (browser.status, "set PUSHWARDEN_" in browser.text) == (422, True)
        await browser.post("/access/invite", {name: value for name, value in ANN.items() if name != "mail"})
        assert (browser.status, "Hand this link to" in browser.text) == (201, True)

    with MailBox(tmp_path).up() as box:
        for post in (Post(), post_to(box, "")):
            played(post, play)
    assert box.mails == []


def test_a_mail_that_is_not_taken_leaves_a_link_that_works_and_says_what_the_server_said(tmp_path: Path) -> None:
    async def play(scene: Scene, browser: Browser) -> None:
        await browser.get("/access/invite")
        await browser.post("/access/invite", ANN)
        assert "It was not mailed." in browser.text
        assert "does not take mail for ann@acme.example" in browser.text
        link = re.search(r"/welcome\?link=([^<]+)<", browser.text)
        assert link
        typed = {"link": link[1], "name": "Ann", "email": "", "password": PASSWORD, "again": PASSWORD}
        assert (await scene.browser.post("/welcome", typed, csrf="")).status == 303

    with MailBox(tmp_path, refuses={"ann@acme.example"}).up() as box:
        played(post_to(box), play)


def test_a_mail_to_try_it_goes_to_whoever_asks_and_what_went_wrong_is_said(tmp_path: Path) -> None:
    async def play(scene: Scene, browser: Browser) -> None:
        await browser.get("/access")
        assert "from push@acme.example" in browser.text
        await (await browser.post("/access/mail")).follow()
        box.down = True
        assert "The mail server took a mail to dana@acme.example" in browser.text
        await (await browser.post("/access/mail")).follow()
        assert "took a mail" not in browser.text
        assert ("mail.test", "done") in await scene.audited()

    with MailBox(tmp_path).up() as box:
        played(post_to(box), play)
    assert [mail["To"] for mail in box.mails] == ["dana@acme.example"]


def test_nobody_is_written_to_by_strangers(tmp_path: Path) -> None:
    async def play(scene: Scene, browser: Browser) -> None:
        carol = await signed_in_here(scene.stage, Role.ADMIN, Scope("beta"))
        wanted = {"recipient": carol.person.email}
        assert (await scene.stage.ask("alice", "POST", "/v1/mail/test", wanted)).status == 422
        assert (await scene.stage.ask("bob", "POST", "/v1/mail/test", wanted)).status == 403
        clerk = await scene.stage.ask("clerk", "POST", "/v1/mail/test", {"recipient": "dana@acme.example"})
        assert clerk.status in (403, 404), "an admin of one app is none of its people"

    with MailBox(tmp_path).up() as box:
        played(post_to(box), play)
    assert box.mails == []


def test_a_viewer_sees_how_mails_go_out_and_whom_to_ask(tmp_path: Path) -> None:
    async def play(scene: Scene, browser: Browser) -> None:
        await browser.get("/access")
        assert "/access/mail" not in browser.text

    played(replace(Post(), origin=SITE), play, Role.VIEWER)
