"""Importing devices: the form, what the first lines would be, the upload as it runs, what came of it."""

from __future__ import annotations

import secrets
from typing import Any

from pushwarden.control.console.imports.upload import upload_of
from pushwarden.control.console.inside import chunked
from pushwarden.control.console.pages import PageRoute, page
from pushwarden.control.console.visit import Page, Redirect, Visit
from pushwarden.core.columns import FIELDS, GUESS
from pushwarden.core.errors import AlreadyExists, PushwardenError
from pushwarden.core.principal import Permission
from pushwarden.web.body import header
from pushwarden.web.call import Answer

PREVIEWED = 65_536
"""Bytes of a file the page shows before anything is sent."""


async def form(visit: Visit, empty: bool = False) -> Page:
    listed = await visit.api.get(f"{visit.v1}/devices/imports")
    return Page(
        "imports/page.html",
        {"title": "Import devices", "job": f"imp_{secrets.token_hex(8)}", "imports": listed["imports"], "empty": empty,
         "previewed": PREVIEWED},
        status=422 if empty else 200,
    )  # fmt: skip


async def take(visit: Visit) -> Page | Redirect:
    """As the file comes. What the file or the store refuses stands on the import's own page."""
    upload = upload_of(visit.headers, visit.receive)
    if not await upload.begin():
        return await form(visit, empty=True)
    job = visit.query.get("id", "") or f"imp_{secrets.token_hex(8)}"
    columns = visit.query.get("columns") or GUESS
    query = {"id": job, "size": _size(visit), **({"dry_run": "1"} if visit.query.get("dry_run") else {})}
    if upload.kind == b"text/csv":
        query["columns"] = columns
    try:
        await visit.api.send("POST", f"{visit.v1}/devices/import", chunked(upload.rest()), upload.kind, query)
    except AlreadyExists:
        raise
    except PushwardenError:
        await visit.api.get(f"{visit.v1}/devices/imports/{job}")  # it is known: its page says what happened
    return Redirect(f"{visit.base}/devices/imports/{job}")


def _size(visit: Visit) -> str:
    announced = (header(visit.headers, b"content-length") or b"0").decode("latin-1")
    return announced if announced.isdigit() and len(announced) < 13 else "0"


async def preview(visit: Visit) -> Page:
    """A part of a page: the columns and the first rows."""
    upload = upload_of(visit.headers, visit.receive)
    if not await upload.begin():
        return Page("imports/preview.html", {"told": None, "fields": FIELDS})
    upload.name = visit.query.get("name", "")
    columns = {"columns": visit.query["columns"]} if visit.query.get("columns") else {}
    beginning = b"".join([part async for part in upload.rest()])[:PREVIEWED]
    answer = await visit.api.send(
        "POST", f"{visit.v1}/devices/import/preview", chunked(_once(beginning)), upload.kind, columns
    )
    return Page("imports/preview.html", {"told": answer.body, "fields": FIELDS})


async def _once(content: bytes) -> Any:
    yield content


async def show(visit: Visit) -> Page:
    """The whole page, or what moves on it."""
    name = visit.params["import"]
    told = await visit.api.get(f"{visit.v1}/devices/imports/{name}")
    context = {"title": "Import", "told": told, "name": name}
    return Page("imports/moving.html" if visit.query.get("part") else "imports/result.html", context)


async def remove(visit: Visit) -> Redirect:
    await visit.api.delete(f"{visit.v1}/devices/imports/{visit.params['import']}")
    return Redirect(f"{visit.base}/devices/import", toast="The report is removed; the devices stay.")


async def errors(visit: Visit) -> Answer:
    return await visit.api.answer("GET", f"{visit.v1}/devices/imports/{visit.params['import']}/errors")


def routes() -> tuple[PageRoute, ...]:
    base, write = "/apps/{app}/{env}/devices", Permission.DEVICE_WRITE
    return (
        page("GET", base + "/import", form, write),
        page("POST", base + "/import", take, write, streams=True),
        page("POST", base + "/import/preview", preview, write, streams=True),
        page("GET", base + "/imports/{import}", show, write),
        page("POST", base + "/imports/{import}/remove", remove, write),
        page("GET", base + "/imports/{import}/errors", errors, write),
    )
