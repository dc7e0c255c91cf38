"""The pages that open with a verdict: all apps, and one; for who may see them, in words, with the numbers behind."""

from __future__ import annotations

import time
from typing import Any

import httpx2

from people import SignedIn, signed_in
from product_fixtures import SLOW, calm, device, until
from pushwarden.core.principal import Role
from pushwarden.core.scope import Scope
from pushwarden.core.verdict import LOOKS
from pushwarden.wiring.stage import Stage

__all__ = ["calm"]


def see(stage: Stage, someone: SignedIn, path: str, **options: Any) -> httpx2.Response:
    headers = {"cookie": someone.cookie, **options.pop("headers", {})}
    return stage.client.get(stage.url + path, headers=headers, **options)


@SLOW
def test_a_new_app_says_what_to_do_first_and_draws_no_line_of_nothing(calm: Stage) -> None:
    calm.call("POST", "/v1/apps", json={"id": "brand-new", "name": "Brand New", "bundle_id": "com.acme.new"})
    vera = signed_in(calm, Role.VIEWER)
    until(lambda: see(calm, vera, "/apps/brand-new/production/overview").status_code == 200, "the app is known")
    text = see(calm, vera, "/apps/brand-new/production/overview").text
    assert "Not set up yet." in text
    assert "1 of 4 done" in text
    assert "No pushes in this period" in text
    assert "No credential: nothing can be sent there." in text


@SLOW
def test_a_push_that_was_accepted_shows_on_every_page_that_counts(calm: Stage) -> None:
    base = calm.make_app("counted-app")
    device(calm, base, "phone-1", "ab" * 32)
    body = {"to": {"device": "phone-1"}, "type": "alert", "title": "Hello"}
    calm.call("POST", f"{base}/pushes", json=body)
    vera = signed_in(calm, Role.VIEWER)
    pages = base.removeprefix("/v1") + "/overview"
    until(lambda: "Working." in see(calm, vera, pages + "/now").text, "the verdict says it works")
    now, whole = see(calm, vera, pages + "/now").text, see(calm, vera, pages + "?range=1h").text
    assert "<html" not in now
    assert "Apple accepts our pushes: 100" in now
    assert "accepted a minute" in whole
    assert "Last accepted" in whole
    assert "app: counted-app" in whole
    row = (
        see(calm, vera, "/apps")
        .text.partition("<tbody>")[2]
        .partition("/apps/counted-app/simulated/overview")[2]
        .partition("</tr>")[0]
    )
    assert "Working" in row


@SLOW
def test_a_push_that_waits_for_its_time_is_among_the_next_sends_and_devices_stand_beside_their_tab(calm: Stage) -> None:
    base = calm.make_app("later-app")
    device(calm, base, "phone-1", "cd" * 32)
    vera, page = signed_in(calm, Role.VIEWER), base.removeprefix("/v1") + "/overview"
    assert "No push waits for its time." in see(calm, vera, page).text
    body = {"to": {"device": "phone-1"}, "title": "Evening offer", "not_before": time.time() + 3600}
    calm.call("POST", f"{base}/pushes", json=body)
    until(lambda: "Evening offer" in see(calm, vera, page).text, "the push is read")
    text = see(calm, vera, page).text
    assert "1 device" in text.partition("Evening offer")[2].partition("</tr>")[0]
    until(lambda: '<span class="count">1</span>' in see(calm, vera, page).text, "devices are counted")


@SLOW
def test_a_range_that_is_none_is_a_day_and_every_range_is_drawn(calm: Stage) -> None:
    base = calm.make_app("ranged-app").removeprefix("/v1") + "/overview"
    vera = signed_in(calm, Role.VIEWER)
    for range_, words in (("1h", "the last hour"), ("7d", "the last 7 days"), ("x", "the last 24 hours")):
        assert words in see(calm, vera, f"{base}?range={range_}").text


@SLOW
def test_somebody_of_another_organisation_finds_no_app_and_is_told_how_to_begin(calm: Stage) -> None:
    calm.make_app("not-carols")
    calm.call("POST", "/v1/organisations", json={"id": "care-house", "name": "Care House"})
    carol = signed_in(calm, Role.ADMIN, Scope("care-house"))
    assert see(calm, carol, "/apps/not-carols/production/overview").status_code == 404
    assert see(calm, carol, "/apps/not-carols/production/overview/now").status_code == 404
    text = see(calm, carol, "/apps").text
    assert "No apps yet." in text
    assert "not-carols" not in text.lower()


@SLOW
def test_the_filter_of_apps_says_what_is_good_news(calm: Stage) -> None:
    calm.make_app("filtered-app")
    vera = signed_in(calm, Role.VIEWER)
    assert "Nothing is stopped." in see(calm, vera, "/apps?show=stopped").text
    assert "filtered-app" in see(calm, vera, "/apps?show=sandbox").text
    assert "filtered-app" in see(calm, vera, "/apps?show=nonsense").text


@SLOW
def test_of_very_many_apps_a_page_shows_the_first_and_leads_to_the_others(calm: Stage) -> None:
    calm.call("POST", "/v1/organisations", json={"id": "many-house", "name": "Many House"})
    for number in range(31):
        body = {"id": f"many-{number:02}", "name": f"Many {number:02}", "bundle_id": f"com.many.a{number}"}
        calm.call("POST", "/v1/apps", json=body, headers={"pushwarden-organisation": "many-house"})
    mona = signed_in(calm, Role.VIEWER, Scope("many-house"))
    until(lambda: "Many 30" in see(calm, mona, "/apps?all=1").text, "the last one is known")
    first = see(calm, mona, "/apps").text.partition("<tbody>")[2]
    assert "Many 29" in first
    assert "Many 30" not in first
    assert "Show the other 2" in first
    assert "Show the other" not in see(calm, mona, "/apps?all=1").text


@SLOW
def test_system_opens_with_a_sentence_and_shows_the_machine_to_who_runs_it_only(calm: Stage) -> None:
    vera, root = signed_in(calm, Role.VIEWER), signed_in(calm, Role.ADMIN, Scope())
    until(lambda: "Running." in see(calm, vera, "/system").text, "senders are seen")
    narrow, whole = see(calm, vera, "/system").text, see(calm, root, "/system").text
    assert "sender-urgent" in narrow
    assert "PUSHWARDEN_DATA" not in narrow
    assert "PUSHWARDEN_DATA" in whole
    assert "No backup was taken from here yet" in whole
    assert see(calm, vera, "/system/bundle").status_code in (403, 404)


@SLOW
def test_help_explains_every_state_and_what_to_press_first(calm: Stage) -> None:
    text = see(calm, signed_in(calm, Role.AUDITOR), "/help").text
    assert "Press <b>Stop pushes</b>" in text
    for look in LOOKS.values():
        assert look.word in text


@SLOW
def test_the_api_is_there_to_read_for_whom_help_sends_to_it(calm: Stage) -> None:
    vera = signed_in(calm, Role.VIEWER)
    assert 'href="/help/api"' in see(calm, vera, "/help").text
    text = see(calm, vera, "/help/api").text
    for path in calm.call("GET", "/openapi.json")["paths"]:
        assert f" {path}<" in text
