"""Pictures of every page on the told company, light and dark: `./dev screenshots [FOLDER] [--only WORD] [--states]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from playwright.sync_api import Browser

from browser_fixtures import World, opened
from chromium import Tab, chromium, tab
from console_places import Place, places, while_stopped
from console_states import STATES, furnished
from journeys import stop
from product_fixtures import close_stage

WIDTHS = {1440: 900, 1024: 768, 390: 844}
SCHEMES = ("light", "dark")


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("folder", nargs="?", type=Path, default=Path("screenshots"))
    wanted.add_argument("--only", default="", help="pages whose name has this word")
    wanted.add_argument("--width", type=int, default=0, help="one of the three widths alone")
    wanted.add_argument("--scheme", default="", help="light or dark alone")
    wanted.add_argument("--scale", type=float, default=1.0, help="of the company")
    wanted.add_argument(
        "--states", action="store_true", help="what was refused, stopped or is missing, in place of pages"
    )
    asked = wanted.parse_args()
    world = opened(asked.scale)
    try:
        with chromium() as browser:
            for name in (states if asked.states else taken)(browser, world, asked):
                print(name, flush=True)
    finally:
        close_stage(world.stage)


def taken(browser: Browser, world: World, asked: argparse.Namespace) -> Iterator[str]:
    """Ordinary pages first; then the same company while its shop is stopped."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    dana = world.as_one_of_the_cast("dana")
    for place in places(world.stage):
        yield from _shot(browser, world, place, asked, dana)
    with tab(browser, world.stage.url, cookies=dana) as opened_tab:
        stop(opened_tab.go("/apps/acme-shop/production/overview"), "Crash loop in 5.3")
    world.told_ms = sys.maxsize  # nothing goes out any more
    for place in while_stopped():
        yield from _shot(browser, world, place, asked, dana)


def states(browser: Browser, world: World, asked: argparse.Namespace) -> Iterator[str]:
    """Each at its own width."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    furnished(world)
    for state in STATES:
        if asked.only not in state.name:
            continue
        cookies = world.cookie(state.role, state.where) if state.role else {}
        for scheme in [asked.scheme] if asked.scheme else SCHEMES:
            with state.around(world), tab(browser, world.stage.url, width=state.width, height=WIDTHS[state.width],
                                          cookies=cookies, color_scheme=scheme) as opened_tab:  # fmt: skip
                state.do(opened_tab.go(state.path))
                yield _kept(opened_tab, asked.folder / f"state-{state.name}-{scheme}.png")


def _shot(
    browser: Browser, world: World, place: Place, asked: argparse.Namespace, dana: dict[str, str]
) -> Iterator[str]:
    if asked.only not in place.name:
        return
    world.go_on()
    for width in [asked.width] if asked.width else WIDTHS:
        for scheme in [asked.scheme] if asked.scheme else SCHEMES:
            cookies = dana if place.signed_in else {}
            with tab(browser, world.stage.url, width=width, height=WIDTHS[width], cookies=cookies,
                     color_scheme=scheme) as opened_tab:  # fmt: skip
                opened_tab.go(place.path)
                yield _kept(opened_tab, asked.folder / f"{place.name}-{width}-{scheme}.png")


def _kept(shown: Tab, file: Path) -> str:
    shown.page.wait_for_timeout(150)
    shown.page.screenshot(path=file, full_page=True)
    return " ".join([file.name, *shown.complaints])


if __name__ == "__main__":
    main()
