"""How soon after the provider's answer a test push's outcome stands on the screen, in a real browser."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from browser_fixtures import World

PATIENCE_MS = 60_000
APP = "timed-outcomes"
WATCH = """() => {
  const told = () => document.querySelector("#outcome .lead")?.textContent.match(/Accepted by|Shown by/);
  const look = () => { if (told()) { window.toldAt = Date.now(); watch.disconnect(); } };
  const watch = new MutationObserver(look);
  watch.observe(document, { childList: true, subtree: true, characterData: true });
}"""
"""Notes when the page first says what the provider answered."""


def timed(world: World, page: Page, pushes: int) -> dict[str, Any]:
    """Milliseconds from the answer, as the sender noted it, to the words on the page; both by this machine's clock."""
    base = _app(world)
    page.add_init_script(f"({WATCH})()")
    times = sorted(_one(world, page, base) for _ in range(pushes))
    return {"pushes": pushes, "on_screen_p50_ms": times[len(times) // 2], "on_screen_p100_ms": times[-1]}


def _app(world: World) -> str:
    world.stage.call("POST", "/v1/apps", json={"id": APP, "name": "Timed", "bundle_id": "com.acme.timed"})
    base = f"/v1/apps/{APP}/simulated"
    world.stage.call("POST", f"{base}/credentials/simulated", json={"provider": "apns"})
    world.stage.call("POST", f"{base}/phones", json={"provider": "apns"})
    return base


def _one(world: World, page: Page, base: str) -> int:
    page.goto(f"{world.stage.url}{base.removeprefix('/v1')}/send")
    page.get_by_role("button", name="Send to 1 device, Simulated").click()
    expect(page.locator("#outcome .lead")).to_contain_text("Shown by", timeout=PATIENCE_MS)
    (push,) = parse_qs(urlsplit(page.url).query)["push"]
    answered = world.stage.call("GET", f"{base}/pushes/{push}/story")["last_answer_at"]
    at = round(datetime.fromisoformat(answered).timestamp() * 1000)
    return int(page.evaluate("() => window.toldAt")) - at
