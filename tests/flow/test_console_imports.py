"""A list of devices from the page: by the form alone, tried first, told line by line; and tabs that promise nothing."""

from __future__ import annotations

import pytest
from test_console_devices import Get, visiting

from people import signed_in
from product_fixtures import SLOW, calm, device
from pushwarden.core.principal import Role
from pushwarden.wiring.stage import Stage

__all__ = ["calm"]
pytestmark = SLOW
LIST = b"Device Token,player_id,OS\n5eed5eed,phone-1,ios\nzz,phone-2,ios\ncXq3:APA91b,phone-3,android\n"


@pytest.fixture
def see(calm: Stage) -> Get:
    return visiting(calm, signed_in(calm, Role.OPERATOR))


def send(stage: Stage, pages: str, content: bytes, name: str = "list.csv", **query: str) -> str:
    """Where the form leads to."""
    omar = signed_in(stage, Role.OPERATOR)
    answer = stage.client.post(
        f"{stage.url}{pages}/devices/import", params={"csrf": omar.csrf, **query}, headers={"cookie": omar.cookie},
        files={"file": (name, content)},
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_another_services_list_is_tried_and_then_taken_without_a_script(calm: Stage, see: Get) -> None:
    pages = calm.make_app("imports-page").removeprefix("/v1")
    tried = see(send(calm, pages, LIST, dry_run="1")).text
    assert "2 devices would be taken." in tried
    assert "1 line would be refused" in tried
    assert calm.call("GET", f"/v1{pages}/devices")["devices"] == []
    there = send(calm, pages, LIST)
    done = see(there).text
    assert "2 devices imported." in done
    assert "token must be 2 to 400 hexadecimal digits" in done
    file = see(f"{there}/errors")
    assert (file.headers["content-type"].partition(";")[0], len(file.text.splitlines())) == ("text/csv", 2)
    assert len(calm.call("GET", f"/v1{pages}/devices")["devices"]) == 2
    assert "Last imports" in see(f"{pages}/devices/import").text
    removed = see(f"{there}/remove", {})
    assert (removed.status_code, removed.headers["location"]) == (303, f"{pages}/devices/import")
    assert see(there).status_code == 404
    assert there not in see(f"{pages}/devices/import").text
    assert len(calm.call("GET", f"/v1{pages}/devices")["devices"]) == 2


def test_a_file_of_the_wrong_kind_is_told_on_its_own_page_and_changes_nothing(calm: Stage, see: Get) -> None:
    pages = calm.make_app("imports-wrong").removeprefix("/v1")
    for content, name in ((b"\x89PNG\r\n\x1a\n" + bytes(500), "photo.png"), (b"colour,shape\nred,round\n", "x.csv")):
        text = see(send(calm, pages, content, name)).text
        assert "The list was not taken." in text
        assert "Nothing was written." in text
    omar = signed_in(calm, Role.OPERATOR)
    empty = calm.client.post(
        f"{calm.url}{pages}/devices/import", params={"csrf": omar.csrf}, headers={"cookie": omar.cookie},
        files={"file": ("", b"")},
    )  # fmt: skip
    assert (empty.status_code, "There is a problem" in empty.text) == (422, True)
    stranger = calm.client.post(
        f"{calm.url}{pages}/devices/import", headers={"cookie": omar.cookie}, files={"file": ("a.csv", LIST)}
    )
    assert stranger.status_code == 403
    assert calm.call("GET", f"/v1{pages}/devices")["devices"] == []


def test_the_first_lines_are_shown_before_anything_is_sent(calm: Stage) -> None:
    pages = calm.make_app("imports-shown").removeprefix("/v1")
    omar = signed_in(calm, Role.OPERATOR)
    shown = calm.client.post(
        f"{calm.url}{pages}/devices/import/preview", params={"csrf": omar.csrf, "name": "list.csv"},
        headers={"cookie": omar.cookie, "content-type": "application/octet-stream"}, content=LIST,
    ).text  # fmt: skip
    assert 'data-column="Device Token"' in shown
    assert "phone-3" in shown
    assert "Line 3:" in shown
    assert "<html" not in shown


def test_tabs_of_what_is_to_come_say_what_works_today_and_have_no_dead_button(calm: Stage, see: Get) -> None:
    base = calm.make_app("later-on")
    pages = base.removeprefix("/v1")
    for tab in ("schedules", "guard", "calls"):
        text = see(f"{pages}/{tab}").text
        assert "What works today" in text or "What guards every send today" in text
        assert "What this page will hold" in text
        assert "<button" not in text.partition("<main")[2].partition("</main>")[0].replace("data-copy", "").replace(
            '<button class="btn" type="button" ="one">', ""
        )
    assert "No device waits for calls" in see(f"{pages}/calls").text
    device(calm, base, "ringing", "ab" * 32, token_kind="voip")
    assert "1 device can be called" in see(f"{pages}/calls").text
