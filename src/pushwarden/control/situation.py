"""What runs, as the api saw it a moment ago: who has which configuration since when, what was last accepted where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, str, str, str]
"""Organisation, app, environment, provider."""
Counter = tuple[str, str, str]
"""Sender, its run, lane family."""
SETTLED_MS = 3000
"""Time that senders have to load a configuration, and the api to hear of it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sender's configuration, and since when it was seen to have it (Unix ms)."""

    version: int
    since: int


@dataclass(frozen=True, slots=True)
class Situation:
    """version: of the newest configuration, since when it was seen. accepted: when a provider last accepted a push."""

    version: int = 0
    since: int = 0
    senders: Mapping[str, Loaded] = field(default_factory=dict)
    accepted: Mapping[Place, int] = field(default_factory=dict)
    counted: Mapping[Counter, int] = field(default_factory=dict, repr=False)

    @property
    def in_effect_since(self) -> int:
        """When the last sender loaded the newest; 0 while one has not, or none runs."""
        there = [one.since for one in self.senders.values() if one.version == self.version]
        return max(there) if there and len(there) == len(self.senders) else 0

    def settled(self, now_ms: int) -> bool:
        return now_ms - self.since > SETTLED_MS


def seen(before: Situation, version: int, stats: Mapping[str, Mapping[str, Any]], now_ms: int) -> Situation:
    """stats: of the senders that answer. What was counted before a sender was first seen has no time."""
    counted = dict(_counts(stats))
    grown = {_place(key[2]): now_ms for key, count in counted.items() if count > before.counted.get(key, count)}
    return Situation(
        version,
        before.since if before.version == version else now_ms,
        {name: _loaded(before.senders.get(name), stat["snapshot"], now_ms) for name, stat in stats.items()},
        {**before.accepted, **grown},
        counted,
    )


def _loaded(before: Loaded | None, version: int, now_ms: int) -> Loaded:
    return before if before is not None and before.version == version else Loaded(version, now_ms)


def _counts(stats: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Counter, int]]:
    for sender, stat in stats.items():
        counters = stat["counters"]
        for family, ending, _, count in counters["endings"]:
            if ending == "accepted":
                yield (sender, counters["run"], family), count


def _place(family: str) -> Place:
    organisation, app, environment, provider, *_ = family.split("/")
    return organisation, app, environment, provider
