"""What both databases share of a search: its conditions, the ranges of a token's beginning, the way over audiences."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pushwarden.adapters.device_rows import tags_condition
from pushwarden.core.device import Audience, Device, DeviceState
from pushwarden.core.device_search import WALK, DeviceQuery, Found, Place, Way, normal_prefix

START = 6
"""Bytes of a token that stand in the index of beginnings."""
LAST = (1 << 59, 1 << 59)
"""(gone_at, seq) before the first row of a list that begins with the newest."""

Value = int | str | bytes


@dataclass(frozen=True, slots=True)
class Walked:
    """A piece of one audience. end: where looking stopped, None at the audience's end. rows: how many were seen."""

    devices: list[Device]
    end: Place | None
    rows: int


Walk = Callable[[Audience, Place | None, int, int], Awaitable[Walked]]
"""(audience, after, limit, rows to look at at most)"""


def conditions(query: DeviceQuery, mark: str, has: str) -> tuple[str, list[Value]]:
    """SQL that is true for rows that meet the query, beside what finds them, and its values.

    mark: how the database writes a parameter; has: how it says that a text is in `tags`.
    """
    parts: list[str] = ["true"]
    values: list[Value] = []
    for column, wanted in (
        ("person", query.user), ("app_version", query.app_version), ("build", query.build),
        ("gone_reason", query.reason),
    ):  # fmt: skip
        if wanted:
            parts.append(f"{column} = {mark}")
            values.append(wanted)
    if query.test is not None:
        parts.append("test > 0" if query.test else "test = 0")
    if query.state is not None:
        parts.append(f"state = {int(query.state is DeviceState.GONE)}")
    if query.tags is not None:
        condition, tags = tags_condition(query.tags, has)
        parts.append(f"({condition})")
        values += tags
    return " AND ".join(parts), values


def ranges(provider: str, prefix: str) -> list[tuple[bytes | str, bytes | str]]:
    """The least and the greatest beginning, in stored form, of tokens with this prefix; none when none can have it."""
    normal = normal_prefix(provider, prefix)
    if normal is None:
        return []
    text = (normal[:START], normal[:START] + "\U0010ffff")
    if provider != "apns":
        return [text]
    odd = len(normal) % 2
    least, most = bytes.fromhex(normal + "0" * odd), bytes.fromhex(normal + "f" * odd)
    return [(least[:START], most[:START] + b"\xff" * (START - len(most[:START]))), text]


async def over(audiences: Sequence[Audience], query: DeviceQuery, after: Place | None, limit: int, walk: Walk) -> Found:
    """Audience after audience, until the page is full or enough was looked at."""
    found, left = list[Device](), WALK
    for audience in _from(audiences, query, after):
        begin = after if after is not None and after.audience == audience.id else None
        walked = await walk(audience, begin, limit - len(found), left)
        found += walked.devices
        left -= walked.rows if query.walks else 0
        if query.way is Way.TOKEN:
            if walked.end is not None:
                return Found(found, cut=True)
            continue
        if walked.end is not None:
            return Found(found, walked.end, WALK - left)
        if len(found) >= limit or left <= 0:
            following = [one.id for one in audiences if one.id > audience.id]
            return Found(found, Place(following[0], *LAST) if following else None, WALK - left)
    return Found(found, None, WALK - left if query.walks else 0)


def _from(audiences: Sequence[Audience], query: DeviceQuery, after: Place | None) -> list[Audience]:
    least = after.audience if after else 0
    return [
        one
        for one in audiences
        if one.id >= least
        and query.provider in ("", one.provider)
        and query.token_kind in ("", one.token_kind)
        and (query.way is not Way.TOKEN or normal_prefix(one.provider, query.token) is not None)
    ]
