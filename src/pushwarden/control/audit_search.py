"""What a person types to search the audit: `actor:dana action:credential since:7d "free text"`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pushwarden.core.errors import Invalid
from pushwarden.core.scope import Environment

NAMES = ("actor", "action", "app", "env", "outcome", "target", "since", "until")
ALSO = {"environment": "env"}
REFUSED = "refused"
"""As an outcome: whatever was not done."""
MOST_CHARACTERS, MOST_TERMS = 1000, 20
_TERM = re.compile(r'([A-Za-z_]+):(?!//)("[^"]*"|[^\s"]*)|"([^"]*)"|([^\s"]+)')
_AGO = re.compile(r"([0-9]{1,6})([mhdw])")
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


@dataclass(frozen=True, slots=True)
class Term:
    """name: a qualifier, empty for free text. typed: as it stands in the search."""

    name: str
    value: str
    typed: str


@dataclass(frozen=True, slots=True)
class Search:
    """terms: in the order in which they were typed. since, until: Unix milliseconds, 0 for none."""

    terms: tuple[Term, ...] = ()
    since: int = 0
    until: int = 0

    def value(self, name: str) -> str:
        return next((term.value for term in self.terms if term.name == name), "")

    @property
    def words(self) -> tuple[str, ...]:
        """Free text, in lower case."""
        return tuple(term.value.casefold() for term in self.terms if not term.name)

    def without(self, gone: Term) -> str:
        """The search as it would be typed without one of its terms."""
        return " ".join(term.typed for term in self.terms if term is not gone)


def parsed(text: str, now_ms: int) -> Search:
    """Invalid (`field` is q) says which word is not understood and what to type instead."""
    if len(text) > MOST_CHARACTERS:
        raise _wrong(f"A search has at most {MOST_CHARACTERS} characters; leave something out.")
    if text.count('"') % 2:
        raise _wrong('A quotation mark is not closed; end the text with ".')
    terms = tuple(_term(found) for found in _TERM.finditer(text))
    if len(terms) > MOST_TERMS:
        raise _wrong(f"A search has at most {MOST_TERMS} words; leave something out.")
    named = [term.name for term in terms if term.name]
    for name in named:
        if named.count(name) > 1:
            raise _wrong(f"`{name}:` stands there twice; keep one of them.")
    search = Search(terms)
    _known(search)
    since, until = (_moment(search, name, now_ms) for name in ("since", "until"))
    if until and since >= until:
        raise _wrong("`since:` is not before `until:`; nothing lies between them.")
    return Search(terms, since, until)


def quoted(value: str) -> str:
    """A value as it is typed after a qualifier."""
    return f'"{value}"' if re.search(r"\s", value) else value


def retyped(word: str) -> str:
    """A word of a command line as it is typed in a search."""
    name, colon, value = word.partition(":")
    if colon and ALSO.get(name, name) in NAMES:
        return f"{name}:{quoted(value)}"
    return quoted(word)


def _term(found: re.Match[str]) -> Term:
    name, value, text, word = found.groups()
    if name is None:
        said = text if text is not None else word
        return Term("", said, found[0])
    name = ALSO.get(name.lower(), name.lower())
    if name not in NAMES:
        known = ", ".join(f"{one}:" for one in NAMES)
        raise _wrong(f'There is no `{name}:`; there are {known}. To find it as text type "{found[0]}".')
    bare = value.strip('"')
    if not bare.strip():
        raise _wrong(f"`{name}:` needs something behind it, without a space.")
    return Term(name, bare, found[0])


def _known(search: Search) -> None:
    environment = search.value("env")
    if environment and environment not in Environment.__members__.values():
        raise _wrong(f"There is no environment `{environment}`; it is {' or '.join(Environment)}.")


def _moment(search: Search, name: str, now_ms: int) -> int:
    said = search.value(name)
    if not said:
        return 0
    for form in FORMS:
        found = form(said, datetime.fromtimestamp(now_ms / 1000, UTC))
        if found is not None:
            return max(1, int(found.timestamp() * 1000))
    raise _wrong(f"`{name}:{said}` is no time; type 30m, 12h, 7d, 2w, today, 2026-01-31 or 2026-01-31T09:30.")


def _ago(said: str, now: datetime) -> datetime | None:
    found = _AGO.fullmatch(said)
    if not found:
        return None
    back = timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    return now - back if back < now - datetime.fromtimestamp(0, UTC) else datetime.fromtimestamp(0, UTC)


def _day(said: str, now: datetime) -> datetime | None:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return {"today": midnight, "yesterday": midnight - timedelta(days=1)}.get(said)


def _date(said: str, _: datetime) -> datetime | None:
    """A date or a time of ISO 8601, in UTC unless it says another zone."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    if not 1970 <= found.year <= 9000:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, field="q")


FORMS: tuple[Callable[[str, datetime], datetime | None], ...] = (_ago, _day, _date)
"""How a time may be typed."""
