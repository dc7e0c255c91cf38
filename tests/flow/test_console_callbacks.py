"""Callbacks in the console: added, shown once, changed, given up and taken away, with nothing typed lost."""

from __future__ import annotations

import re

from test_console_history import PAGES, House, played, text_of

HERE = f"{PAGES}/settings/callbacks"
HOOK = "https://acme.example/hook"
ALL = "/v1/apps/shop/callbacks"


async def added(house: House) -> str:
    made = await house.api("POST", ALL, {"url": HOOK})
    name: str = made.json["callback"]["id"]
    return name


def test_a_callback_is_added_with_its_secret_shown_once() -> None:
    async def work(house: House) -> None:
        assert "Nothing is told to anybody yet." in await house.see(f"{PAGES}/settings")
        form = {"url": HOOK, "event": "push.finished", "environment": "sandbox", "enabled": "on"}
        made = await house.send(HERE, **form)
        assert made.status == 201
        assert re.search(r"whsec_[A-Za-z0-9+/=]+", text_of(made))
        (one,) = (await house.api("GET", ALL)).json["callbacks"]
        assert (one["url"], one["events"], one["environments"]) == (HOOK, ["push.finished"], ["sandbox"])
        assert "whsec_" not in await house.see(f"{HERE}/{one['id']}")
        assert HOOK in await house.see(f"{PAGES}/settings")

    played(work)


def test_what_is_wrong_with_an_address_is_said_beside_it_and_the_rest_stays() -> None:
    async def work(house: House) -> None:
        for url in ("", "http://acme.example/x", "ftp://acme.example", "https://acme example/x"):
            reply = await house.send(HERE, url=url, event="push.finished", enabled="on")
            assert (reply.status, "Enter the whole address" in text_of(reply)) == (422, True)
            assert re.search(r'value="push.finished" checked', reply.body.decode())
            assert not re.search(r'value="lane.held" checked', reply.body.decode())
        nothing = await house.send(HERE, url=HOOK, enabled="on")
        assert (nothing.status, "Choose at least one thing to tell." in text_of(nothing)) == (422, True)

    played(work)


def test_of_two_who_change_a_callback_at_once_the_later_is_told_and_keeps_what_was_typed() -> None:
    async def work(house: House) -> None:
        one = await added(house)
        await house.api("PATCH", f"{ALL}/{one}", {"version": 1, "enabled": False})
        form = {"url": f"{HOOK}/mine", "event": "push.finished", "enabled": "on"}
        late = await house.send(f"{HERE}/{one}", version="1", **form)
        assert (late.status, "Somebody changed this callback while you did" in text_of(late)) == (409, True)
        assert f'value="{HOOK}/mine"' in late.body.decode() and "is off" in text_of(late)
        done = await house.send(f"{HERE}/{one}", version="2", **form)
        assert done.status == 303
        assert (await house.api("GET", f"{ALL}/{one}")).json["url"] == f"{HOOK}/mine"

    played(work)


def test_a_new_secret_says_how_long_the_old_one_signs() -> None:
    async def work(house: House) -> None:
        one = await added(house)
        assert "For a day both secrets sign" in text_of(await house.send(f"{HERE}/{one}/secret", overlap="yes"))
        assert "Two secrets sign until" in await house.see(f"{HERE}/{one}")
        assert "The old secret signs nothing any more." in text_of(await house.send(f"{HERE}/{one}/secret"))

    played(work)


def test_a_test_is_sent_once_and_nothing_stuck_is_nothing_to_retry() -> None:
    async def work(house: House) -> None:
        one = await added(house)
        assert (await house.send(f"{HERE}/{one}/test")).status == 303
        twice = await house.send(f"{HERE}/{one}/test")
        assert (twice.status, "A test is under way already" in text_of(twice)) == (409, True)
        for form in ({}, {"skip": "yes"}):
            assert (await house.send(f"{HERE}/{one}/retry", **form)).status == 409

    played(work)


def test_a_deleted_callback_comes_back_from_history() -> None:
    async def work(house: House) -> None:
        one = await added(house)
        assert (await house.send(f"{HERE}/{one}/delete")).status == 303
        assert (await house.api("GET", ALL)).json["callbacks"] == []
        await house.send(f"{PAGES}/history/2/restore", version="3")
        assert [row["id"] for row in (await house.api("GET", ALL)).json["callbacks"]] == [one]

    played(work)


def test_who_may_only_look_changes_nothing_and_strangers_see_nothing() -> None:
    async def work(house: House) -> None:
        one = await added(house)
        page = await house.see(f"{HERE}/{one}", "bob")
        assert "Save Ask Dana K." in page and "Delete it" not in page and "Give it a new secret" not in page
        for way in ("", f"/{one}", f"/{one}/secret", f"/{one}/test", f"/{one}/retry", f"/{one}/delete"):
            assert (await house.send(HERE + way, "bob", url=HOOK)).status == 403
            assert not way or (await house.send(HERE + way, "carol", url=HOOK)).status == 404
        assert (await house.ask("carol", "GET", f"{HERE}/{one}")).status == 404
        settings = await house.see(f"{PAGES}/settings", "bob")
        assert "Delete Shop… Ask Dana K." in settings

    played(work)
