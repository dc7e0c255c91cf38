"""A test push as form and as JSON, and what is looked at before it goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushwarden.control.console.form import Form
from pushwarden.control.console.send.before import judged
from pushwarden.control.console.send.compose import Draft, as_form, as_json, marks, provider_of, repeated, request
from pushwarden.control.console.send.outcome import outcome

FULL = Draft(
    to="device", device="d1", type="alert", title="Hi", body="There", sound="default", badge="3", link="/a", ttl="60",
    collapse_id="c", data='{"n": 1}', credential="c1",
)  # fmt: skip
BODY = {
    "to": {"device": "d1"}, "type": "alert", "title": "Hi", "body": "There", "sound": "default", "link": "/a",
    "collapse_id": "c", "credential": "c1", "badge": 3, "ttl": 60, "data": {"n": 1},
}  # fmt: skip
BEGAN = 1_800_000_000_000


def test_the_form_is_the_request_the_api_takes() -> None:
    assert request(FULL) == (BODY, {})


@pytest.mark.parametrize(
    ("changes", "to"),
    [
        ({"to": "token", "token": "ab cd\n"}, {"tokens": ["abcd"], "provider": "apns"}),
        ({"to": "token", "token": "xyz:APA91b"}, {"tokens": ["xyz:APA91b"], "provider": "fcm"}),
        ({"to": "audience", "tags": "beta"}, {"tags": "beta"}),
        ({"to": "audience"}, {"all": True}),
    ],
)
def test_each_way_to_name_somebody_is_one_of_the_apis(changes: dict[str, str], to: dict[str, Any]) -> None:
    assert request(Draft(**changes))[0]["to"] == to


def test_form_and_json_turn_into_each_other_and_nothing_is_lost() -> None:
    shown = as_json(FULL)
    assert json.loads(shown.json) == BODY
    back, wrong = as_form(shown)
    assert (request(back), wrong) == ((BODY, {}), {})
    more = Draft(mode="json", json=json.dumps(BODY | {"apns": {"aps": {"alert": {"title-loc-key": "K"}}}}))
    kept, _ = as_form(more)
    assert request(kept)[0]["apns"] == {"aps": {"alert": {"title-loc-key": "K"}}}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"device": ""}, {"device": "device_missing"}),
        ({"to": "token"}, {"token": "token_missing"}),
        ({"device": "d", "badge": "many"}, {"badge": "number"}),
        ({"device": "d", "data": "[1]"}, {"data": "object"}),
        ({"mode": "json", "json": "[]"}, {"json": "json_object"}),
    ],
)
def test_what_is_wrong_is_named_by_its_field(changes: dict[str, str], wrong: dict[str, str]) -> None:
    assert request(Draft(**changes))[1] == wrong


def test_a_push_that_was_sent_becomes_a_draft_of_the_same() -> None:
    message = {"title": "Hi", "subtitle": "Ho", "badge": 3, "data": {"n": 1}, "overrides": {"apns": {"aps": {"x": 1}}}}
    account = {"message": message, "type": "background", "collapse_id": "c"}
    body, wrong = request(repeated(account, "d1"))
    assert not wrong
    assert body == {
        "to": {"device": "d1"}, "type": "background", "subtitle": "Ho", "badge": 3, "data": {"n": 1},
        "apns": {"aps": {"x": 1}}, "collapse_id": "c",
    }  # fmt: skip


def test_only_pushes_to_one_are_marked_as_tests() -> None:
    assert marks({"to": {"device": "d"}})["test"] and marks({"to": {"tokens": ["ab"]}})["test"]
    assert not any(marks({"to": to})["test"] for to in ({"all": True}, {"tags": "beta"}, None))


def test_json_that_cannot_be_read_says_where() -> None:
    _, wrong = request(Draft(mode="json", json='{"to":'))
    assert wrong["json"].startswith("json_unread:") and "line 1 column" in wrong["json"]


def test_a_silent_push_says_nothing_though_texts_were_typed() -> None:
    body, _ = request(Draft(device="d", type="background", title="Hi", sound="default"))
    assert body == {"to": {"device": "d"}, "type": "background"}


def test_a_draft_reads_what_a_browser_sends() -> None:
    assert Draft.of(Form({"to": ["token"], "token": ["ab"], "sound": [""]})) == Draft(to="token", token="ab", sound="")
    assert provider_of("<ab cd>".replace(" ", "")) == "apns"


def test_a_preview_becomes_sentences_and_a_stop_forbids() -> None:
    headers = {"apns-push-type": "alert", "apns-priority": "10"}
    preview = {
        "estimated": 1,
        "warnings": [],
        "requests": [{"body_bytes": 312, "limit_bytes": 4096, "headers": headers}],
    }
    before = judged(preview)
    assert before.ready and [one.id for one in before.seen] == ["credential", "reach", "size", "kind", "running"]
    stopped = judged(preview | {"warnings": ["Sending is stopped here: this push would be refused or held."]})
    assert not stopped.ready
    assert not judged(preview | {"estimated": 0}).ready
    assert judged(preview | {"estimated": 10_001}).large and not judged(preview | {"estimated": 10_000}).large


def told(**changes: Any) -> dict[str, Any]:
    fates = dict.fromkeys(("accepted", "refused", "unknown", "expired", "stopped", "withdrawn"), 0)
    return {
        "state": "open", "in_flight": 0, "estimated": 1, "refusals": [], "reports": {"received": None},
        "accepted_at": BEGAN, **fates, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "verdict", "states", "live"),
    [
        ({}, "queued", ["done", "wait", "later", "later"], True),
        ({"in_flight": 1}, "handed", ["done", "done", "wait", "later"], True),
        ({"state": "held"}, "held", ["done", "wait", "later", "later"], True),
        (
            {"state": "done", "accepted": 1, "finished_at": BEGAN + 200},
            "accepted",
            ["done", "done", "done", "wait"],
            True,
        ),
        ({"state": "done", "refused": 1}, "refused", ["done", "done", "bad", "later"], False),
        ({"state": "done", "unknown": 1}, "unknown", ["done", "done", "bad", "later"], False),
        ({"state": "done", "expired": 1}, "expired", ["done", "later", "later", "later"], False),
        ({"state": "done"}, "nobody", ["done", "later", "later", "later"], False),
    ],
)
def test_an_account_of_a_push_becomes_stages(
    changes: dict[str, Any], verdict: str, states: list[str], live: bool
) -> None:
    found = outcome(told(**changes), "apns", None, BEGAN + 300)
    assert (found.id, [one.state for one in found.stages], found.live) == (verdict, states, live)


def test_what_nobody_reported_is_told_as_not_reported_and_no_longer_waited_for() -> None:
    push = told(state="done", accepted=1, finished_at=BEGAN + 200)
    found = outcome(push, "apns", None, BEGAN + 50_000)
    assert (found.id, found.stages[-1].state, found.live, found.watched) == ("accepted", "silent", False, True)
    assert not outcome(push, "apns", None, BEGAN + 61_000).watched


def test_what_nobody_takes_or_answers_is_told_as_waiting_and_turns_no_wheel_for_ever() -> None:
    for changes, verdict in (({}, "queued"), ({"in_flight": 1}, "handed")):
        soon, later = (outcome(told(**changes), "apns", None, BEGAN + ms) for ms in (9_000, 10_001))
        assert (soon.id, soon.slow, later.id, later.slow) == (verdict, False, verdict, True)
        assert later.live
    due = told(not_before="2027-01-15T08:00:30+00:00")
    assert not outcome(due, "apns", None, BEGAN + 31_000).slow


def test_the_devices_own_word_and_the_simulated_phones_screen_confirm() -> None:
    push = told(state="done", accepted=1, last_answer_at=BEGAN + 187)
    shown = outcome(push, "apns", {"at": BEGAN + 250, "title": "Hi"}, BEGAN + 300)
    assert (shown.id, shown.stages[-1].after, shown.stages[2].after) == ("confirmed", 250, 187)
    said = outcome(push | {"reports": {"received": {"first_ms": 940}}}, "apns", None, BEGAN + 300)
    assert (said.id, said.confirmed_after, said.live, said.watched) == ("confirmed", 940, False, False)
    tapped = push | {"reports": {"received": {"first_ms": 940}, "opened": {"first_ms": 3000}}}
    opened = outcome(tapped, "apns", None, BEGAN + 4000)
    assert (opened.stages[-1].id, opened.stages[-1].after) == ("opened", 3000)
