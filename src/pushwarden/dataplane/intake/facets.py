"""How many pushes each choice of a filter would leave, the other filters standing. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pushwarden.core.reasons import known
from pushwarden.ports.records import LOOK, Counted, Group, PushQuery


def facets(own: Counted, around: Counted, query: PushQuery, asked: Mapping[str, str]) -> dict[str, Any]:
    """around: counted without the app and environment that were asked for, whose choices are told from it."""
    said = {name: value for name in ("type", "source", "state", "outcome") if (value := getattr(query, name))}
    place = {name: asked[key] for name, key in (("app", "app"), ("environment", "env")) if asked.get(key)}
    return {
        "fit": sum(one.pushes for one in own.groups if _fits(one, said)),
        "app": _counts(around, "app", {**said, **place}),
        "env": _counts(around, "environment", {**said, **place}),
        "type": _counts(own, "type", said),
        "source": _counts(own, "source", said),
        "state": _counts(own, "state", said, apart=("outcome",)),
        "outcome": _outcomes(own, {name: value for name, value in said.items() if name not in ("outcome", "state")}),
        "reason": [
            {"reason": reason, "title": known(reason).title, "pushes": pushes}
            for reason, pushes in sorted(own.reasons.items(), key=lambda one: (-one[1], one[0]))
        ],
        "looked_at": LOOK if not own.whole else None,
    }


def _fits(group: Group, said: Mapping[str, str]) -> bool:
    plain = all(getattr(group, name) == value for name, value in said.items() if name != "outcome")
    return plain and ("outcome" not in said or said["outcome"] in group.ended)


def _counts(counted: Counted, name: str, said: Mapping[str, str], apart: tuple[str, ...] = ()) -> dict[str, int]:
    others = {key: value for key, value in said.items() if key not in (name, *apart)}
    found: Counter[str] = Counter()
    for group in counted.groups:
        if _fits(group, others):
            found[getattr(group, name)] += group.pushes
    return dict(found.most_common())


def _outcomes(counted: Counted, others: Mapping[str, str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for group in counted.groups:
        if _fits(group, others):
            found.update({str(fate): group.pushes for fate in group.ended})
    return dict(found.most_common())
