"""What is typed in the search box of devices, as the API is asked: qualifiers, and free text tried as three things."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

QUALIFIERS = {
    "tag": "tags", "user": "user", "version": "app_version", "build": "build", "reason": "reason",
    "installation": "installation_id", "token": "token",
}  # fmt: skip
FACETS: dict[str, dict[str, str]] = {
    "all": {},
    "test": {"test": "true"},
    "apple": {"provider": "apns"},
    "google": {"provider": "fcm"},
    "calls": {"token_kind": "voip"},
    "gone": {"state": "gone"},
}
FREE = ("installation_id", "user", "token")
"""What a text without a qualifier may be, the quickest to look up first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """q: as typed. show: the facet. by: what the free text turned out to be, on the pages after the first."""

    q: str = ""
    show: str = "all"
    by: str = ""
    after: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        show = query.get("show", "all")
        by = query.get("by", "")
        return cls(
            query.get("q", "").strip(),
            show if show in FACETS else "all",
            by if by in FREE else "",
            query.get("after", ""),
        )

    @property
    def filters(self) -> bool:
        return bool(self.q) or self.show != "all"

    def tries(self) -> Iterator[tuple[str, dict[str, str]]]:
        """What to ask the API, one after the other until something is found: (what the text is taken for, query)."""
        named, free = _split(self.q)
        fixed = FACETS[self.show] | named | ({"after": self.after} if self.after else {})
        if not free:
            yield "", fixed
            return
        for name in (self.by,) if self.by else FREE:
            yield name, fixed | {name: free}


def _split(q: str) -> tuple[dict[str, str], str]:
    named, free = dict[str, str](), list[str]()
    for word in _words(q):
        name, colon, value = word.partition(":")
        if colon and value and name.lower() in QUALIFIERS:
            named[QUALIFIERS[name.lower()]] = value
        else:
            free.append(word)
    return named, " ".join(free)


def _words(q: str) -> list[str]:
    """Quotes hold words together; a quote that is not closed is a character."""
    try:
        return shlex.split(q)
    except ValueError:
        return q.split()
