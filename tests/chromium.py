"""A real browser at a real console. Nothing leaves this machine; what a page complains of is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from real import absent, find, need

AXE = Path(__file__).resolve().parent.parent / "assets/node_modules/axe-core/axe.min.js"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip
REFUSED = "Failed to load resource: the server responded with a status of 4"
"""What Chromium says of a page that answers 4xx on purpose."""
PATIENCE_MS = 20_000
MORE_RULES = {"target-size": {"enabled": True}}
"""Of WCAG 2.2 AA, and off by itself. All others of 2.0 to 2.2 A and AA and of good practice are on."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium without its windows, which cost a new profile most of its time. Skips where there is none."""
    program = find("chromium-headless-shell") or need("chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """One page of a fresh profile. complaints: errors of scripts, refused loads, requests to elsewhere.

    status: of the document opened last.
    """

    url: str
    page: Page
    complaints: list[str] = field(default_factory=list)
    status: int = 0

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", self._asked)
        self.page.set_default_timeout(PATIENCE_MS)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not self._meant(message):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _meant(self, message: ConsoleMessage) -> bool:
        return message.text.startswith(REFUSED) and "/static/" not in message.location.get("url", "")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def go(self, path: str) -> Page:
        """Opens a page of the console; its document is there, its streams may go on."""
        answer = self.page.goto(self.url + path, wait_until="load")
        self.status = answer.status if answer else 0
        return self.page

    def forgive(self, status: int) -> None:
        """That the document was answered with this status was meant so."""
        self.complaints = [one for one in self.complaints if f"a status of {status} " not in one]

    def axe(self, *rules: str) -> list[str]:
        """What axe finds, one sentence each; rules: only these."""
        return violations(self.page, *rules)


@contextmanager
def tab(
    browser: Browser, url: str, *, width: int = 1440, height: int = 900, cookies: dict[str, str] | None = None,
    **options: Any,
) -> Iterator[Tab]:  # fmt: skip
    """A fresh profile. options: playwright's of a context (color_scheme, java_script_enabled, forced_colors, …)."""
    viewport = {"width": width, "height": height}
    context: BrowserContext = browser.new_context(viewport=viewport, reduced_motion="reduce", **options)
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in (cookies or {}).items()])
    try:
        yield Tab(url, context.new_page())
    finally:
        context.close()


def violations(page: Page, *rules: str) -> list[str]:
    """axe-core's findings on the page as it is now."""
    if not AXE.is_file():
        absent("axe-core is not here: run ./dev setup")
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text() + "\n;0")
    wanted = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {"rules": MORE_RULES}
    found = page.evaluate(
        "options => axe.run(document, options)", {"resultTypes": ["violations"], "preload": False, **wanted}
    )
    return [_sentence(one, node) for one in found["violations"] for node in one["nodes"]]


def _sentence(rule: dict[str, Any], node: dict[str, Any]) -> str:
    why = node["failureSummary"].splitlines()[-1].strip()
    return f"{rule['id']}: {node['target'][0]} {node['html'][:160]} {why}"
