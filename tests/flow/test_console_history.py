"""History, Audit and Settings in the console: what people read, and what becomes of what they typed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from html import unescape
from urllib.parse import quote, urlencode

from cast import Reply, Stage, request, stage
from people import SignedIn, signed_in_here
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.vault.chest import AesChest
from pushwarden.control.console.audit import view as audit
from pushwarden.control.console.callbacks import view as callbacks
from pushwarden.control.console.desk import Desk
from pushwarden.control.console.door import Console
from pushwarden.control.console.history import view as history
from pushwarden.control.console.settings import view as settings
from pushwarden.control.console.signin.gate import Gate
from pushwarden.control.console.visit import Visitor
from pushwarden.control.people.desk import Desk as People
from pushwarden.core.app import Snapshot
from pushwarden.core.principal import Permission, Principal, Role
from pushwarden.core.scope import Environment, Scope
from pushwarden.web.body import RawHeaders, header

LIVE = Scope("acme", "shop", Environment.PRODUCTION)
PAGES = "/apps/shop/production"
FORM = {"content-type": "application/x-www-form-urlencoded"}
CREDENTIALS = "/v1/apps/shop/production/credentials"


class House:
    """The console over the API, for whoever's name is the cookie."""

    def __init__(self, scene: Stage, snapshot: Snapshot) -> None:
        self.scene, self.people = scene, dict[str, SignedIn]()
        desk = Desk(scene.app, self, lambda: snapshot, lambda: {}, scene.clock, "1")
        gate = Gate(People(scene.services, AesChest(bytes(32))))
        self.console = Console(
            desk, gate, (*history.routes(), *audit.routes(), *settings.routes(), *callbacks.routes())
        )

    def visitor(self, headers: RawHeaders, now_ms: int) -> Visitor | None:
        name = (header(headers, b"cookie") or b"").decode().partition("=")[2]
        if name in self.people:
            person = self.people[name].person
            principal = self.scene.services.roll.principal(person.id)
            return Visitor(principal, person.name, principal.home, "token") if principal else None
        if name not in self.scene.keys:
            return None
        key = self.scene.keys[name].encode()
        principal = self.scene.services.ring.authenticate([(b"authorization", b"Bearer " + key)])
        return Visitor(principal, name.title(), principal.home, "token")

    def able(self, permission: Permission, where: Scope) -> list[str]:
        return ["Dana K."]

    def organisations(self, principal: Principal) -> dict[str, str]:
        return {}

    def formerly(self, headers: RawHeaders) -> str:
        return ""

    async def see(self, path: str, who: str = "alice") -> str:
        reply = await self.ask(who, "GET", path)
        return text_of(reply)

    async def send(self, path: str, who: str = "alice", **form: str) -> Reply:
        return await self.ask(who, "POST", path, {"csrf": "token", **form})

    async def ask(self, who: str, method: str, path: str, form: dict[str, str] | None = None) -> Reply:
        body = urlencode(form or {}).encode()
        return await request(self.console, method, path, body, FORM | {"cookie": f"who={who}"})

    async def api(self, method: str, path: str, body: object = None, who: str = "alice") -> Reply:
        reply = await self.scene.ask(who, method, path, body)
        assert reply.status < 500, reply.body
        return reply


def text_of(reply: Reply) -> str:
    """What a page says, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", reply.body.decode().partition("<main")[2])).split())


def played(work: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        scene = await stage(MemoryCatalog())
        snapshot = await scene.catalog.read(lambda tables: tables.snapshots.get())
        assert snapshot is not None
        await work(House(scene, snapshot))

    asyncio.run(run())


async def sending(house: House, key_id: str) -> str:
    made = await house.api("POST", CREDENTIALS, {"provider": "apns", "text": key_id, "key_id": key_id})
    name: str = made.json["credential"]["id"]
    await house.api("POST", f"{CREDENTIALS}/{name}/activate", {"confirm": ["unproven"]})
    return name


def test_history_says_who_changed_what_and_leads_back() -> None:
    async def work(house: House) -> None:
        await house.api("PATCH", "/v1/apps/shop", {"version": 1, "name": "Acme Shop"})
        await sending(house, "ABC123DEFG")
        page = await house.see(f"{PAGES}/history")
        assert "Version 3 is in effect" in page
        assert "alice switched to a credential" in page
        assert "Apple in Production nothing key ABC123DEFG" in page
        review = await house.see(f"{PAGES}/history/2")
        assert "Restore version 2?" in review
        assert "Apple in Production will have no credential: nothing is sent there." in review
        done = await house.send(f"{PAGES}/history/2/restore", version="3")
        assert (done.status, done.headers["location"]) == (303, f"{PAGES}/history")
        assert "alice restored an earlier version: version 2" in await house.see(f"{PAGES}/history")

    played(work)


def test_any_two_versions_are_compared_and_one_is_copied_whole() -> None:
    async def work(house: House) -> None:
        await house.api("PATCH", "/v1/apps/shop", {"version": 1, "name": "B"})
        await house.api("PATCH", "/v1/apps/shop", {"version": 2, "name": "C"})
        page = await house.see(f"{PAGES}/history/1?to=2", "bob")
        assert "What differs between version 1 and version 2 What Version 1 Version 2 Name Shop B" in page
        assert "made_by: alice" in (await house.see(f"{PAGES}/history/2"))
        assert "Nothing differs between version 2 and version 2." in await house.see(f"{PAGES}/history/2?to=2")
        for odd in ("9", "-1", "٣", "x", "9" * 40):
            assert "What differs between" not in await house.see(f"{PAGES}/history/1?to={quote(odd)}")

    played(work)


def test_a_comment_typed_at_a_restore_is_kept_when_it_is_refused_and_audited_when_it_is_done() -> None:
    async def work(house: House) -> None:
        await house.api("PATCH", "/v1/apps/shop", {"version": 1, "name": "B"})
        late = await house.send(f"{PAGES}/history/1/restore", version="1", reason="B was a mistake")
        assert (late.status, 'value="B was a mistake"' in late.body.decode()) == (409, True)
        await house.send(f"{PAGES}/history/1/restore", version="2", reason="B was a mistake")
        assert "“B was a mistake”" in await house.see("/audit")

    played(work)


def test_a_restore_of_what_moved_meanwhile_shows_it_anew_and_does_nothing() -> None:
    async def work(house: House) -> None:
        await house.api("PATCH", "/v1/apps/shop", {"version": 1, "name": "B"})
        await house.api("PATCH", "/v1/apps/shop", {"version": 2, "name": "C"})
        late = await house.send(f"{PAGES}/history/1/restore", version="2")
        assert late.status == 409
        assert "version 3 is in effect now, where you saw 2. Nothing was restored." in text_of(late)
        assert (await house.api("GET", "/v1/apps/shop")).json["name"] == "C"

    played(work)


def test_what_cannot_come_back_is_said_and_must_be_ticked() -> None:
    async def work(house: House) -> None:
        one = await sending(house, "ONE")
        await sending(house, "TWO")
        await house.api("DELETE", f"{CREDENTIALS}/{one}")
        await house.api("PATCH", "/v1/apps/shop", {"version": 1, "name": "Later"})
        assert "Apple in Production: Key ONE was deleted." in await house.see(f"{PAGES}/history/2")
        refused = await house.send(f"{PAGES}/history/2/restore", version="4")
        assert (refused.status, "Not everything can be brought back" in text_of(refused)) == (409, True)
        done = await house.send(f"{PAGES}/history/2/restore", version="4", lost="yes")
        assert done.status == 303
        assert (await house.api("GET", "/v1/apps/shop")).json["name"] == "Shop"

    played(work)


def test_who_may_only_look_is_told_who_may_restore_and_save() -> None:
    async def work(house: House) -> None:
        await house.api("PATCH", "/v1/apps/shop", {"version": 1, "name": "B"})
        assert "Restore version 1 Ask Dana K." in await house.see(f"{PAGES}/history/1", "bob")
        assert "Save Ask Dana K." in await house.see(f"{PAGES}/settings", "bob")
        for path in ("history/1/restore", "settings", "settings/delete"):
            assert (await house.send(f"{PAGES}/{path}", "bob", version="2", name="x")).status == 403
        for path in (f"{PAGES}/history", f"{PAGES}/history/1", f"{PAGES}/settings"):
            assert "com.acme.shop" not in await house.see(path, "carol")

    played(work)


def test_of_two_people_who_edit_at_once_both_values_are_shown_and_nothing_typed_is_lost() -> None:
    async def work(house: House) -> None:
        seen = {"seen_name": "Shop", "seen_bundle_id": "com.acme.shop", "seen_enabled": "on"}
        mine = {"name": "Mine", "description": "Typed by me", "bundle_id": "com.acme.shop", "enabled": "on"}
        await house.api("PATCH", "/v1/apps/shop", {"version": 1, "name": "Theirs", "contacts": ["a@acme.example"]})
        clash = await house.send(f"{PAGES}/settings", version="1", **seen, **mine)
        page = text_of(clash)
        assert clash.status == 409
        assert "Somebody changed this app while you did" in page
        assert "Name Theirs Mine" in page
        assert "Told by mail a@acme.example You left it; theirs is kept." in page
        assert 'value="Mine"' in clash.body.decode() and 'value="Typed by me"' in clash.body.decode()
        hidden = dict(
            re.findall(r'<input type="hidden" name="(seen_\w+|version)" value="([^"]*)"', clash.body.decode())
        )
        again = await house.send(f"{PAGES}/settings", **hidden, **mine, contacts="a@acme.example")
        assert again.status == 303
        kept = (await house.api("GET", "/v1/apps/shop")).json
        assert (kept["name"], kept["description"], kept["contacts"]) == ("Mine", "Typed by me", ["a@acme.example"])

    played(work)


def test_a_mistake_in_a_field_is_said_there_and_the_rest_stays_typed() -> None:
    async def work(house: House) -> None:
        form = {"version": "1", "name": "Acme", "bundle_id": "com acme", "contacts": "x", "seen_name": "Shop"}
        refused = await house.send(f"{PAGES}/settings", **form)
        page = refused.body.decode()
        assert refused.status == 422
        assert 'value="Acme"' in page and 'value="com acme"' in page
        assert 'aria-invalid="true"' in page
        assert ("A bundle ID has letters" in page, "regex" in page) == (True, False)

    played(work)


def test_an_app_is_deleted_only_by_its_name_after_saying_what_goes() -> None:
    async def work(house: House) -> None:
        await house.api("POST", "/v1/apps/shop/callbacks", {"url": "https://acme.example/hook"})
        page = await house.see(f"{PAGES}/settings/delete")
        assert "1 callback" in page and "2 versions" in page
        wrong = await house.send(f"{PAGES}/settings/delete", name="Shop", version="1")
        assert (wrong.status, "Type shop to delete it; nothing was deleted." in text_of(wrong)) == (422, True)
        assert (await house.api("GET", "/v1/apps/shop")).status == 200
        done = await house.send(f"{PAGES}/settings/delete", name="shop", version="1")
        assert (done.status, done.headers["location"]) == (303, "/bin")
        assert (await house.api("GET", "/v1/apps/shop")).status == 404
        assert "Shop shop" in await house.see("/bin")
        assert "The bin is empty." in await house.see("/bin", "carol")
        assert (await house.send("/bin/shop", "carol")).status == 404
        assert (await house.send("/bin/shop")).status == 303
        assert (await house.api("GET", "/v1/apps/shop")).status == 200

    played(work)


def test_the_audit_is_searched_shown_before_and_after_verified_and_exported() -> None:
    async def work(house: House) -> None:
        await house.api("PATCH", "/v1/apps/shop", {"version": 1, "name": "Acme Shop"})
        await house.api("PATCH", "/v1/apps/shop", {"version": 2, "name": "X"}, "bob")
        page = await house.see("/audit")
        assert "bob was refused: changed the app shop forbidden" in page
        assert "name Shop → , then Acme Shop" in page
        found = await house.see("/audit?q=outcome:refused+app:shop")
        assert "bob" in found and "Acme Shop" not in found.partition("Proof")[0]
        assert "The chain holds. 2 entries follow from each other" in await house.see("/audit?verify=1")
        wrong = await house.ask("alice", "GET", "/audit?q=sinse:7d")
        assert (wrong.status, "There is no `sinse:`" in text_of(wrong)) == (422, True)
        assert 'value="sinse:7d"' in wrong.body.decode()
        assert "Nothing like that was ever done." in await house.see("/audit?q=needle")
        file = await house.ask("alice", "GET", "/audit/export?format=csv&q=actor:bob")
        assert file.headers["content-disposition"] == 'attachment; filename="audit-acme.csv"'
        assert file.body.decode().count("\n") == 2
        assert "acme" not in (await house.see("/audit?q=shop", "carol")).casefold().partition("proof")[0]

    played(work)


def test_whoever_has_one_environment_sees_its_history_and_settings_and_nothing_of_another() -> None:
    async def work(house: House) -> None:
        await sending(house, "ABC123DEFG")
        elsewhere = "/v1/apps/shop/sandbox/credentials"
        made = await house.api("POST", elsewhere, {"provider": "apns", "text": "S", "key_id": "SAND"})
        way = f"{elsewhere}/{made.json['credential']['id']}/activate"
        await house.api("POST", way, {"confirm": ["unproven"]})
        house.people["erik"] = await signed_in_here(house.scene, Role.VIEWER, LIVE)
        assert "Apple in Production nothing key ABC123DEFG" in await house.see(f"{PAGES}/history", "erik")
        assert "key ABC123DEFG" in await house.see(f"{PAGES}/history/2", "erik")
        assert "Save Ask Dana K." in await house.see(f"{PAGES}/settings", "erik")
        for page in ("history", "history/3", "history/1?to=3", "settings"):
            said = await house.see(f"{PAGES}/{page}", "erik")
            assert "SAND" not in said
            assert ("Version" in said) is (page != "settings")
        assert "SAND" in await house.see(f"{PAGES}/history/3")
        found = await house.see("/audit", "erik")
        assert "What was done in Shop, Production" in found and "sandbox" not in found.casefold()

    played(work)
