"""5 fairness: how much of what is scarce a lane may have. Organisations share first, then the lanes of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def divide(total: int, wishes: Mapping[str, int]) -> dict[str, int]:
    """Max-min: equal parts, and what one does not want the others share. Of what cannot be divided the last get one."""
    parts, left, others = {}, total, len(wishes)
    for name, wish in sorted(wishes.items(), key=lambda item: item[1]):
        parts[name] = min(wish, left // others)
        left -= parts[name]
        others -= 1
    return parts


def fair(total: int, wishes: Mapping[str, int]) -> dict[str, int]:
    """Lane key → its part of `total`. wishes: lane key → all it could use, what it holds already included.

    An organisation with a hundred lanes gets no more than one with a single lane. Who was served longest ago is named
    last.
    """
    if len(wishes) == 1:
        return {lane: min(total, wish) for lane, wish in wishes.items()}
    lanes: dict[str, dict[str, int]] = {}
    for lane, wish in wishes.items():
        owner = organisation(lane)
        named = lanes.pop(owner, {})  # its place is that of the lane named last
        named[lane] = wish
        lanes[owner] = named
    parts = divide(total, {owner: sum(own.values()) for owner, own in lanes.items()})
    return {lane: part for owner, own in lanes.items() for lane, part in divide(parts[owner], own).items()}


def organisation(lane: str) -> str:
    """Of a lane's key."""
    return lane.partition("/")[0]


def within(room: int, wanted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Gives in this order as long as there is room; who gets nothing is not named."""
    given = {}
    for lane, want in wanted:
        part = min(room, want)
        if part > 0:
            given[lane] = part
            room -= part
    return given
