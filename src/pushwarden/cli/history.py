"""apps versions|diff|restore: what was configured when, and the way back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pushwarden.cli.apps import apps
from pushwarden.cli.client import place
from pushwarden.cli.common import App, api
from pushwarden.cli.out import Json, console, emit, rows

__all__ = ["apps"]

Number = Annotated[int, typer.Argument(help="A version's number.")]
_DIFFERENCE = ("name", "before", "after")


@apps.command("versions")
def versions(
    context: typer.Context,
    app: App,
    limit: Annotated[int, typer.Option(help="Versions at most.")] = 20,
    json: Json = False,
) -> None:
    """What was configured when and by whom, newest first."""
    found = api(context).call("GET", place("apps", app, "versions"), params={"limit": limit}, as_json=json)["versions"]
    told = [one | {"by": one["actor_name"] or "Pushwarden", "changed": _named(one)} for one in found]
    rows(found if json else told, ("number", "at", "by", "action", "changed"), json, "No version is kept yet.")


@apps.command("diff")
def diff(
    context: typer.Context,
    app: App,
    version: Number,
    to: Annotated[int, typer.Option(help="Another version; what is in effect now when left out.")] = 0,
    json: Json = False,
) -> None:
    """What differs between a version and what is in effect now, or another version."""
    way = place("apps", app, "versions", str(version), "diff")
    found = api(context).call("GET", way, params={"to": to}, as_json=json)
    rows(found["differences"], _DIFFERENCE, json, "Nothing differs.")


@apps.command("restore")
def restore(
    context: typer.Context,
    app: App,
    version: Number,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would mean.")] = False,
    confirm_lost: Annotated[
        bool, typer.Option("--confirm-lost", help="What cannot be brought back may stay as it is.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit.")] = "",
    json: Json = False,
) -> None:
    """Configure an app again as it was in a version."""
    one, base = api(context), place("apps", app, "versions")
    newest = one.call("GET", base, params={"limit": 1}, as_json=json)["versions"]
    body = {"version": newest[0]["number"] if newest else 1, "confirm": ["lost"] if confirm_lost else []}
    body["reason"] = reason
    params = {"dry_run": "true"} if dry_run else {}
    done = one.call("POST", f"{base}/{version}/restore", json=body, params=params, as_json=json)
    if json:
        emit(done, True)
        return
    rows(done["differences"], _DIFFERENCE, False, "Nothing differs.")
    for sentence in [*(lost["sentence"] for lost in done["lost"]), *done["notes"]]:
        console.print(sentence, markup=False)
    words = (
        f"Version {done['version']} is in effect, as version {version} was." if done["done"] else "Nothing was done."
    )
    console.print(words, markup=False)


@apps.command("bin")
def binned(context: typer.Context, json: Json = False) -> None:
    """Apps that were deleted within the week and can be put back."""
    found = api(context).call("GET", "/v1/bin", as_json=json)["apps"]
    told = [{"app": one["app"]["id"], "name": one["app"]["name"], "deleted_at": one["deleted_at"]} for one in found]
    rows(found if json else told, ("app", "name", "deleted_at"), json, "The bin is empty.")


@apps.command("undelete")
def undelete(context: typer.Context, app: App, json: Json = False) -> None:
    """Put a deleted app back as it was."""
    emit(api(context).call("POST", place("bin", app), as_json=json), json, f"{app} is back as it was.")


def _named(version: dict[str, Any]) -> str:
    return ", ".join(change["name"] for change in version["changed"])
