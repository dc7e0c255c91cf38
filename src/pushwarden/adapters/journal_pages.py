"""A page of pushes as conditions of SQL, which differ by database only in how a parameter and a search are written."""

# ruff: noqa: S608 (built of constants only)

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pushwarden.core.outcome import Fate
from pushwarden.core.scope import Scope
from pushwarden.ports.records import Counted, Group, PushQuery

LAST = 2**63 - 1


@dataclass(slots=True)
class Conditions:
    """place: those an index answers, in the order of the numbers; rest: what each row is looked at for.

    `{name}` stands for a parameter, `{find}` for the function (text, part) → place of the part.
    """

    place: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)


_REASON = """
((push.state <> 'done' OR push.refused > 0) AND EXISTS (
    SELECT 1 FROM refusal WHERE refusal.push = push.id AND refusal.reason = {reason})
 OR (push.state <> 'done' OR push.unknown > 0) AND EXISTS (
    SELECT 1 FROM failure WHERE failure.push = push.id AND failure.reason = {reason}))
"""
_TEXT = "({find}(lower(push.audience_note), {text}) > 0 OR {find}(lower(push.message), {text}) > 0)"


def conditions(where: Scope, query: PushQuery) -> Conditions:
    """Of the filters. The bounds by number are the caller's."""
    made = Conditions()
    _place(made, where)
    for name in ("state", "type", "source", "id"):
        if value := getattr(query, name):
            _equal(made.rest, made.values, name, str(value))
    if query.outcome:
        made.rest.append(f"push.{query.outcome} > 0")
    if query.reason:
        made.rest.append(_REASON)
        made.values["reason"] = query.reason
    if query.text:
        made.rest.append(_TEXT)
        made.values["text"] = query.text.lower()
    for name, sign in (("since", ">="), ("until", "<")):
        if value := getattr(query, name):
            made.rest.append(f"push.accepted_at {sign} {{{name}}}")
            made.values[name] = value
    if query.among:
        made.rest.append("(" + " OR ".join(_among(made.values, at, one) for at, one in enumerate(query.among)) + ")")
    return made


def _place(made: Conditions, where: Scope) -> None:
    named = {
        "organisation": where.organisation, "app": where.app, "environment": where.environment,
        "schedule": where.schedule, "cohort": where.cohort, "id": where.push,
    }  # fmt: skip
    indexed = ("organisation", "app", "environment") if where.app and where.environment else ("organisation",)
    for column, value in named.items():
        if value:
            into = made.place if column in indexed else made.rest
            _equal(into, made.values, column, str(value), prefix="in_")


def _equal(into: list[str], values: dict[str, Any], column: str, value: str, prefix: str = "") -> None:
    into.append(f"push.{column} = {{{prefix}{column}}}")
    values[prefix + column] = value


def _among(values: dict[str, Any], at: int, one: Scope) -> str:
    parts: list[str] = []
    for column, value in (("app", one.app), ("environment", one.environment)):
        if value:
            _equal(parts, values, column, str(value), prefix=f"among_{at}_")
    return "(" + " AND ".join(parts or ["true"]) + ")"


_LATER = """
coalesce((SELECT accepted_at FROM push WHERE number >= (lo + hi) / 2 ORDER BY number LIMIT 1), {at}) >= {at}
"""
# The number from which on pushes were accepted at or after a moment: they are numbered in the order of their times.
NUMBER_AT = f"""
WITH RECURSIVE search (lo, hi) AS (
    SELECT CAST(0 AS bigint), coalesce((SELECT max(number) FROM push), 0) + 1
     UNION ALL
    SELECT CASE WHEN {_LATER} THEN lo ELSE (lo + hi) / 2 + 1 END, CASE WHEN {_LATER} THEN (lo + hi) / 2 ELSE hi END
      FROM search WHERE lo < hi)
SELECT lo FROM search WHERE lo >= hi
"""
NUMBER_OF = "SELECT number FROM push WHERE id = {id}"
FLOOR = """
SELECT number, id FROM push WHERE number < {below} AND number > {above} AND /* place */
 ORDER BY number DESC LIMIT 1 OFFSET {look}
"""
_ENDED = " + ".join(f"CASE WHEN push.{fate} > 0 THEN {1 << at} ELSE 0 END" for at, fate in enumerate(Fate))
GROUPS = f"""
SELECT app, environment, type, source, state, {_ENDED} AS ended, count(*) FROM push
 WHERE number < {{below}} AND number > {{above}} AND /* place */ AND /* rest */
 GROUP BY app, environment, type, source, state, ended
"""
REASONS = """
SELECT refusal.reason, count(*) FROM push JOIN refusal ON refusal.push = push.id
 WHERE number < {below} AND number > {above} AND /* place */ AND /* rest */
 GROUP BY refusal.reason
"""
PAGE = """
SELECT /* columns */ FROM push WHERE number < {below} AND number > {above} AND /* place */ AND /* rest */
 ORDER BY number DESC LIMIT {limit}
"""


def written(template: str, made: Conditions) -> str:
    """With the conditions in their places; parameters are still as Conditions has them."""
    place, rest = (" AND ".join(parts) or "true" for parts in (made.place, made.rest))
    return template.replace("/* place */", place).replace("/* rest */", rest)


def unchosen(query: PushQuery) -> PushQuery:
    """As groups are counted: what they tell apart is no filter."""
    return replace(query, state=None, outcome=None, type="", source="", before="", after="")


def unreasoned(query: PushQuery) -> PushQuery:
    """As reasons are counted."""
    return replace(query, reason="", before="", after="")


def counted_of(groups: Iterable[tuple[Any, ...]], reasons: Iterable[tuple[Any, ...]], *, whole: bool) -> Counted:
    """Of the rows of GROUPS and REASONS."""
    return Counted([_group(*row) for row in groups], {row[0]: row[1] for row in reasons}, whole)


def _group(*row: Any) -> Group:
    app, environment, kind, source, state, ended, pushes = row
    fates = frozenset(fate for at, fate in enumerate(Fate) if ended >> at & 1)
    return Group(app, environment, kind, source, state, fates, pushes)
