"""What a list of pushes is asked for: a facet, a range, a type, a source and what was typed, as the API takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pushwarden.core.push import PushType, Source
from pushwarden.core.scope import Environment

HOUR_MS = 3_600_000
FACETS: dict[str, dict[str, str]] = {
    "all": {},
    "open": {"state": "open"},
    "refused": {"outcome": "refused"},
    "unknown": {"outcome": "unknown"},
    "expired": {"outcome": "expired"},
    "stopped": {"outcome": "stopped"},
}
RANGES = {"1h": HOUR_MS, "24h": 24 * HOUR_MS, "7d": 7 * 24 * HOUR_MS, "30d": 30 * 24 * HOUR_MS}
Counts = Mapping[str, Any]
"""What GET …/pushes/counts answers."""
KEPT = ("show", "q", "range", "type", "source", "reason", "app", "env", "live")
"""What stays in the address from one page to the next."""


@dataclass(frozen=True, slots=True)
class Asked:
    show: str = "all"
    q: str = ""
    range: str = ""
    type: str = ""
    source: str = ""
    reason: str = ""
    app: str = ""
    env: str = ""
    live: str = ""
    before: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        """Unknown values are left out; `outcome`, as other pages link to it, is a facet."""
        show = query.get("show") or query.get("outcome") or "all"
        return cls(
            show if show in FACETS else "all",
            query.get("q", "").strip(),
            _one(query, "range", RANGES),
            _one(query, "type", PushType.__members__.values()),
            _one(query, "source", Source.__members__.values()),
            query.get("reason", ""),
            query.get("app", ""),
            _one(query, "env", Environment.__members__.values()),
            "1" if query.get("live") else "",
            query.get("before", ""),
        )

    @property
    def filters(self) -> bool:
        """Whether anything is looked for."""
        return self.show != "all" or any((self.q, self.range, self.type, self.source, self.reason, self.app, self.env))

    def api(self, now_ms: int) -> dict[str, str]:
        """The API's parameters, without paging."""
        said = {"q": self.q, "type": self.type, "source": self.source, "reason": self.reason} | FACETS[self.show]
        if self.range:
            said["since"] = str(now_ms - RANGES[self.range])
        return {name: value for name, value in {**said, "app": self.app, "env": self.env}.items() if value}

    def address(self, **changes: str) -> str:
        """The query of the same list with these changes; empty values are left out."""
        said = {name: getattr(self, name) for name in KEPT if name != "show" or self.show != "all"} | changes
        words = {name: value for name, value in said.items() if value and (name, value) != ("show", "all")}
        return "?" + urlencode(words) if words else "?"


def _one(query: Mapping[str, str], name: str, known: object) -> str:
    value = query.get(name, "")
    return value if value in list(known) else ""  # type: ignore[call-overload]


def pills(counted: Counts | None) -> dict[str, int | None]:
    """Facet → how many pushes are so; None where they were not counted."""
    if counted is None:
        return dict.fromkeys(FACETS)
    found: dict[str, int | None] = {"all": sum(counted["state"].values())}
    for facet, said in list(FACETS.items())[1:]:
        ((name, value),) = said.items()
        found[facet] = counted[name].get(value, 0)
    return found


def choices(counted: Counts | None, asked: Asked) -> dict[str, dict[str, int]]:
    """Name → value → how many pushes have it: what occurs, and what is chosen."""
    found: dict[str, dict[str, int]] = {}
    for name in ("app", "env", "type", "source", "reason"):
        counts = counted[name] if counted else {}
        said = {one["reason"]: one["pushes"] for one in counts} if isinstance(counts, list) else dict(counts)
        chosen = getattr(asked, name)
        found[name] = ({chosen: 0} if chosen and chosen not in said else {}) | said
    return found
