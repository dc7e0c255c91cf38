"""What holds of all pages together, and that what is looked for on each of them would be found."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from browser_fixtures import Open, World, browser, open_tab, world
from console_places import places
from looking_at import told
from product_fixtures import SLOW
from reading import wrong

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW
SPOILED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`#spoiled * { outline: none !important } .faint { color: #eee; background: #fff }
    .wide { width: 900px } .tiny { width: 9px; height: 9px; padding: 0 }
    .cut { width: 90px; overflow: hidden; white-space: nowrap } .busy { animation: busy 9s infinite }
    @keyframes busy { to { opacity: 0 } }`);
  document.adoptedStyleSheets = [sheet];
  document.querySelector("main").innerHTML = `<div id="spoiled"><h1>Oops, 84210 were sent at 10:30</h1>
    <button class="tiny"></button><button class="tiny"></button><p class="faint">Pale words</p><p class="wide">Wide</p>
    <p class="cut">Words that do not fit</p><p class="busy">Moving</p><a href="/apps" aria-current="true">Here</a>
    <table><tr><td>1</td></tr></table></div>`;
}"""


def test_no_two_pages_have_one_title(world: World) -> None:
    dana, titled = world.as_one_of_the_cast("dana"), defaultdict(list)
    for place in places(world.stage):
        headers = {"cookie": f"pushwarden={dana['pushwarden']}"} if place.signed_in else {}
        page = world.stage.client.get(world.stage.url + place.path, headers=headers).text
        titled[re.findall(r"<title>(.*?)</title>", page, re.DOTALL)[0]].append(place.path)
    assert {title: paths for title, paths in titled.items() if len(paths) > 1} == {}


def test_a_spoiled_page_breaks_every_claim(open_tab: Open) -> None:
    page = open_tab("/help").page
    page.evaluate(SPOILED)
    broken = told(page)
    assert {"words", "frame", "moving", "light", "dark", "narrow", "keyboard"} <= set(broken)
    assert {one.split(":")[0] for one in broken["light"]} >= {"button-name", "color-contrast", "target-size"}
    assert {one.split(" ")[0] for one in broken["words"]} == {"forbidden", "thousands", "a"}


@pytest.mark.parametrize(
    "text", ["84\u202f210 in 2026", "port :8600", "16.4.1120", "com.acme.12345", "Accepted by Apple", "v1234"]
)
def test_what_is_written_well_is_let_through(text: str) -> None:
    assert wrong([text]) == []
