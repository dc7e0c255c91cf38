"""How the console writes numbers and times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cast import HeldClock
from pushwarden.control.console.render import Renderer
from pushwarden.control.console.static import Shelf
from pushwarden.core.words import THIN, count, duration, percent, rate, share, short, size

NOW = 1_800_000_000_000  # 15 January 2027, 08:00 UTC


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (count(84210), f"84{THIN}210"),
        (count(None), "–"),
        (short(84210), "84k"),
        (short(1_240), "1.2k"),
        (short(2_000_000), "2M"),
        (percent(0.004), f"0.4{THIN}%"),
        (percent(0.00001), f"under 0.1{THIN}%"),
        (percent(0), f"0{THIN}%"),
        (percent(0.9999), f"over 99.9{THIN}%"),
        (share(391, 97703), f"0.4{THIN}%"),
        (share(0, 0), "–"),
        (rate(5.74), "5.7"),
        (rate(1234.4), f"1{THIN}234"),
        (duration(187), f"187{THIN}ms"),
        (duration(2400), f"2.4{THIN}s"),
        (duration(3000), f"3{THIN}s"),
        (duration(402_000), f"6{THIN}min 42{THIN}s"),
        (duration(86_400_000), f"1{THIN}d"),
        (size(312), "312 bytes"),
        (size(4_096), f"4.1{THIN}kB"),
    ],
)
def test_numbers_are_written_as_people_read_them(made: str, words: str) -> None:
    assert made == words


@given(st.integers(0, 10**15))
def test_every_length_of_time_has_words(ms: int) -> None:
    assert duration(ms).strip()


@pytest.mark.parametrize(
    ("at", "form", "words"),
    [
        (NOW, "moment", "08:00:00"),
        (NOW - 86_400_000, "moment", "14 Jan 08:00"),
        (NOW - 400 * 86_400_000, "moment", "11 Dec 2025 08:00"),
        ("2027-01-15T08:00:00.250Z", "clock", "08:00:00"),
        (NOW, "day", "15 Jan 2027"),
        (NOW - 65_000, "ago", f"1{THIN}min 5{THIN}s ago"),
        (NOW + 2 * 86_400_000, "ago", f"in 2{THIN}d"),
    ],
)
def test_times_say_the_zone_and_are_written_short(at: int | str, form: str, words: str) -> None:
    renderer = Renderer(Shelf(), HeldClock(NOW))
    made = renderer._environment.from_string("{{ at | " + form + " }}").render(at=at)
    assert f">{words}</time>" in made and "UTC" in made and 'Z"' in made


def test_a_template_loses_its_indentation_and_nothing_where_white_space_counts() -> None:
    list_, text = "<ul>\n  <li>one</li>\n\n    <li>two  spaces</li></ul>", "<pre>\n  kept\n    as it is</pre>"
    typed = "\n  <textarea>\n  typed</textarea>"
    made = Renderer(Shelf(), HeldClock(NOW))._environment.from_string(list_ + text + typed).render()
    assert made == "<ul>\n<li>one</li>\n<li>two  spaces</li></ul>" + text + typed.replace("\n  <", "\n<")
