"""What pages look like when something was done, refused, stopped or is gone: states, beside the pages themselves."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from playwright.sync_api import Page, expect

from browser_fixtures import World, aside
from pushwarden.core.audit import AuditEntry
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables
from pushwarden.settings import Settings
from pushwarden.simulators.certificates import client_certificate
from pushwarden.wiring.stage import PROOF_SECONDS
from pushwarden.wiring.stores import stores_of

HOUSE, EMPTY = "second-house", "empty-house"
FRESH, HALTED, RISING, ENDED = "fresh", "halted", "rising", "ended"
_FURNISHED: set[str] = set()


@dataclass(frozen=True)
class State:
    """do: what a person does on the page before it is looked at. around: what else is so meanwhile."""

    name: str
    path: str
    do: Callable[[Page], object] = lambda page: None
    role: Role | None = Role.ADMIN
    house: str = HOUSE
    status: int = 200
    width: int = 1440
    around: Callable[[World], AbstractContextManager[object]] = nullcontext

    @property
    def where(self) -> Scope:
        return Scope(self.house)


# --- what a person does


def pressed(name: str, **fields: str) -> Callable[[Page], object]:
    """Types into the fields of these ids, presses the button, and waits for what is said of it."""

    def do(page: Page) -> None:
        for field, value in fields.items():
            page.locator(f"#{field.replace('_', '-')}").fill(value)
        page.locator("main").get_by_role("button", name=name).first.click()
        page.get_by_role("alert").first.wait_for()

    return do


def asked_to_stop(page: Page) -> None:
    page.get_by_role("banner").get_by_role("link", name="Stop pushes").click()
    page.get_by_role("alertdialog").wait_for()


def searching(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("fre")
    page.wait_for_timeout(600)


def opened_menu(selector: str) -> Callable[[Page], object]:
    def do(page: Page) -> None:
        page.locator(f"{selector} > summary").click()
        expect(page.locator(f"{selector} a").first).to_be_visible()

    return do


def every_detail(page: Page) -> None:
    page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")


def overtaken(page: Page) -> None:
    """Another tab saves the same settings first."""
    other = page.context.new_page()
    other.goto(page.url)
    for tab, words in ((other, "Theirs."), (page, "Mine.")):
        tab.locator("#f-description").fill(words)
        tab.get_by_role("button", name="Save").first.click()
        tab.wait_for_load_state()
    other.close()


def signed_out_meanwhile(page: Page) -> None:
    """The session ends while a form is filled in."""
    other = page.context.new_page()
    kept = [one for one in page.context.cookies() if one["name"] == "pushwarden"]
    other.goto(page.url.replace("/apps/new", "/profile"))
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_load_state()
    other.close()
    page.context.add_cookies(kept)  # type: ignore[arg-type]
    page.locator("#f-name").fill("Kept")
    page.locator("#f-bundle_id").fill("com.acme.kept")
    page.get_by_role("button", name="Create app").click()
    expect(page.get_by_text("What you typed is kept")).to_be_visible()


@contextmanager
def without_devices(world: World) -> Iterator[None]:
    """What nobody expects: a table of the store is gone for a moment."""
    with closing(sqlite3.connect(world.stage.data / "devices.db", timeout=20)) as file:
        file.execute("ALTER TABLE device RENAME TO device_away")
        try:
            yield
        finally:
            file.execute("ALTER TABLE device_away RENAME TO device")


# --- the table


def _of(app: str, *tabs: str, environment: str = "production") -> list[State]:
    return [State(f"{app}-{tab.replace('/', '-')}", f"/apps/{app}/{environment}/{tab}") for tab in tabs]


STOPPED = f"target={HALTED}/production"
STATES = (
    *(State(f"empty-{path.strip('/').replace('/', '-')}", path, house=EMPTY)
      for path in ("/apps", "/deliveries", "/audit", "/access", "/access/keys", "/system", "/bin")),
    State("empty-search", "/search?q=nothing-is-called-that", house=EMPTY),
    *_of(FRESH, "overview", "credentials", "devices", "send", "activity", "history", "settings", "start/credential"),
    State("fresh-filtered", f"/apps/{FRESH}/production/activity?outcome=refused"),
    *_of(HALTED, "overview", "send", "credentials", "settings"),
    State("halted-apps", "/apps"),
    State("halted-system", "/system"),
    State("halted-receipt", f"/stop/receipt?{STOPPED}"),
    State("halted-resume", f"/resume?{STOPPED}"),
    *_of(RISING, "overview", "activity"),
    *_of(ENDED, "overview", "credentials", environment="simulated"),
    State("stop-dialog", f"/apps/{FRESH}/production/overview", asked_to_stop),
    State("stop-dialog-narrow", f"/apps/{FRESH}/sandbox/overview", asked_to_stop, width=390),
    State("search-open", "/apps", searching),
    State("app-menu-open", f"/apps/{FRESH}/production/history", opened_menu(".bar details.switch")),
    State("narrow-menu-open", f"/apps/{FRESH}/production/settings", opened_menu(".more details"), width=390),
    State("narrow-app-menu-open", f"/apps/{FRESH}/production/history", opened_menu(".bar details.switch"), width=390),
    State("numbers-shown", "/apps/acme-shop/production/overview", every_detail, house="default"),
    State("credentials-shown", "/apps/acme-shop/production/credentials", every_detail, house="default"),
    State("refused-app", "/apps/new", pressed("Create app", f_name="")),
    State("refused-invitation", "/access/invite", pressed("Make the link", f_email="nobody")),
    State("refused-key", "/access/keys/new", pressed("Make the key", f_name="x", f_days="999")),
    State("refused-signin", "/signin", pressed("Sign in", f_email="a@b.example", f_password="wrong"), role=None),
    State("refused-resume", f"/resume?{STOPPED}", pressed("Resume")),
    State("conflict", f"/apps/{FRESH}/production/settings", overtaken),
    State("session-over", "/apps/new", signed_out_meanwhile, role=Role.OPERATOR),
    State("forbidden", "/access/keys/new", role=Role.VIEWER, status=403),
    State("not-found", "/apps/none/production/overview", status=404),
    State("no-such-page", "/nothing", status=404),
    State("no-such-page-for-strangers", "/nothing", role=None, status=404),
    State("no-such-form", "/signout", status=405),
    State("unexpected", "/apps/acme-shop/production/devices", house="default", status=500, around=without_devices),
)  # fmt: skip


def furnished(world: World) -> None:
    """The two organisations the states are looked at in: an empty one, and one with something in each state."""
    if str(world.stage.folder) in _FURNISHED:
        return
    _FURNISHED.add(str(world.stage.folder))
    for house, name in ((HOUSE, "Second House"), (EMPTY, "Empty House")):
        world.stage.call("POST", "/v1/organisations", json={"id": house, "name": name})
    call: Callable[..., Any] = partial(world.stage.call, headers={"pushwarden-organisation": HOUSE})
    for app in (FRESH, HALTED, RISING, ENDED):
        call("POST", "/v1/apps", json={"id": app, "name": app.title(), "bundle_id": f"com.acme.{app}"})
    for app in (HALTED, RISING):
        call("POST", "/v1/stop", json={"app": app, "environment": "production", "reason": "Crash loop in 5.3"})
    where = {"app": RISING, "environment": "production", "held": "discard"}
    call("POST", "/v1/resume", json={**where, "ramp": {"minutes": 10}})
    _expired(world, call)


def _expired(world: World, call: Callable[..., Any]) -> None:
    """A certificate in use whose last day is over: its dates are set back where they are kept."""
    base, topics = f"/v1/apps/{ENDED}/simulated/credentials", ((f"com.acme.{ENDED}", "app"),)
    certificate, key = client_certificate(world.stage.folder / "authority", topics[0][0], topics, days=9, age=356)
    body = {"content": base64.b64encode(certificate + key).decode(), "file_name": "aps_ended.pem"}
    made = call("POST", base, json=body, params={"wait": PROOF_SECONDS})["credential"]["id"]
    call("POST", f"{base}/{made}/activate")

    def work(tables: Tables) -> Changed[None]:
        one = tables.credentials.get(HOUSE, ENDED, made)
        assert one is not None
        tables.credentials.update(
            replace(one, facts={**one.facts, "not_after": one.facts["not_after"] - 12 * 86_400_000})
        )
        return Changed(None)

    async def set_back() -> None:
        stores = stores_of(Settings(data=world.stage.data), "test")
        try:
            await stores.catalog.change(AuditEntry(0, "test", "stage.credential", Scope(HOUSE, ENDED)), work)
        finally:
            await stores.close()

    aside(lambda: asyncio.run(set_back()))
