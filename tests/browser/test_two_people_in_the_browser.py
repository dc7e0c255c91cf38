"""Two people at the same settings in a real browser: both values are shown, and nothing that was typed is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser_fixtures import Open, World, browser, open_tab, world
from looking_at import told
from product_fixtures import SLOW
from pushwarden.core.principal import Role

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW


@pytest.mark.parametrize("scripts", [True, False])
def test_the_later_of_two_sees_both_values_and_keeps_what_was_typed(
    open_tab: Open, world: World, scripts: bool
) -> None:
    app = f"shared-{scripts}".lower()
    world.stage.call("POST", "/v1/apps", json={"id": app, "name": "Shared", "bundle_id": f"com.acme.{app}"})
    way = f"/apps/{app}/production/settings"
    mine = open_tab(way, Role.OPERATOR, java_script_enabled=scripts).page
    mine.get_by_label("Name", exact=True).fill("Mine")
    mine.get_by_label("Description").fill("Typed by me")
    theirs = open_tab(way, Role.ADMIN).page
    theirs.get_by_label("Name", exact=True).fill("Theirs")
    theirs.get_by_role("button", name="Save").click()
    expect(theirs.get_by_text("Saved.", exact=False).first).to_be_visible()
    mine.get_by_role("button", name="Save").click()
    clash = mine.get_by_role("alert").filter(has_text="Somebody changed this app while you did")
    expect(clash).to_contain_text("Theirs")
    expect(clash).to_contain_text("Mine")
    expect(mine.get_by_label("Description")).to_have_value("Typed by me")
    if scripts:
        expect(clash).to_be_focused()
        assert not told(mine)
    mine.get_by_role("button", name="Save").click()
    assert world.stage.call("GET", f"/v1/apps/{app}")["name"] == "Mine"
    assert world.stage.call("GET", f"/v1/apps/{app}")["description"] == "Typed by me"


def test_a_form_that_was_sent_is_not_sent_again_by_going_back(open_tab: Open, world: World) -> None:
    world.stage.call("POST", "/v1/apps", json={"id": "back", "name": "Back", "bundle_id": "com.acme.back"})
    page = open_tab("/apps/back/production/settings", Role.OPERATOR).page
    page.get_by_label("Name", exact=True).fill("Changed")
    page.get_by_role("button", name="Save").dblclick()
    expect(page.get_by_text("Saved.", exact=False).first).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
    versions = world.stage.call("GET", "/v1/apps/back/versions")["versions"]
    assert [one["action"] for one in versions] == ["app.change", "app.create"]
