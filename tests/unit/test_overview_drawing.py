"""What the overview makes of a series: rates, marks, tiles, reasons; and what the list of apps says needs somebody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from types import SimpleNamespace as Made
from typing import Any

from pushwarden.control.api.places import LaneView, PlaceView, said
from pushwarden.control.console.apps.view import days_left, ending, needing
from pushwarden.control.console.overview.drawing import marked, plotted, rate, reasons, tiles
from pushwarden.control.console.overview.view import steps
from pushwarden.control.console.plots import Kind
from pushwarden.core.health import DAY_MS, Health
from pushwarden.core.verdict import Facts, Proof, verdict
from pushwarden.core.words import HOUR, MINUTE

NOW = 1_795_266_060_000
NO_TIMES = Made(p50=None, p95=None, p99=None)


def series(counts: list[tuple[int, int]], step: int = MINUTE, **more: Any) -> Any:
    start = NOW - NOW % step + step - step * len(counts)
    points = [
        Made(at_ms=start + at * step, accepted=good, refused=bad, retried=0, ours=NO_TIMES, theirs=NO_TIMES)
        for at, (good, bad) in enumerate(counts)
    ]
    kept = {"ours": NO_TIMES, "theirs": NO_TIMES, "events": [], "reasons": [], **more}
    return Made(since_ms=start, until_ms=start + step * len(counts), step_ms=step, points=points, **kept)


def place(app: str, environment: str = "production", facts: Facts | None = None, **more: Any) -> PlaceView:
    known = facts or Facts(NOW, proofs=(Proof("apns", Health.ACTIVE),), accepted=5, devices={"apns": 7})
    fields = {"accepted": [0] * 60, "per_minute": 0, "refused": 0, "accepted_at": 0, "devices": {}, **more}
    return PlaceView(app, app.title(), environment, True, False, said(verdict(known)), [], **fields)


def test_a_step_that_is_under_way_is_not_drawn_as_a_fall() -> None:
    assert rate(600, NOW - 15 * MINUTE, 15 * MINUTE, NOW) == 40
    assert rate(200, NOW - 5 * MINUTE, 15 * MINUTE, NOW) == 40
    assert rate(40, NOW - 1000, 15 * MINUTE, NOW) == 40


def test_of_the_time_before_the_app_was_made_nothing_is_said() -> None:
    figure = plotted(series([(5, 0)] * 60), [], NOW - 10 * MINUTE, NOW, UTC)
    assert [row[1] for row in figure.numbers.rows[:3]] == ["not known"] * 3
    assert figure.numbers.rows[-1][1] != "not known"


def test_a_step_that_has_just_begun_is_no_fall_and_is_drawn_where_there_is_nothing_else() -> None:
    begun = plotted(series([(600, 0)] * 23 + [(3, 0)], 15 * MINUTE), [], 0, NOW, UTC)
    assert begun.numbers.rows[-1][1] == "40"
    minute = plotted(series([(40, 0)] * 59 + [(1, 0)]), [], 0, NOW, UTC)
    assert minute.numbers.rows[-1][1] == "40"
    first = plotted(series([(0, 0)] * 59 + [(1, 0)]), [], 0, NOW, UTC)
    assert not first.empty


def test_what_a_provider_refused_for_a_while_is_drawn_too() -> None:
    told = series([(40, 0)] * 60)
    told.points[30].retried = 19
    figure = plotted(told, [], 0, NOW, UTC)
    assert "19 of" in figure.finding
    assert 'fill="url(#tp-h)"' in figure.drawing


def test_a_change_is_named_by_its_version_and_what_processes_write_down_is_none() -> None:
    events = [
        Made(at_ms=1, kind="change", by="Omar R."), Made(at_ms=2, kind="stop", by="Dana K."),
        Made(at_ms=3, kind="resume", by="Dana K."), Made(at_ms=4, kind="credential", by="Omar R."),
        Made(at_ms=5, kind="credential", by="chores"), Made(at_ms=6, kind="credential", by="sender-normal"),
    ]  # fmt: skip
    versions = [Made(at=1, number=9, changed=[Made(name="Description")])]
    assert [(one.at, one.kind, one.label) for one in marked(events, versions)] == [
        (1, Kind.CHANGE, "v9: Description"), (2, Kind.STOP, "Stopped by Dana K."),
        (3, Kind.RESUME, "Resumed by Dana K."), (4, Kind.CHANGE, "Credential by Omar R."),
    ]  # fmt: skip


def test_what_two_providers_call_differently_and_means_the_same_is_one_reason() -> None:
    told = [
        Made(ending="refused", reason="Unregistered", title="App removed or token old", count=5, before=2),
        Made(ending="refused", reason="UNREGISTERED", title="App removed or token old", count=3, before=0),
        Made(ending="refused", reason="BadDeviceToken", title="Token damaged", count=1, before=0),
        Made(ending="unknown", reason="", title="No answer", count=9, before=0),
    ]
    gone, bad = reasons(series([], reasons=told))
    assert (gone.label, gone.count, gone.note, gone.key) == (
        "App removed or token old", "8", "Unregistered, UNREGISTERED; 2 before", "",
    )  # fmt: skip
    assert (bad.count, bad.key) == ("1", "BadDeviceToken")


def test_tiles_say_what_is_not_known_instead_of_nought() -> None:
    quiet = tiles(place("shop"), series([(0, 0)] * 60), None)
    assert (quiet.asked, quiet.p95, quiet.grown) == (0, None, None)
    assert set(quiet.sparks.values()) == {""}
    busy = tiles(
        place("shop", accepted=[9] * 60, refused=4, devices={"apns": 7, "fcm": 3}),
        series([(9, 0)] * 60, ours=Made(p95=9.0), theirs=Made(p95=231.0)),
        Made(churn=[Made(live=8), Made(live=10)]),
    )
    assert (busy.accepted, busy.asked, busy.p95, busy.devices, busy.grown) == (540, 544, 240.0, 10, 2)
    assert busy.sparks["accepted"]


def test_the_steps_go_once_a_push_was_accepted() -> None:
    nothing = Made(credentials={})
    assert [done for _, done in steps(place("shop"), nothing)] == [False, False, False]
    assert [done for _, done in steps(place("shop", devices={"apns": 1}), Made(credentials={"apns": 1}))] == [
        True, True, False,
    ]  # fmt: skip
    assert steps(place("shop", accepted_at=NOW), nothing) == []
    assert steps(place("shop", accepted=[1] * 60), nothing) == []


def test_what_is_so_in_both_environments_or_everywhere_is_said_once() -> None:
    ending = Facts(NOW, proofs=(Proof("apns", Health.ATTENTION, "certificate", NOW + 9 * DAY_MS),), accepted=5)
    stopped_sender = Facts(NOW, proofs=(Proof("apns", Health.ACTIVE),), version=3)
    both = [place("shop", "sandbox", ending), place("shop", "production", ending), place("news")]
    assert [(one.app, one.environment) for one in needing(both)] == [("shop", "production")]
    everywhere = [place(app, "production", stopped_sender) for app in ("shop", "news", "care")]
    assert len(needing(everywhere)) == 1


def test_the_worst_stands_first() -> None:
    refused = Facts(NOW, proofs=(Proof("apns", Health.FAILING, "key"),))
    ending = Facts(NOW, proofs=(Proof("apns", Health.ATTENTION, "certificate", NOW + 9 * DAY_MS),), accepted=5)
    found = needing([place("a", facts=ending), place("b", "sandbox", refused), place("c", facts=replace(ending))])
    assert [one.app for one in found] == ["b", "a", "c"]


def test_the_line_of_what_ends_names_a_credential_of_both_environments_once() -> None:
    def lanes(ends: int) -> list[LaneView]:
        return [LaneView("apns", "Apple", "active", ends), LaneView("fcm", "Google", "active", 0)]

    both = [replaced(place("shop", environment), lanes(NOW + 23 * DAY_MS)) for environment in ("production", "sandbox")]
    care = replaced(place("care", "sandbox"), lanes(NOW + 9 * DAY_MS))
    found = [(one.strong, one.light, one.ends) for one in ending([*both, care])]
    assert found == [
        ("Care", "Apple, Sandbox", NOW + 9 * DAY_MS), ("Shop", "Apple", NOW + 23 * DAY_MS),
    ]  # fmt: skip


def replaced(one: PlaceView, lanes: list[LaneView]) -> PlaceView:
    one.credentials = lanes
    return one


def test_days_left_are_begun_days() -> None:
    assert days_left(0, NOW) is None
    assert days_left(NOW + HOUR, NOW) == 1
    assert days_left(NOW + 23 * DAY_MS, NOW) == 23
    assert days_left(NOW - HOUR, NOW) == 0
    assert days_left(NOW - 2 * DAY_MS, NOW) == -2
