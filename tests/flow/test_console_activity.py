"""The pages of what became of pushes: found, told, explained and sent again, over the real server."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from people import SignedIn, signed_in
from product_fixtures import SLOW, calm, device, script, send
from pushwarden.adapters.clock import SystemClock
from pushwarden.control.console.activity.asking import Asked
from pushwarden.control.console.activity.telling import again, answer_of, is_live, people, stages, steps, verdict
from pushwarden.control.console.render import Renderer
from pushwarden.control.console.static import Shelf
from pushwarden.core.principal import Permission, Role
from pushwarden.core.scope import Scope
from pushwarden.wiring.stage import Stage

__all__ = ["calm"]
NONE = dict.fromkeys(("accepted", "refused", "unknown", "expired", "stopped", "withdrawn"), 0)
SILENT = {"received": None, "opened": None}


def push(**said: Any) -> dict[str, Any]:
    return {"state": "done", "in_flight": 0, "planned": 1, **NONE, **said}


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"accepted": 1}, "accepted"),
        ({"refused": 3}, "refused"),
        ({"accepted": 99, "refused": 1}, "mostly"),
        ({"accepted": 9, "refused": 1}, "mixed"),
        ({"refused": 1, "unknown": 1}, "refused"),
        ({}, "nobody"),
        ({"state": "open"}, "queued"),
        ({"state": "open", "in_flight": 1}, "going"),
        ({"state": "held"}, "held"),
        ({"state": "discarding"}, "stopping"),
    ],
)
def test_a_push_has_one_word(said: dict[str, Any], word: str) -> None:
    assert verdict(push(**said)) == word


def test_what_nobody_reports_is_silent_and_never_none() -> None:
    at = "2026-11-22T08:00:00.000Z"
    story = push(accepted=1, confirm=False, reports=SILENT, accepted_at=at, handed_at=at, last_answer_at=at)
    assert [(one.id, one.mark) for one in steps(story)] == [
        ("queued", "done"), ("handed", "done"), ("answered", "done"), ("received", "silent"), ("opened", "silent"),
    ]  # fmt: skip


AT = "2026-11-22T08:00:00.000Z"
ANN = {
    "installation_id": "anns", "user": "ann", "provider": "apns", "called": "Apple", "outcome": "accepted",
    "status": 200, "reason": "", "title": "", "apns_id": "ab", "ms": 7, "reported": {},
}  # fmt: skip
WHOLE = {
    "id": "0" * 20, "app": "a", "environment": "production", "source": "api", "actor": "k", "type": "alert",
    "audience": "user ann", "title": "Hi", "estimated": 1, "pending": 0, "refusals": [], "accepted_at": AT,
    "handed_at": AT, "last_answer_at": AT, "finished_at": AT, "message": {"title": "Hi"}, "confirm": True,
    "reports": SILENT, "recipients": [ANN], "failures": [],
}  # fmt: skip
REFUSAL = {"reason": "Unregistered", "count": 1, "title": "Gone", "meaning": "The app was removed.", "action": "None."}
UNDER_WAY = {"state": "open", "handed_at": None, "last_answer_at": None, "finished_at": None, "planned": None}


@pytest.mark.parametrize(
    ("said", "words_of_it"),
    [
        ({"accepted": 1}, "Accepted by Apple."),
        ({"refused": 1, "refusals": [REFUSAL]}, "It is not sent again: this reason does not pass by waiting."),
        ({"refused": 1, "refusals": [REFUSAL | {"reason": "InternalServerError"}]}, "Send again…"),
        ({"unknown": 1, "recipients": []}, "Send again…"),
        ({"unknown": 1, "recipients": [], "type": "background"}, "and a background push must not come twice."),
        ({"accepted": 1, "recipients": [ANN | {"reported": {"received": AT}}]}, "Confirmed"),
        ({"refused": 1, "refusals": [REFUSAL]}, "Apple refused it. The app was removed."),
        ({"unknown": 1, "recipients": [ANN | {"outcome": "unknown", "status": 0}]}, "so it may have arrived"),
        ({"accepted": 99, "refused": 1, "planned": 100, "recipients": []}, "99 of 100"),
        ({"accepted": 9, "refused": 9, "planned": 18, "recipients": [], "refusals": [REFUSAL]}, "9 of 18 accepted."),
        ({"expired": 1}, "Expired."),
        ({"stopped": 1}, "Stopped."),
        ({"withdrawn": 1}, "Withdrawn."),
        ({"planned": 0, "estimated": 0, "recipients": []}, "Nobody was reached."),
        ({**UNDER_WAY, "in_flight": 1}, "waiting for the answer of Apple"),
        ({**UNDER_WAY}, "Queued."),
        ({**UNDER_WAY, "state": "held"}, "nothing of it is lost"),
        ({**UNDER_WAY, "state": "scheduled"}, "It goes out at its time."),
        ({**UNDER_WAY, "state": "discarding"}, "Being stopped."),
    ],
)
def test_every_state_of_a_push_is_told(said: dict[str, Any], words_of_it: str) -> None:
    story = push(**(WHOLE | said))
    context = {
        "visit": SimpleNamespace(base="/apps/a/production", may=lambda _: True), "Permission": Permission,
        "app": SimpleNamespace(bundle_id="x", android_package="y"), "environment": "production", "csrf": "c",
        "story": story, "word": verdict(story), "steps": steps(story), "live": is_live(story, 0),
        "funnel": stages(story), "people": people(story), "answer_of": answer_of, "device_path": str,
        "sent_by": "", "may_again": again(story),
    }  # fmt: skip
    text = Renderer(Shelf(), SystemClock()).render("activity/live.html", context)
    assert words_of_it in " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_links_of_other_pages_and_nonsense_are_understood() -> None:
    assert Asked.of({"outcome": "refused"}).api(0) == {"outcome": "refused"}
    assert Asked.of({"reason": "Unregistered"}).api(0) == {"reason": "Unregistered"}
    assert Asked.of({"show": "x", "range": "9y", "type": "x", "source": "x"}) == Asked()
    assert Asked.of({"range": "1h", "q": " a "}).api(3_600_001) == {"q": "a", "since": "1"}
    assert Asked(show="test", q="a b").address(before="c") == "?show=test&q=a+b&before=c"
    assert Asked(show="test", live="1").address(show="all", live="") == "?"


Get = Callable[..., httpx2.Response]


def visiting(stage: Stage, someone: SignedIn) -> Get:
    def ask(path: str, form: dict[str, Any] | None = None, **options: Any) -> httpx2.Response:
        headers = {"cookie": someone.cookie, **options.pop("headers", {})}
        if form is None:
            return stage.client.get(stage.url + path, headers=headers, **options)
        return stage.client.post(stage.url + path, headers=headers, data={"csrf": someone.csrf, **form}, **options)

    return ask


def words(answer: httpx2.Response) -> str:
    """The page's text."""
    assert answer.status_code == 200, answer.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def scene(stage: Stage, name: str) -> tuple[str, str, str]:
    """The app's API base, a push that was accepted, and one that was refused."""
    base = stage.make_app(name)
    device(stage, base, "anns-phone", "5e" * 32, user="ann")
    good = send(stage, base, {"user": "ann"}, "alert", title="Your order has left", confirm=True)
    stage.settled(base, good)
    with script(stage, {"do": "refuse", "status": 410, "reason": "Unregistered"}):
        bad = send(stage, base, {"user": "ann"}, "alert", title="It arrives today")
        stage.settled(base, bad)
    return base, good, bad


@SLOW
def test_pushes_are_found_and_one_is_told_stage_by_stage(calm: Stage) -> None:
    base, good, bad = scene(calm, "told")
    pages = base.removeprefix("/v1")
    see = visiting(calm, signed_in(calm, Role.VIEWER))
    listed = words(see(f"{pages}/activity"))
    assert "Your order has left" in listed
    assert "App removed or token old" in listed
    only = words(see(f"{pages}/activity?outcome=refused"))
    assert "It arrives today" in only
    assert "Your order has left" not in only
    assert "No push is like that" in words(see(f"{pages}/activity?q=nothing-of-it"))
    everywhere = words(see("/deliveries?app=told"))
    assert "Your order has left" in everywhere
    told = words(see(f"{pages}/activity/{good}"))
    for said in ("Accepted by Apple", "Handed over", "Not reported", "anns-phone", "HTTP/2 200", "apns-id"):
        assert said in told, said
    for said in ("POST https://", "apns-push-type: alert", '"title":"Your order has left"'):
        assert said in told, said
    kept = calm.call("GET", f"{base}/pushes/{good}/requests")["requests"][0]["body"]
    assert '"nonce":"…"' in kept and '"nonce":"…"' in told
    assert "5e" * 32 not in told
    refused = words(see(f"{pages}/activity/{bad}"))
    assert "Apple refused it" in refused
    assert '{"reason":"Unregistered"}' in refused
    rows = see(f"{pages}/activity/export?format=csv&show=refused")
    assert rows.headers["content-disposition"] == 'attachment; filename="told-simulated-pushes.csv"'
    assert len(rows.text.splitlines()) == 2


@SLOW
def test_each_filter_says_how_many_pushes_it_would_leave(calm: Stage) -> None:
    base, _, _ = scene(calm, "counted")
    pages = base.removeprefix("/v1")
    see = visiting(calm, signed_in(calm, Role.VIEWER))
    whole = words(see(f"{pages}/activity"))
    assert "All 2 On their way 0 Refused 1 No answer 0" in whole
    assert "Alert (2)" in whole
    assert "App removed or token old (1)" in whole
    narrowed = see(f"{pages}/activity?show=refused&type=alert&reason=Unregistered")
    assert 'value="Unregistered" selected' in narrowed.text
    assert "All 1 On their way 0 Refused 1" in words(narrowed)
    assert "No push expired in the last hour. That is good news." in words(
        see(f"{pages}/activity?show=expired&range=1h")
    )
    everywhere = see("/deliveries?app=counted&env=simulated")
    assert re.search(r'<option value="counted" selected>\S+ \(2\)', everywhere.text)
    only = visiting(calm, signed_in(calm, Role.VIEWER, Scope("default", "nothing-here")))
    assert "counted" not in only("/deliveries").text


@SLOW
def test_what_is_searched_for_is_offered_while_it_is_typed(calm: Stage) -> None:
    base, good, _ = scene(calm, "offered")
    pages = base.removeprefix("/v1")
    see = visiting(calm, signed_in(calm, Role.ADMIN))
    assert f'href="{pages}/devices/anns-phone"' in see("/search/offers?q=anns-phone").text
    assert f'href="{pages}/activity/{good}"' in see(f"/search/offers?q={good}").text
    assert f'href="{pages}/activity/{good}"' in see(f"/search/offers?q={apns_id(good)}").text
    assert "Stop pushes of Offered…" in words(see("/search/offers?q=stop%20off"))
    first = see("/search/offers?app=offered").text
    assert first.index("Send test push to Offered") < first.index("Resume…")
    assert "Nothing is called that" in words(see("/search/offers?q=zzzz"))
    elsewhere = visiting(calm, signed_in(calm, Role.VIEWER, Scope("default", "nothing-here")))
    for q in ("anns-phone", good, "offered"):
        assert "Nothing is called that" in words(elsewhere(f"/search/offers?q={q}"))


def apns_id(push: str) -> str:
    return "-".join((push[:8], push[8:12], push[12:16], push[16:], "0" * 12))


@SLOW
def test_a_push_names_the_key_that_sent_it_to_those_who_may_know(calm: Stage) -> None:
    base = calm.make_app("sent-by")
    device(calm, base, "anns-phone", "5f" * 32, user="ann")
    key = calm.call("POST", "/v1/keys", json={"name": "Order service", "kind": "send"})
    sent = calm.call(
        "POST", f"{base}/pushes", json={"to": {"user": "ann"}, "type": "alert", "title": "Hi"},
        headers={"authorization": f"Bearer {key['key']}"},
    )  # fmt: skip
    page = f"{base.removeprefix('/v1')}/activity/{sent['id']}"
    assert "From API, Order service, to user ann" in words(visiting(calm, signed_in(calm, Role.VIEWER))(page))
    own = visiting(calm, signed_in(calm, Role.VIEWER, Scope("default", "sent-by")))
    assert f"From API, key {key['view']['id']} , to user ann" in words(own(page))


@SLOW
def test_why_answers_for_a_device_and_keeps_what_was_typed(calm: Stage) -> None:
    base, good, bad = scene(calm, "asked-why")
    pages = base.removeprefix("/v1")
    see = visiting(calm, signed_in(calm, Role.VIEWER))
    assert "App removed or token old." in words(see(f"{pages}/activity/why?device=anns-phone&push={bad}"))
    assert "Accepted by Apple." in words(see(f"{pages}/activity/why?device={'5e' * 32}&push={good}"))
    assert "It arrives today" in words(see(f"{pages}/activity/why?device=anns-phone"))
    wrong = see(f"{pages}/activity/why?device=nobodys-phone&push={good}")
    assert wrong.status_code == 404
    assert "There is a problem" in wrong.text
    assert 'value="nobodys-phone"' in wrong.text
    assert f'value="{good}"' in wrong.text


@SLOW
def test_sending_again_says_first_to_how_many(calm: Stage) -> None:
    base, _, bad = scene(calm, "again")
    pages = base.removeprefix("/v1")
    operator = visiting(calm, signed_in(calm, Role.OPERATOR))
    assert "Nobody would get it." in words(operator(f"{pages}/activity/{bad}/again"))
    assert operator(f"{pages}/activity/{bad}/again", {}).status_code == 409
    viewer = visiting(calm, signed_in(calm, Role.VIEWER))
    assert viewer(f"{pages}/activity/{bad}/again").status_code == 403


@SLOW
def test_somebody_of_another_place_sees_none_of_it(calm: Stage) -> None:
    base, good, _ = scene(calm, "secret-pushes")
    pages = base.removeprefix("/v1")
    calm.make_app("elsewhere-pushes")
    own = Scope("default", "elsewhere-pushes")
    see = visiting(calm, signed_in(calm, Role.OPERATOR, own))
    for path in ("", f"/{good}", f"/{good}/live", f"/{good}/again", "/why?device=anns-phone", "/export"):
        assert see(f"{pages}/activity{path}").status_code == 404, path
    assert "Your order has left" not in words(see("/deliveries"))
    assert "Your order has left" not in see("/deliveries/export").text
