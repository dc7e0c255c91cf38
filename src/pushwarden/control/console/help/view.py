"""Help: the words explained, the keys, where to look; and the API's routes, to read."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Visit
from pushwarden.core.principal import Permission
from pushwarden.core.verdict import LOOKS
from pushwarden.web.routes import Within


async def show(_: Visit) -> Page:
    return Page("help/page.html", {"title": "Help", "looks": LOOKS})


async def routes_to_read(visit: Visit) -> Page:
    document = await visit.api.get("/openapi.json")
    return Page("help/api.html", {"title": "The API", "groups": grouped(document)})


def grouped(document: dict[str, Any]) -> dict[str, list[tuple[str, str, str, str]]]:
    """(method, path, what it does, the permission it needs) by what the path is about, in the order of paths."""
    found: dict[str, list[tuple[str, str, str, str]]] = {}
    for path, methods in sorted(document["paths"].items()):
        for method, said in methods.items():
            row = (method.upper(), path, said["summary"], said["x-permission"])
            found.setdefault(_about(path), []).append(row)
    return found


def _about(path: str) -> str:
    """The first word of a path that names things: `devices` of /v1/apps/{app}/{env}/devices/{id}."""
    words = [word for word in path.split("/") if word and not word.startswith("{") and word != "v1"]
    return (words[1] if words[0] == "apps" and len(words) > 1 else words[0]).partition(":")[0]


def routes() -> tuple[PageRoute, ...]:
    return (
        page("GET", "/help", show, None),
        page("GET", "/help/api", routes_to_read, Permission.SYSTEM_READ, within=Within.HANDLER),
    )
