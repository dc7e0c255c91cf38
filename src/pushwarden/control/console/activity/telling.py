"""One push as its page tells it: a verdict, the stages with their times, a funnel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pushwarden.control.console.plots import Meter, Stage, funnel
from pushwarden.core.names import called
from pushwarden.core.push import PushType
from pushwarden.core.reasons import known

Push = Mapping[str, Any]
"""What GET …/pushes or …/story answers of one."""
FATES = ("accepted", "refused", "unknown", "expired", "stopped", "withdrawn")
MOSTLY = 0.95
"""Share of the recipients that were accepted, from which on a push counts as accepted."""
CONFIRMED_MS = 60_000
"""So long the page waits for what devices may still report."""


_MARKS = {"accepted": "done", "mostly": "done", "mixed": "doubt", "unknown": "doubt", "refused": "bad"}


@dataclass(frozen=True, slots=True)
class Step:
    """id: of the template's words. mark: done, bad, doubt, wait, silent, never. after: ms since it was queued."""

    id: str
    mark: str
    after: int | None = None


def verdict(push: Push) -> str:
    """One word of the template's table."""
    if push["state"] != "done":
        going = "going" if push["in_flight"] or any(push[fate] for fate in FATES) else "queued"
        return {"held": "held", "scheduled": "scheduled", "discarding": "stopping"}.get(push["state"], going)
    ended = [fate for fate in FATES if push[fate]]
    if not ended:
        return "nobody"
    if len(ended) == 1 or not push["accepted"]:
        return ended[0]
    return "mostly" if push["accepted"] >= MOSTLY * sum(push[fate] for fate in FATES) else "mixed"


def steps(story: Push) -> list[Step]:
    """Queued, handed over, answered, confirmed, opened: each with what is known of it."""
    began = ms(story["accepted_at"])
    found = [Step("queued", "done", 0), _handed(story, began), _answered(story, began)]
    if story["accepted"] or story["state"] != "done":
        found += [_reported(story, "received"), _reported(story, "opened")]
    return found


def _handed(story: Push, began: int) -> Step:
    if story["handed_at"]:
        return Step("handed", "done", ms(story["handed_at"]) - began)
    if story["in_flight"] or story["accepted"] or story["refused"] or story["unknown"]:
        return Step("handed", "done")
    return Step("handed", "never" if story["state"] == "done" else "wait")


def _answered(story: Push, began: int) -> Step:
    after = ms(story["last_answer_at"]) - began if story["last_answer_at"] else None
    word = verdict(story)
    if story["state"] != "done":
        return Step("answered", "wait", after)
    mark = {"accepted": "done", "mostly": "done", "mixed": "doubt", "unknown": "doubt", "refused": "bad"}.get(
        word, "never"
    )
    return Step(word if mark == "never" else "answered", mark, after)


def _reported(story: Push, kind: str) -> Step:
    said = story["reports"][kind]
    if said:
        return Step(kind, "done", max(0, said["first_ms"]))
    waits = story["confirm"] and story["state"] != "done"
    return Step(kind, "wait" if waits else "silent")


def is_live(story: Push, now_ms: int) -> bool:
    """Whether the page looks again by itself."""
    if story["state"] != "done":
        return True
    said = story["reports"]["received"]
    missing = story["confirm"] and (said["devices"] if said else 0) < story["accepted"]
    return bool(missing) and now_ms - ms(story["finished_at"] or story["accepted_at"]) < CONFIRMED_MS


def stages(story: Push) -> list[Meter]:
    """Meant, accepted, confirmed, opened; what nobody reports is no zero."""
    received, opened = (story["reports"][kind] for kind in ("received", "opened"))
    whole = story["planned"] if story["planned"] is not None else story["estimated"]
    return funnel(
        "funnel",
        [
            Stage("Meant", whole),
            Stage("Accepted", story["accepted"], "m-acc"),
            Stage("Confirmed by the device", received["devices"] if received else None, "m-ok"),
            Stage("Opened", opened["devices"] if opened else None, "m-ok"),
        ],
    )


def answer_of(one: Mapping[str, Any]) -> str:
    """The provider's answer to one recipient as it came over the wire, as far as it is kept; empty for none."""
    if not one["status"]:
        return ""
    lines = [f"HTTP/2 {one['status']}"]
    if one.get("apns_id"):
        lines.append(f"apns-id: {one['apns_id'].upper()}")
    if one["reason"]:
        lines.append(f'{{"reason":"{one["reason"]}"}}')
    return "\n".join(lines)


def request_of(one: Mapping[str, Any]) -> str:
    """A request as it goes over the wire; why there is none, where it would be refused before."""
    if "refused" in one:
        return f"Refused before it was written: {one['refused']}"
    headers = "".join(f"{name}: {value}\n" for name, value in one["headers"].items())
    return f"{one['method']} {one['url']}\n{headers}\n{one['body']}"


def again(story: Push) -> bool:
    """Whether a second try may reach anybody of those who failed, as far as the push itself tells."""
    passing = any(known(one["reason"]).again for one in story["refusals"])
    return passing or bool(story["unknown"] and PushType(story["type"]).repeatable)


def people(story: Push) -> str:
    """Whose answer it is, in words; empty when it can be anybody's."""
    named = {one["provider"] for one in story["recipients"]} - {""}
    return called(named.pop()) if len(named) == 1 else ""


def ms(at: str | None) -> int:
    """Unix milliseconds of ISO 8601; 0 for none."""
    return round(datetime.fromisoformat(at).timestamp() * 1000) if at else 0
