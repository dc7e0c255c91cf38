"""What a person does in the console, click by click, with what was on the screen then and when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from browser_fixtures import World, opened
from chromium import PATIENCE_MS, chromium, tab
from outcomes import timed
from product_fixtures import close_stage

LONG_MS = 60_000
MOST_CLICKS, MOST_MS = 9, 60_000
OUTCOMES = 10
TABS = ("overview", "credentials", "devices", "send", "activity", "history", "settings")


@dataclass(frozen=True)
class Step:
    """ms: since the journey began, once it was on the screen."""

    did: str
    saw: str
    ms: int


@dataclass
class Walk:
    """Counts clicks and typed fields on one page. A click waits for nothing but the element."""

    page: Page
    clicks: int = 0
    typed: int = 0
    steps: list[Step] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    @property
    def ms(self) -> int:
        """When the last step was on the screen."""
        return self.steps[-1].ms

    def click(self, what: Locator, did: str, saw: Locator) -> None:
        """saw: what then comes on the screen."""
        what.click()
        self.clicks += 1
        self.see(did, saw)

    def type(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)
        self.typed += 1

    def see(self, did: str, saw: Locator, patience: int = PATIENCE_MS) -> None:
        expect(saw.first).to_be_visible(timeout=patience)
        self.steps.append(Step(did, " ".join(saw.first.inner_text().split())[:90], self._now()))

    def _now(self) -> int:
        return round((time.perf_counter() - self.began) * 1000)


def onboard(page: Page, name: str) -> Walk:
    """From the list of apps to the first push shown by the simulated phone."""
    walk, heading = Walk(page), lambda words: page.get_by_role("heading", name=words)
    walk.click(page.get_by_role("link", name="Create app"), "Create app", heading("Create app"))
    walk.type("Name", name)
    walk.type("Bundle ID (iPhone and iPad)", f"com.example.{name.lower().replace(' ', '')}")
    walk.click(
        page.get_by_role("button", name="Create app"), "Name and bundle ID, Create app", heading("Let Apple know us")
    )
    phone = page.get_by_role("button", name="Use the simulated phone instead")
    walk.click(phone, "Use the simulated phone instead", heading("Send the first push"))
    send = page.get_by_role("button", name="Send to 1 device, Simulated")
    walk.click(send, "Send to 1 device, Simulated", page.get_by_text("Queued").first)
    walk.see("Accepted", page.get_by_text("Accepted by the simulated Apple"), LONG_MS)
    walk.see("On the phone", page.get_by_text("Shown by the simulated phone"), LONG_MS)
    walk.click(page.get_by_role("link", name="Yes, finish"), "Yes, finish", page.get_by_role("heading", name=name))
    return walk


def stop(page: Page, reason: str = "") -> Walk:
    """From any page of an app to the receipt; its time counts from the click that stops."""
    walk = Walk(page)
    question = page.get_by_role("heading", name="Stop pushes for").first
    walk.click(page.get_by_role("link", name="Stop pushes"), "Stop pushes", question)
    if reason:
        walk.type("Reason", reason)
    walk.began = time.perf_counter()
    walk.click(page.get_by_role("button", name="Stop now"), "Stop now", page.get_by_text("In effect on"))
    return walk


def measured(stops: int) -> dict[str, Any]:
    """Both ways on the told company: clicks, seconds and what was seen, and the stop from every tab in turn."""
    world = opened(0.1)
    try:
        with chromium() as browser, _signed_in(browser, world) as page:
            page.goto(f"{world.stage.url}/apps")
            first = onboard(page, "Corner Shop")
            outcome = timed(world, page, OUTCOMES)
            walks = [_stopped(world, page, TABS[number % len(TABS)]) for number in range(stops)]
    finally:
        close_stage(world.stage)
    times = sorted(walk.steps[-1].ms for walk in walks)
    return {
        "name": "console",
        "ok": first.clicks <= MOST_CLICKS and first.ms <= MOST_MS and all(walk.clicks == 2 for walk in walks),
        "first_push": {"clicks": first.clicks, "typed": first.typed, "seconds": first.ms / 1000, "steps": _said(first)},
        "outcome": outcome,
        "stop": {"clicks": 2, "receipt_p50_ms": times[len(times) // 2], "receipt_p100_ms": times[-1], "stops": stops,
                 "steps": _said(walks[0])},
    }  # fmt: skip


def _stopped(world: World, page: Page, tab: str) -> Walk:
    """Resumed again afterwards."""
    page.goto(f"{world.stage.url}/apps/acme-drivers/production/{tab}")
    walk = stop(page)
    where = {"app": "acme-drivers", "environment": "production"}
    world.stage.call("POST", "/v1/resume", json={**where, "held": "discard"})
    return walk


@contextmanager
def _signed_in(browser: Browser, world: World) -> Iterator[Page]:
    with tab(browser, world.stage.url, cookies=world.as_one_of_the_cast("dana")) as opened_tab:
        yield opened_tab.page


def _said(walk: Walk) -> list[dict[str, Any]]:
    return [asdict(step) for step in walk.steps]
