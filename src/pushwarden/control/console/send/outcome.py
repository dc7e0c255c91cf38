"""What became of one push, as stages in their order: from the API's account of it. Pure, but for the asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pushwarden.control.console.visit import Visit
from pushwarden.core.errors import PushwardenError

Account = Mapping[str, Any]
"""GET …/pushes/{id}/story."""
SLOW_MS = 10_000
"""A push that is neither taken nor answered for so long is told as waiting, with where to look."""
SILENCE_MS, WATCHED_MS = 10_000, 60_000
"""So long a confirmation is waited for before the page says that none came, and is listened for after all."""


@dataclass(frozen=True, slots=True)
class Stage:
    """id: of the template's words. state: done, bad, wait, later, silent. after: ms since it was queued, or None."""

    id: str
    state: str
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """id: of the template's verdict. live: something can still change. reasons: refusals in words.

    watched: worth listening to, for a late confirmation may still come. slow: it takes longer than it should.
    """

    id: str
    push: Account
    stages: Sequence[Stage]
    live: bool
    provider: str
    reasons: Sequence[Mapping[str, Any]] = ()
    shown: Mapping[str, Any] | None = None
    recipients: int = 1
    watched: bool = False
    slow: bool = False

    @property
    def confirmed_after(self) -> int | None:
        """ms until the device had it, None where nobody said."""
        return next((one.after for one in self.stages if one.id == "confirmed"), None)


def outcome(push: Account, provider: str, shown: Mapping[str, Any] | None, now_ms: int) -> Outcome:
    """shown: what the simulated phone showed of it, None when there is no such phone or nothing yet."""
    began = _ms(push["accepted_at"]) or now_ms
    reported = push["reports"].get("received")
    confirmed = shown is not None or bool(reported)
    verdict = _verdict(push, confirmed)
    stages = [
        Stage("queued", "done", 0),
        Stage("handed", *_handed(push, began)),
        Stage("answered", *_answered(push, began)),
        Stage("confirmed", *_confirmed(push, confirmed, _confirmed_at(shown, reported, began), now_ms)),
    ]
    waiting = verdict == "accepted" and stages[-1].state == "wait"
    opened = push["reports"].get("opened")
    if reported:
        stages.append(_opened(opened))
    live = verdict in ("queued", "handed", "held", "scheduled") or waiting
    late = verdict == "accepted" and now_ms - (_ms(push.get("finished_at")) or now_ms) < WATCHED_MS
    slow = _slow(push, verdict, now_ms)
    return Outcome(
        verdict, push, stages, live, provider, push["refusals"], shown, push["estimated"], live or late, slow
    )


def _slow(push: Account, verdict: str, now_ms: int) -> bool:
    began = _ms(push["not_before"]) if push.get("not_before") else _ms(push["accepted_at"])
    return verdict in ("queued", "handed") and now_ms - began > SLOW_MS


def _verdict(push: Account, confirmed: bool) -> str:
    if push["state"] != "done":
        return {"held": "held", "scheduled": "scheduled"}.get(
            push["state"], "handed" if push["in_flight"] else "queued"
        )
    if confirmed:
        return "confirmed"
    for fate in ("accepted", "refused", "expired", "stopped", "unknown", "withdrawn"):
        if push[fate]:
            return fate
    return "nobody"


def _handed(push: Account, began: int) -> tuple[str, int | None]:
    after = _after(push.get("handed_at"), began)
    if push["accepted"] or push["refused"] or push["unknown"] or push["in_flight"] or after is not None:
        return "done", after
    return ("wait" if push["state"] != "done" else "later"), None


def _answered(push: Account, began: int) -> tuple[str, int | None]:
    after = _after(push.get("last_answer_at") or push.get("finished_at"), began)
    if push["accepted"]:
        return "done", after
    if push["refused"] or push["unknown"]:
        return "bad", after
    return ("wait" if push["in_flight"] else "later"), None


def _confirmed(push: Account, confirmed: bool, after: int | None, now_ms: int) -> tuple[str, int | None]:
    if confirmed:
        return "done", after
    if not push["accepted"]:
        return "later", None
    ended = _ms(push.get("finished_at")) or now_ms
    return ("wait" if now_ms - ended < SILENCE_MS else "silent"), None


def _opened(reported: Mapping[str, Any] | None) -> Stage:
    if not reported:
        return Stage("opened", "later")
    return Stage("opened", "done", max(0, int(reported["first_ms"])))


def _confirmed_at(shown: Mapping[str, Any] | None, reported: Mapping[str, Any] | None, began: int) -> int | None:
    """The device's own word before what its screen showed."""
    if reported:
        return max(0, int(reported["first_ms"]))
    return max(0, shown["at"] - began) if shown else None


def _after(at: Any, began: int) -> int | None:
    when = _ms(at)
    return max(0, when - began) if when else None


def _ms(at: Any) -> int:
    """Unix milliseconds of what the API gives: ISO 8601, or milliseconds, or nothing."""
    if isinstance(at, str):
        return round(datetime.fromisoformat(at).timestamp() * 1000)
    return int(at or 0)


async def outcome_of(visit: Visit, push_id: str, device: str = "") -> Outcome:
    """device: the installation it went to, where it is one and the account does not name it."""
    push = await visit.api.get(f"{visit.v1}/pushes/{push_id}/story")
    provider, shown = await _phone(visit, push, device or sole(push))
    return outcome(push, provider or _provider(push), shown, visit.now_ms)


def sole(push: Account) -> str:
    """The installation it went to; empty when there are several, or none that is known."""
    named = push.get("recipients", ())
    return str(named[0]["installation_id"]) if len(named) == 1 else ""


def _provider(push: Account) -> str:
    named = {str(one["provider"]) for one in push.get("recipients", ())} - {""}
    return named.pop() if len(named) == 1 else ""


async def _phone(visit: Visit, push: Account, device: str) -> tuple[str, Mapping[str, Any] | None]:
    """Whose device it is, and what a simulated phone showed since the push was queued."""
    if not device:
        return "", None
    try:
        rows = (await visit.api.get(f"{visit.v1}/devices/{device}"))["devices"]
        provider = rows[0]["provider"]
        if visit.where.environment != "simulated":
            return provider, None
        phones = (await visit.api.get(f"{visit.v1}/phones")).phones
    except PushwardenError:
        return "", None
    own = next((one for one in phones if one.installation_id == device), None)
    began = _ms(push["accepted_at"])
    return provider, next((one for one in reversed(own.shown if own else []) if one["at"] >= began), None)
