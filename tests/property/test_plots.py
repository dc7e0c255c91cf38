"""Plots: whatever the numbers are, the markup is well formed, finite, readable, and never a line of nothing."""

from __future__ import annotations

import math
import re
from datetime import UTC
from itertools import pairwise
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.control.console.plots import (
    Around,
    Kind,
    Mark,
    Span,
    Stage,
    Validity,
    around,
    churn,
    expiry,
    funnel,
    heat,
    latency,
    shares,
    spark,
    throughput,
)
from pushwarden.control.console.plots.scale import apart, dodged, log_share, log_ticks, reach, ticks, times
from pushwarden.control.console.plots.svg import number
from pushwarden.control.console.zone import zone_of
from pushwarden.core import words

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = words.HOUR, words.DAY
NOW = 1_795_266_060_000
VALUE = st.one_of(st.none(), st.just(0.0), st.floats(0, 1e9, allow_nan=False))
VALUES = st.lists(VALUE, min_size=1, max_size=170)
LABEL = st.text(max_size=40)
SPAN = st.builds(
    lambda end, step, length: Span(end - step * length, end, step),
    st.integers(10**12, 4 * 10**12), st.sampled_from([60_000, 600_000, HOUR, 6 * HOUR, DAY]), st.integers(1, 170),
)  # fmt: skip
ZONE = st.sampled_from([UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")])
FORBIDDEN = re.compile(r"\b(?:nan|inf|None)\b")


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{markup}</div>")


def well_formed(markup: str) -> ElementTree.Element:
    root = parsed(markup)
    numbers = [value for one in root.iter() for key, value in one.attrib.items() if key not in ("class", "aria-label")]
    assert not [value for value in numbers if FORBIDDEN.search(value)]
    assert not [one for one in root.iter() if "style" in one.attrib or one.tag == "script"]
    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert len(ids) == len(set(ids))
    for image in (one for one in root.iter("svg") if one.attrib.get("role") == "img"):
        assert image.findtext("title"), "an image has a name"
        assert image.findtext("desc"), "and says what it shows"
    return root


@given(SPAN, VALUES, VALUES, st.lists(st.tuples(st.floats(-0.2, 1.2), st.sampled_from(Kind), LABEL), max_size=20), ZONE)
def test_any_numbers_make_a_well_formed_throughput(span, accepted, refused, marks, zone) -> None:
    width = span.end - span.start
    placed = [Mark(span.start + round(at * width), kind, label) for at, kind, label in marks]
    figure = throughput("tp", span, accepted, refused, placed, zone)
    well_formed(figure.drawing)
    assert figure.finding
    assert figure.empty == (not any(accepted) and not any(refused))
    assert len(figure.numbers.rows) <= 12
    assert {len(row) for row in figure.numbers.rows} <= {len(figure.numbers.columns)}


@given(SPAN, VALUES, VALUES, VALUES, ZONE)
def test_any_times_make_a_well_formed_latency(span, p50, p95, p99, zone) -> None:
    figure = latency("la", span, {"p50": p50, "p95": p95, "p99": p99}, zone)
    well_formed(figure.drawing)
    assert figure.finding


@given(SPAN, st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), VALUE), min_size=1, max_size=60), ZONE)
def test_any_numbers_make_a_well_formed_churn(span, days, zone) -> None:
    new, lost, there = (list(one) for one in zip(*days, strict=True))
    figure = churn("ch", span, new, lost, there, zone)
    well_formed(figure.drawing)
    assert figure.empty == (not any(new) and not any(lost))


@given(st.lists(st.tuples(st.text(max_size=20), st.integers(-900, 2000)), max_size=9), ZONE)
def test_any_ends_make_a_well_formed_expiry_line(rows, zone) -> None:
    given_rows = [Validity(strong, "active", NOW + days * DAY if days else 0) for strong, days in rows]
    figure = expiry("ex", given_rows, NOW, zone)
    root = well_formed(figure.drawing)
    assert len(root.findall(".//svg")) == len(rows)
    assert figure.finding


@given(VALUES)
def test_a_spark_is_well_formed_and_silent_where_there_is_nothing(values) -> None:
    drawn = spark(values)
    well_formed(drawn)
    known = [one for one in values if one is not None]
    assert bool(drawn) == (len(known) > 1 and max(known) > 0)
    assert 'role="img"' not in drawn


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=9), st.integers(0, 10**9), st.just("")), max_size=30))
def test_shares_keep_the_sum_and_stay_readable(counts) -> None:
    rows = shares(counts)
    assert len(rows) <= 8
    assert all(well_formed(row.bar) is not None for row in rows)
    if len([one for one in counts if one[2]]) > 8:
        assert rows[-1].label == "Other"


@given(st.floats(0, 1e12), st.integers(1, 5))
def test_an_axis_has_few_round_steps_and_holds_all(top: float, most: int) -> None:
    axis = ticks(top, most)
    step = axis[1]
    mantissa = step / 10 ** math.floor(math.log10(step))
    assert round(mantissa, 6) in (1, 2, 4, 5, 8)
    assert step == round(step)
    assert axis[0] == 0
    assert axis[-1] >= top * (1 - 1e-9)
    assert len(axis) - 1 <= most
    assert [round(b - a) for a, b in pairwise(axis)] == [round(step)] * (len(axis) - 1)


@given(st.floats(0, 1e7), st.floats(0, 1e7), st.floats(0, 1e7))
def test_a_logarithmic_axis_holds_all_and_keeps_their_order(one: float, other: float, third: float) -> None:
    low, middle, high = sorted((one, other, third))
    axis = log_ticks(low, high)
    assert len(axis) >= 2
    places = [log_share(value, axis) for value in (low, middle, high)]
    assert 0 <= places[0] <= places[1] <= places[2] <= 1


@given(SPAN, ZONE)
def test_labels_of_time_do_not_touch_wide_or_narrow(span: Span, zone) -> None:
    marks = times(span, zone)
    assert marks[-1].label == "now"
    for width, shown in ((560, marks), (290, [mark for mark in marks if mark.narrow])):
        for before, after in pairwise(shown):
            half = 6.6 / 2 * len(before.label)
            assert after.share * width - before.share * width > half + 6.6 / 2 * len(after.label)


@given(SPAN, ZONE)
def test_labels_of_time_are_round(span: Span, zone) -> None:
    labels = [mark.label for mark in times(span, zone)[:-1]]
    assert all(re.fullmatch(r"\d\d:\d[05]|\d{1,2} [A-Z][a-z]{2}", label) for label in labels) or (
        span.end - span.start <= 8 * words.MINUTE
    )


@given(st.lists(st.tuples(st.floats(0, 1), st.text(max_size=30)), max_size=20))
def test_words_beside_marks_do_not_touch(places) -> None:
    spoken = [reach(*place, 640) for place, free in zip(places, apart(places, 640), strict=True) if free]
    for before, after in pairwise(sorted(spoken)):
        assert after[0] >= before[1]


@given(st.lists(st.floats(-20, 200), min_size=1, max_size=5))
def test_names_at_the_ends_of_lines_keep_apart(wanted: list[float]) -> None:
    found = sorted(dodged(wanted, 15, 10, 144))
    assert found[-1] <= 144
    assert all(after - before >= 15 - 1e-9 for before, after in pairwise(found))


def test_nothing_sent_is_said_and_not_drawn_as_a_line() -> None:
    figure = throughput("e", Span(NOW - DAY, NOW, 600_000), [0] * 144, [None] * 144, [], BERLIN)
    assert figure.empty
    assert "No pushes in this period" in figure.drawing
    assert "<path" not in figure.drawing


def test_what_nobody_reports_is_hatched_and_never_zero() -> None:
    accepted, opened = funnel("f", [Stage("Accepted", 10), Stage("Opened", None)])
    assert (accepted.count, opened.count, opened.share) == ("10", "Not reported", "")
    assert "pattern" in opened.bar
    assert "pattern" not in accepted.bar


def test_a_stop_and_its_resume_at_one_place_show_one_shape_and_both_words() -> None:
    span = Span(NOW - DAY, NOW, 600_000)
    marks = [
        Mark(NOW - HOUR, Kind.RESUME, "Resumed by Dana K."),
        Mark(NOW - HOUR - 60_000, Kind.STOP, "Stopped by Dana K."),
    ]
    drawn = throughput("t", span, [1.0] * 144, [0] * 144, marks, BERLIN).drawing
    assert (drawn.count(Kind.STOP.value[0]), drawn.count(Kind.RESUME.value[0])) == (1, 0)
    assert "Resumed by Dana K." in drawn


def test_a_stop_is_named_before_a_change_that_stands_in_its_way() -> None:
    span = Span(NOW - DAY, NOW, 600_000)
    marks = [Mark(NOW - HOUR, Kind.CHANGE, "v42: cap"), Mark(NOW - HOUR, Kind.STOP, "Stopped by Dana K.")]
    drawn = throughput("t", span, [1.0] * 144, [0] * 144, marks, BERLIN).drawing
    written = [one.text for one in parsed(drawn).iter("text")]
    assert "Stopped by Dana K." in written
    assert "v42: cap" not in written
    assert {"v42: cap", "Stopped by Dana K."} <= {one.text for one in parsed(drawn).iter("title")}


def test_more_refusals_than_usual_are_hatched() -> None:
    span = Span(NOW - DAY, NOW, 600_000)
    refused = [5.0] * 143 + [40.0]
    drawn = throughput("t", span, [100.0] * 144, refused, [], BERLIN).drawing
    assert drawn.count('fill="url(#t-h)"') == 1
    figure = throughput("t", span, [100.0] * 144, refused, [], BERLIN)
    assert figure.finding.endswith("most of them at 13:51.")


def test_a_gap_in_the_counts_is_a_gap_in_the_line() -> None:
    span = Span(NOW - DAY, NOW, 600_000)
    drawn = throughput("t", span, [5.0] * 70 + [None] * 4 + [5.0] * 70, [0] * 144, [], BERLIN).drawing
    [line] = [one.attrib["d"] for one in parsed(drawn).iter("path") if one.attrib["class"] == "ln"]
    assert line.count("M") == 2


@pytest.mark.parametrize(("days", "words_"), [
    (23, "14 Dec, 23 days left"), (1, "22 Nov, 1 day left"), (-3, "expired 3 days ago"), (0, "Key, does not expire"),
    (800, "29 Jan\u202f2029, 800 days left"), (-1, "expired 1 day ago"),
])  # fmt: skip
def test_an_end_is_said_in_words(days: int, words_: str) -> None:
    row = Validity("Apple", "active", NOW + days * DAY if days else 0, "" if days else "Key, does not expire")
    finding = expiry("e", [row], NOW, BERLIN).drawing
    assert words_.lower() in finding.lower()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_drawn(value: float) -> None:
    with pytest.raises(ValueError, match="not a number"):
        number(value)


def test_a_day_without_changes_is_a_gap_in_the_heat() -> None:
    assert heat([3, 0, 1]).count("<rect") == 2
    well_formed(heat([]))


@pytest.mark.parametrize(("cookie", "zone"), [
    (b"a=b; zone=Europe%2FBerlin", BERLIN), (b"zone=../../etc/passwd", UTC), (b"zone=", UTC), (b"a=b", UTC),
])  # fmt: skip
def test_times_are_in_the_zone_the_browser_named(cookie: bytes, zone) -> None:
    assert zone_of(((b"cookie", cookie),)) == zone


@given(st.integers(10**12, 4 * 10**12), st.sampled_from([(1000, 120), (60_000, 61)]), VALUES, ZONE)
def test_any_numbers_around_a_stop_are_well_formed(start, every, values, zone) -> None:
    step, length = every
    span = Span(start, start + step * length, step)
    figure = around("ar", Around(span, values[:length], start + length // 2 * step, "Requests written"), zone)
    well_formed(figure.drawing)
    assert figure.empty == (not any(values[:length]))
    assert len(figure.numbers.rows) <= 12


def test_what_came_after_a_stop_is_said_and_what_has_not_come_yet_is_no_zero() -> None:
    span = Span(NOW, NOW + 120_000, 1000)
    told = Around(span, [*[40.0] * 60, 3.0, *[0.0] * 9], NOW + 60_000, "Requests written")
    figure = around("ar", told, UTC)
    assert figure.finding == "At most 40 a second before the stop; 3 after it."
    assert [row[1] for row in figure.numbers.rows[5:]] == ["40", "0.3", *["not yet"] * 5]
    assert [row[0] for row in figure.numbers.rows[5:8]] == ["10 s before", "stop", "10 s after"]
    none = around("ar", Around(span, [*[40.0] * 60, *[0.0] * 60], NOW + 60_000, "Requests written"), UTC)
    assert none.finding == "At most 40 a second before the stop; none after it."
