"""The devices' pages as people use them: a mark and its undo, a list with its columns chosen, a device that comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser_fixtures import BASE, Open, World, browser, open_tab, world
from product_fixtures import SLOW, device
from pushwarden.core.principal import Role

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW


def test_a_device_is_marked_by_one_click_and_undone_by_another(open_tab: Open) -> None:
    page = open_tab(f"{BASE}/devices?q=tag:lang:fr", Role.OPERATOR).page
    row = page.locator("#list tbody tr").first
    name = row.locator("th").inner_text().strip()
    row.get_by_role("button").click()
    expect(page.locator(".toast", has_text="is a test device.")).to_be_visible()
    expect(page.locator("tr", has_text=name).get_by_role("button")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast", has_text="no test device any more")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_list_is_imported_with_and_without_scripts(
    open_tab: Open, world: World, tmp_path: Path, scripts: bool
) -> None:
    app = f"listed-{scripts}".lower()
    world.stage.call("POST", "/v1/apps", json={"id": app, "name": app, "bundle_id": "com.acme.listed"})
    file = tmp_path / "players.csv"
    lines = [f"{n:08x},player-{n},ios,{n}" for n in range(500)]
    file.write_text("\n".join(["Device Token,player_id,OS,score", *lines, "zz,player-x,ios,1", ""]))
    page = open_tab(f"/apps/{app}/production/devices/import", Role.OPERATOR, java_script_enabled=scripts).page
    page.get_by_label("File").set_input_files(file)
    if scripts:
        expect(page.locator("[data-column='score']")).to_have_value("")
        expect(page.get_by_role("row", name="player-4")).to_be_visible()
        page.locator("[data-column='score']").select_option("user")
        expect(page.get_by_role("row", name="player-4")).to_contain_text("4")
    page.get_by_role("button", name="Import into Production").click()
    expect(page.get_by_role("heading", name="500 devices imported.")).to_be_visible()
    expect(page.get_by_text("token must be 2 to 400 hexadecimal digits")).to_be_visible()
    (one,) = world.stage.call("GET", f"/v1/apps/{app}/production/devices?installation_id=player-7")["devices"]
    assert one["user"] == ("7" if scripts else "")


def test_the_first_device_appears_by_itself(open_tab: Open, world: World) -> None:
    world.stage.call("POST", "/v1/apps", json={"id": "first-one", "name": "First", "bundle_id": "com.acme.first"})
    base = "/v1/apps/first-one/sandbox"
    page = open_tab("/apps/first-one/sandbox/devices", Role.VIEWER).page
    expect(page.get_by_text("Listening…")).to_be_visible()
    device(world.stage, base, "danas-phone", "ab" * 32)
    expect(page.get_by_role("link", name="danas-phone")).to_be_visible()
