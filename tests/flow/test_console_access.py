"""Access: people invited and given roles, who can do what, keys shown once; each for whom it may concern."""

from __future__ import annotations

import re

import pytest

from people import SignedIn, signed_in_here
from pushwarden.control.people.roll import FRESH_MS
from pushwarden.core.principal import Role
from pushwarden.core.scope import Environment, Scope
from signin_scene import PASSWORD, Scene, played
from visitor import Browser

ACME = Scope("acme")
PAGES = ("/access", "/access/here", "/access/sessions", "/access/keys", "/access/organisations")
ADMIN_PAGES = ("/access/invite", "/access/keys/new")


async def browse(scene: Scene, role: Role = Role.ADMIN, where: Scope = ACME) -> tuple[Browser, SignedIn]:
    who = await signed_in_here(scene.stage, role, where)
    return Browser.of(scene.console, who), who


@pytest.mark.parametrize("role", list(Role))
def test_every_role_sees_who_may_do_what_and_only_admins_change_it(role: Role) -> None:
    async def play(scene: Scene) -> None:
        browser, who = await browse(scene, role)
        for path in PAGES:
            assert (await browser.get(path)).status == 200, path
            assert "style=" not in browser.text
        assert who.person.name in (await browser.get("/access/here")).text
        for path in ADMIN_PAGES:
            assert (await browser.get(path)).status == (200 if role is Role.ADMIN else 403), path
        page = await browser.get(f"/access/people/{who.person.id}")
        assert (page.status, "Remove for good" in page.text) == (200, role is Role.ADMIN)

    played(play)


def test_somebody_is_invited_by_a_link_shown_once_and_joins_with_that_role() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await browse(scene)
        await browser.get("/access/invite")
        typed = {"email": "Ann@acme.example", "name": "Ann", "role": "responder", "place": "shop/production"}
        assert (await browser.post("/access/invite", typed | {"email": "nonsense"})).status == 422
        assert 'value="nonsense"' in browser.text and "Enter an e-mail address" in browser.text
        await browser.post("/access/invite", typed)
        link = re.search(r"http://localhost:8600(/welcome\?link=[^<]+)<", browser.text)
        assert browser.status == 201 and link
        assert "ann@acme.example" in (await browser.get("/access")).text
        ann = await scene.browser.get(link[1])
        assert "readonly" in ann.text
        await ann.post(
            "/welcome",
            {"link": ann.hidden("link"), "name": "Ann", "password": PASSWORD, "again": PASSWORD, "email": "root@x.x"},
            csrf="",
        )
        assert (ann.status, ann.location) == (303, "/profile/second-step")
        people = await scene.stage.catalog.read(lambda tables: tables.people.all())
        joined = next(one for one in people if one.name == "Ann")
        assert joined.email == "ann@acme.example"
        assert [(one.role, one.scope) for one in joined.bindings] == [
            (Role.RESPONDER, Scope("acme", "shop", Environment.PRODUCTION))
        ]

    played(play)


def test_an_invitation_is_taken_back() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await browse(scene)
        await browser.get("/access/invite")
        await browser.post("/access/invite", {"email": "ann@acme.example", "role": "viewer", "place": ""})
        link = re.search(r"(/welcome\?link=[^<]+)<", browser.text)
        await browser.get("/access")
        await browser.post("/access/invitations/remove", {"id": browser.hidden("id")})
        assert link and (await scene.browser.get(link[1])).status == 410

    played(play)


def test_a_role_is_given_and_taken_away() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await browse(scene)
        omar = await signed_in_here(scene.stage, Role.VIEWER, ACME)
        at = f"/access/people/{omar.person.id}"
        await browser.get(at)
        given = {"version": browser.hidden("version"), "role": "operator", "place": "shop"}
        assert (await browser.post(f"{at}/roles", given)).status == 303
        assert "Operator" in (await browser.follow()).text
        kept = await scene.person(omar.person.id)
        assert {(one.role, one.scope) for one in kept.bindings} == {
            (Role.VIEWER, ACME), (Role.OPERATOR, Scope("acme", "shop"))
        }  # fmt: skip
        stale = await browser.post(f"{at}/roles", given)
        assert (stale.status, "It is at version 2 now" in stale.text) == (409, True)
        await browser.get(at)
        await browser.post(f"{at}/roles/take", {"version": "2", "role": "operator", "place": "shop"})
        assert [one.role for one in (await scene.person(omar.person.id)).bindings] == [Role.VIEWER]

    played(play)


def test_the_last_admin_is_told_why_not_and_somebody_is_disabled_and_removed() -> None:
    async def play(scene: Scene) -> None:
        browser, dana = await browse(scene)
        omar = await signed_in_here(scene.stage, Role.OPERATOR, ACME)
        mine, his = f"/access/people/{dana.person.id}", f"/access/people/{omar.person.id}"
        await browser.get(mine)
        await browser.post(f"{mine}/disable", {"version": "1"})
        assert (browser.status, "last administrator" in browser.text) == (409, True)
        await browser.post(f"{his}/disable", {"version": "1"})
        assert browser.status == 303
        assert (await Browser.of(scene.console, omar).get("/apps")).location.startswith("/signin")
        await browser.get(his)
        assert (await browser.post(f"{his}/remove", {"name": "somebody"})).status == 422
        assert (await browser.post(f"{his}/remove", {"name": omar.person.name})).status == 303
        assert (await browser.get(his)).status == 404

    played(play)


def test_a_way_back_in_is_made_for_another_and_shown_once() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await browse(scene)
        omar = await signed_in_here(scene.stage, Role.OPERATOR, ACME)
        at = f"/access/people/{omar.person.id}"
        await browser.get(at)
        await browser.post(f"{at}/link")
        link = re.search(r"(/welcome\?link=[^<]+)<", browser.text)
        assert link
        back = await scene.browser.get(link[1])
        await back.post("/welcome", {"link": back.hidden("link")}, csrf="")
        assert (await back.get("/profile")).status == 200
        assert omar.person.name in back.text

    played(play)


def test_a_key_is_shown_once_works_is_rotated_and_ended() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await browse(scene)
        await browser.get("/access/keys/new")
        assert (
            await browser.post("/access/keys", {"name": "", "kind": "send", "place": "shop", "days": "9"})
        ).status == 422
        assert "Enter a name" in browser.text
        await browser.post("/access/keys", {"name": "Orders", "kind": "send", "place": "shop", "days": "9"})
        key = re.search(r"pwk_([a-z0-9]{12})_\w+", browser.text)
        assert browser.status == 201 and key
        scene.stage.keys["new"] = key[0]
        assert (await scene.stage.ask("new", "GET", "/v1/apps/shop")).status == 200
        assert key[0] not in (await browser.get("/access/keys")).text and "Orders" in browser.text
        await browser.get(f"/access/keys/{key[1]}/rotate")
        await browser.post(f"/access/keys/{key[1]}/rotate", {"overlap": "3600"})
        successor = re.search(r"pwk_([a-z0-9]{12})_\w+", browser.text)
        assert successor and "The old key ends in an hour" in browser.text
        scene.stage.clock.ms += 3_600_000 - 1
        assert (await scene.stage.ask("new", "GET", "/v1/apps/shop")).status == 200

    played(play)


def test_a_key_is_revoked_at_once() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await browse(scene)
        await browser.get("/access/keys")
        robot = scene.stage.keys["robot"][4:16]
        await browser.post(f"/access/keys/{robot}/revoke", csrf=scene.csrf(browser))
        assert browser.status == 303
        assert (await scene.stage.ask("robot", "GET", "/v1/apps")).status == 401

    played(play)


def test_what_was_typed_comes_through_a_proof_to_the_end() -> None:
    async def play(scene: Scene) -> None:
        browser, dana = await browse(scene)
        await scene.alter(dana.person.id, password=await scene.people.passwords.hash(PASSWORD))
        scene.stage.clock.ms += FRESH_MS
        await browser.get("/access/keys/new")
        await browser.post("/access/keys", {"name": "Orders", "kind": "send", "place": "shop", "days": "9"})
        assert (browser.status, "Is it you" in browser.text) == (403, True)
        await browser.post("/confirm", {"password": PASSWORD, "kept": browser.hidden("kept")})
        assert browser.status == 201
        assert re.search(r"pwk_[a-z0-9]{12}_\w+", browser.text)

    played(play)


def test_carol_sees_nobody_of_acme_and_changes_nobody() -> None:
    async def play(scene: Scene) -> None:
        _, dana = await browse(scene)
        carol, _ = await browse(scene, Role.ADMIN, Scope("beta"))
        for path in (*PAGES, "/access/here?app=shop"):
            text = (await carol.get(path)).text
            assert dana.person.name not in text and dana.person.email not in text, path
        csrf = scene.csrf(carol)
        at = f"/access/people/{dana.person.id}"
        assert (await carol.get(at)).status == 404
        for path in ("roles", "roles/take", "disable", "enable", "no-code", "link", "remove"):
            form = {"version": "1", "role": "viewer", "place": "", "name": dana.person.name}
            assert (await carol.post(f"{at}/{path}", form, csrf=csrf)).status == 404, path
        robot = scene.stage.keys["robot"][4:16]
        assert (await carol.post(f"/access/keys/{robot}/revoke", csrf=csrf)).status == 404
        assert (await carol.post(f"/access/keys/{robot}/rotate", {"overlap": "0"}, csrf=csrf)).status == 404

    played(play)


def test_credentials_are_kept_to_admins_by_a_switch() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await browse(scene)
        await browser.get("/access")
        await browser.post("/access/credentials", {"version": browser.hidden("version"), "admin_credentials": "on"})
        assert browser.status == 303
        kept = await scene.stage.catalog.read(lambda tables: tables.organisations.get("acme"))
        assert kept and kept.admin_credentials

    played(play)


def test_an_organisation_is_named_and_made_by_the_installations_own_admin() -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await browse(scene, Role.ADMIN, Scope())
        await browser.get("/access/organisations")
        version = browser.hidden("version")
        sent = {"organisation": "acme", "version": version, "to": "Acme <Europe>"}
        await (await browser.post("/access/organisations/name", sent)).follow()
        assert "It is called Acme <Europe> from now on." in browser.text
        await browser.post("/access/organisations/name", sent | {"to": "Late"})
        assert (browser.status, "Somebody changed this a moment ago" in browser.text) == (409, True)
        assert 'value="Late"' in browser.text, "what was typed is kept"
        for name in ("", "a\nb", "x" * 201):
            await browser.post("/access/organisations/name", sent | {"to": name})
            assert browser.status == 422
        await browser.post("/access/organisations", {"id": "New One", "name": "New"})
        assert "Use small letters" in browser.text
        await browser.post("/access/organisations", {"id": "acme", "name": "New"})
        assert "There is an organisation with this id already" in browser.text
        await (await browser.post("/access/organisations", {"id": "new-one", "name": "New"})).follow()
        assert "New is there" in browser.text

    played(play)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_an_organisations_own_people_see_its_name_and_whom_to_ask_for_another(role: Role) -> None:
    async def play(scene: Scene) -> None:
        browser, _ = await browse(scene, role)
        await browser.get("/access/organisations")
        assert "beta" not in browser.text
        assert "/access/organisations/name" not in browser.text
        await browser.get("/profile")
        await browser.post("/access/organisations/name", {"organisation": "acme", "version": "1", "to": "Mine"})
        assert browser.status == 403

    played(play)
