"""What both databases share of a search: its conditions, the range of a token's beginning, the way over audiences."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pushwarden.adapters.device_rows import tags_condition
from pushwarden.core.device import Audience, Device, DeviceState
from pushwarden.core.device_search import WALK, DeviceQuery, Found, Place, normal_prefix

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


@dataclass(frozen=True, slots=True)
class Tongue:
    """How a database says it. mark: a parameter; has: that a text is in `tags`; stored: a token's bytes or text."""

    mark: str
    has: str
    stored: Callable[[bytes | str], Value]


def conditions(query: DeviceQuery, provider: str, tongue: Tongue) -> tuple[str, list[Value]]:
    """SQL that is true for rows that meet the query, beside what finds them, and its values."""
    mark = tongue.mark
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
        condition, tags = tags_condition(query.tags, tongue.has)
        parts.append(f"({condition})")
        values += tags
    if query.begins:
        pairs = ranges(provider, query.begins)
        parts.append("(" + " OR ".join(f"token >= {mark} AND token < {mark}" for _ in pairs) + ")")
        values += [tongue.stored(limit) for pair in pairs for limit in pair]
    return " AND ".join(parts), values


def ranges(provider: str, prefix: str) -> list[tuple[bytes | str, bytes | str]]:
    """The least token in stored form that begins so, and the least beyond those; APNs tokens stand as bytes or text."""
    normal = normal_prefix(provider, prefix) or ""
    text = (normal, normal + "\U0010ffff")
    if provider != "apns":
        return [text]
    odd = len(normal) % 2
    least, most = bytes.fromhex(normal + "0" * odd), bytes.fromhex(normal + "f" * odd)
    short = most.rstrip(b"\xff")
    beyond = short[:-1] + bytes([short[-1] + 1]) if short else b"\xff" * 1024
    return [(least, beyond), text]


async def over(audiences: Sequence[Audience], query: DeviceQuery, after: Place | None, limit: int, walk: Walk) -> Found:
    """Audience after audience, until the page is full or enough was looked at."""
    found, left = list[Device](), WALK
    for audience in _from(audiences, query, after):
        begin = after if after is not None and after.audience == audience.id else None
        walked = await walk(audience, begin, limit - len(found), left)
        found += walked.devices
        left -= walked.rows if query.walks else 0
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
        and None not in (normal_prefix(one.provider, query.token), normal_prefix(one.provider, query.begins))
    ]
