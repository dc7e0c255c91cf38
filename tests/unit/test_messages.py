"""The table of messages: every id has words for people, and its values are filled in or named as missing."""

from __future__ import annotations

import re

import pytest

from pushwarden.core.check import Check
from pushwarden.core.messages import MESSAGES, MissingValue, Result, message

PLACE = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_says_what_is_wrong_and_what_to_do(name: str) -> None:
    words = MESSAGES[name]
    values = {place: "1" for place in PLACE.findall(words.title + words.text + words.next)}
    said = message(name, **values)
    assert said.title and said.title == said.title.strip() and not said.title.endswith(".")
    assert said.text.endswith(".")
    assert said.next or words.result in (Result.PASSED, Result.SKIPPED)
    assert not re.search(r"[\[\]{}]|\*|  ", said.title + said.text + said.next)
    assert not re.search(r"(?i)\b(oops|invalid|sorry)\b", said.title + said.text)


def test_values_are_filled_in_and_what_is_not_known_is_left_out() -> None:
    held = message("cert.expired", n=3, date="1 May 2026", held=12)
    assert held.title == "Expired 3 days ago"
    assert held.text == ("Valid until 1 May 2026. Apple has refused every push since. 12 pushes are held, not lost.")
    assert message("cert.expired", n=3, date="1 May 2026").text.endswith("since.")


def test_one_day_is_not_days() -> None:
    assert message("cert.expires", n=1, date="1 May 2026", weekday="Friday").title == "Expires in 1 day"
    assert message("cert.expires", n=0, date="1 May 2026", weekday="Friday").title == "Expires today"
    assert message("cert.expired", n=0, date="1 May 2026").title == "Expired today"
    assert message("cert.expires", n=20, date="1 May 2026", weekday="Friday").title == "Expires in 20 days"
    assert message("cert.expires", n=21, date="1 May 2026", weekday="Friday").title == "Expires in 21 days"


def test_a_missing_value_is_an_error_here_and_neutral_words_for_a_user() -> None:
    with pytest.warns(MissingValue, match="cert.wrong_bundle was made without its value `app_bundle`"):
        said = message("cert.wrong_bundle", cert_bundle="com.acme")
    assert said.text == "The certificate is for `com.acme`; this app is `…`."


def test_values_from_a_file_cannot_steer_a_terminal_or_fill_a_page() -> None:
    said = message("cert.not_push", subject="\x1b[2J\u202eevil\n" + "x" * 900)
    assert said.text.isprintable()
    assert len(said.text) < 600
    assert message("cert.not_push", subject="{bundle} [x]").text.startswith('This is "{bundle} [x]"')


def test_a_check_has_the_words_and_the_weight_of_its_message_unless_told_otherwise() -> None:
    check = Check.of("file.empty", name="a.p8", size=0)
    assert (check.result, check.title, check.next) == ("failed", "The file is empty", "Choose again")
    assert Check.of("file.empty", result=Result.WARNING, name="a.p8", size=0).result == "warning"
    with pytest.raises(KeyError):
        message("no.such")
