"""Everything a person is told about a credential: one table of stable ids."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from pushwarden.core.messages import apple, files, google, microsoft, running
from pushwarden.core.messages.words import Result, Words

__all__ = ["MESSAGES", "SECTIONS", "Message", "MissingValue", "Result", "message", "plain"]

SECTIONS: dict[str, dict[str, Words]] = {
    "Files": files.MESSAGES,
    "Apple": apple.MESSAGES,
    "Google": google.MESSAGES,
    "Microsoft": microsoft.MESSAGES,
    "Asking the provider, and afterwards": running.MESSAGES,
}
MESSAGES: dict[str, Words] = {name: words for section in SECTIONS.values() for name, words in section.items()}
"""id → words. Ids are stable: the API, the docs and other people's programs name them."""

UNSAID = "…"
_LONGEST = 500  # characters of one value: a file's author chooses some of them
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_PLURAL = re.compile(r"(?<![\w.,:-])1 (day|byte|minute)s\b")
_TODAY = re.compile(r"\b(?:in 0 days|0 days ago)\b")
_PLACE = re.compile(r"\{(\w+)\}")


class MissingValue(UserWarning):
    """A message was made without one of its values. The tests treat it as an error; a user reads `…` in its place."""


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    result: Result
    title: str
    text: str
    next: str


def message(id: str, /, **values: object) -> Message:
    """The words of `id` with its values in their places. KeyError for an id that is not in the table."""
    words = MESSAGES[id]
    known = {name: "" if value is None else plain(value) for name, value in values.items()}
    title, text, then = (_spoken(_filled(id, template, known)) for template in (words.title, words.text, words.next))
    return Message(id, words.result, title, text, then)


def plain(value: object) -> str:
    """A value as it may stand in a sentence on a terminal: printable, at most 500 characters."""
    text = "".join(letter if letter.isprintable() else "·" for letter in str(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _spoken(text: str) -> str:
    """Numbers as people say them: `1 day`, `today`."""
    return _TODAY.sub("today", _PLURAL.sub(r"1 \1", text))


def _filled(id: str, template: str, values: Mapping[str, str]) -> str:
    def part(found: re.Match[str]) -> str:
        return found[1] if all(values.get(name) for name in _PLACE.findall(found[1])) else ""

    def place(found: re.Match[str]) -> str:
        if found[1] not in values:
            warnings.warn(f"{id} was made without its value `{found[1]}`.", MissingValue, stacklevel=4)
        return values.get(found[1]) or UNSAID

    return _PLACE.sub(place, _OPTIONAL.sub(part, template))
