"""What became of each push: lists of one app and of all, one push with its stages, why a device got none, once more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pushwarden.control.console.activity.asking import RANGES, Asked, choices, pills
from pushwarden.control.console.activity.telling import again as may_again
from pushwarden.control.console.activity.telling import answer_of, is_live, people, request_of, stages, steps, verdict
from pushwarden.control.console.activity.watching import Watching
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.errors import Invalid, NotFound
from pushwarden.core.principal import Permission
from pushwarden.ports.records import LOOK
from pushwarden.web.call import JSON, Answer
from pushwarden.web.routes import Within

ROWS = 50


async def everywhere(visit: Visit) -> Page:
    """All apps' pushes."""
    asked = Asked.of(visit.query)
    apps = (await visit.api.get("/v1/apps")).apps
    names = {app.id: app.name for app in apps}
    return Page("activity/deliveries.html", {"title": "Deliveries", "names": names, **await _found(visit, asked)})


async def here(visit: Visit) -> Page:
    """One app's, in one environment."""
    asked = replace(Asked.of(visit.query), app="", env="")
    return Page("activity/page.html", {"title": "Activity", "names": {}, **await _found(visit, asked)})


async def _found(visit: Visit, asked: Asked) -> dict[str, Any]:
    path, errors = _list(visit), dict[str, str]()
    found: dict[str, Any] = {"pushes": [], "next": None}
    counted, query = None, asked.api(visit.now_ms)
    try:
        found = await visit.api.get(path, limit=ROWS, **query, **({"before": asked.before} if asked.before else {}))
        counted = None if visit.partial else await visit.api.get(f"{path}/counts", **query)
    except (Invalid, NotFound) as error:
        errors = {"q": error.detail}
    return {
        "found": found,
        "asked": asked,
        "errors": errors,
        "pills": pills(counted),
        "choices": choices(counted, asked),
        "counted": counted,
        "ranges": tuple(RANGES),
        "verdict_of": verdict,
        "place": visit.path,
        "look": LOOK,
    }


def _list(visit: Visit) -> str:
    return f"{visit.v1}/pushes" if visit.where.app else "/v1/pushes"


async def export(visit: Visit) -> Answer:
    """Everything that fits, as a file."""
    form = "csv" if visit.query.get("format") == "csv" else "jsonl"
    asked = Asked.of(visit.query)
    if visit.where.app:
        asked = replace(asked, app="", env="")
    query = asked.api(visit.now_ms) | {"format": form}
    answer = await visit.api.send("GET", f"{_list(visit)}/export", visit.receive, JSON, query)
    where = f"{visit.where.app}-{visit.where.environment}-pushes" if visit.where.app else "pushes"
    return replace(answer, headers=((b"content-disposition", f'attachment; filename="{where}.{form}"'.encode()),))


async def one(visit: Visit) -> Page:
    requests = (await visit.api.get(_own(visit) + "/requests"))["requests"]
    return Page("activity/push.html", await _told(visit) | {"requests": [request_of(one) for one in requests]})


async def live(visit: Visit) -> Page:
    """What changes of one push's page while it is looked at."""
    return Page("activity/live.html", await _told(visit))


async def _told(visit: Visit) -> dict[str, Any]:
    story = await visit.api.get(_own(visit) + "/story")
    return {
        "title": "One push",
        "story": story,
        "sent_by": await _called(visit, story["actor"]),
        "word": verdict(story),
        "steps": steps(story),
        "live": is_live(story, visit.now_ms),
        "funnel": stages(story),
        "people": people(story),
        "may_again": may_again(story),
        "answer_of": answer_of,
        "raw": json.dumps(story["message"], ensure_ascii=False, indent=2),
        "device_path": lambda name: f"{visit.base}/devices/{quote(name, safe='')}",
        "why_path": lambda name: f"{visit.base}/activity/why?device={quote(name, safe='')}&push={story['id']}",
    }


async def _called(visit: Visit, actor: str) -> str:
    """What people call the key or the person; empty when that is not known, or not for this visitor to know."""
    found: list[Any] = []
    if visit.principal.ever(Permission.KEY_READ):
        found += (await visit.api.get("/v1/keys")).keys
    if visit.principal.ever(Permission.PEOPLE_READ):
        found += (await visit.api.get("/v1/users")).users
    return next((str(one.name) for one in found if one.id == actor), "")


def _own(visit: Visit) -> str:
    return f"{visit.v1}/pushes/{visit.params['push']}"


async def why(visit: Visit) -> Page:
    """A device by its installation or token, and a push by its id; without one the last pushes."""
    device, push = visit.query.get("device", "").strip(), visit.query.get("push", "").strip()
    told, errors = None, dict[str, str]()
    if device:
        try:
            path = f"{visit.v1}/devices/{quote(device, safe='')}/why"
            told = await visit.api.get(path, **({"push": push} if push else {}))
        except (Invalid, NotFound) as error:
            errors = {"push" if push and "push" in error.detail else "device": error.detail}
    elif push:
        errors = {"device": "Name the device: its installation id or its token."}
    context = {"title": "Why", "device": device, "push": push, "told": told, "errors": errors}
    return Page("activity/why.html", context, 404 if errors else 200)


async def asking_again(visit: Visit) -> Page:
    """To how many it would go, before it goes."""
    story = await visit.api.get(_own(visit) + "/story")
    counted = await visit.api.post(_own(visit) + "/retry", {"dry_run": True})
    return Page("activity/again.html", {"title": "Send again", "story": story, "counted": counted})


async def again(visit: Visit) -> Redirect:
    done = await visit.api.post(_own(visit) + "/retry", {})
    many = "1 recipient" if done["again"] == 1 else f"{done['again']} recipients"
    return Redirect(f"{visit.base}/activity/{done['push']}", toast=f"Sent again to {many}.")


def routes(watching: Watching) -> tuple[PageRoute, ...]:
    base = "/apps/{app}/{env}/activity"
    push, read, send = base + "/{push}", Permission.PUSH_READ, Permission.PUSH_SEND
    return (
        page("GET", "/deliveries", everywhere, read, within=Within.AROUND),
        page("GET", "/deliveries/export", export, read, within=Within.AROUND),
        page("GET", base, here, read),
        page("GET", base + "/export", export, read),
        page("GET", base + "/why", why, read),
        page("GET", push, one, read),
        page("GET", push + "/live", live, read),
        page("GET", push + "/events", watching.events, read),
        page("GET", push + "/again", asking_again, send),
        page("POST", push + "/again", again, send),
    )
