"""phones: simulated ones, that show the pushes of an app that has no account at Apple or Google yet."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from pushwarden.cli.client import place
from pushwarden.cli.common import App, api, group
from pushwarden.cli.out import Json, console, emit

phones = group("Phones: simulated ones, for a first push without any file.")
Platform = Annotated[Literal["apns", "fcm"], typer.Option(help="Whose: apns is an iPhone, fcm an Android phone.")]
SIMULATED = "simulated"


@phones.command("add")
def phones_add(context: typer.Context, app: App, provider: Platform = "apns", json: Json = False) -> None:
    """Add the simulated phone of an app, with a credential for its simulator where there is none."""
    one, credentials = api(context), place("apps", app, SIMULATED, "credentials")
    kept = one.call("GET", credentials, as_json=json)["credentials"]
    if not any(each["provider"] == provider and each["state"] == "active" for each in kept):
        one.call("POST", f"{credentials}/simulated", json={"provider": provider}, as_json=json)
    made = one.call("POST", place("apps", app, SIMULATED, "phones"), json={"provider": provider}, as_json=json)
    name = made["installation_id"]
    emit(made, json, f"Added {name}. Next: pushwarden send {app} --env {SIMULATED} --device {name} --title Hello")


@phones.command("list")
def phones_list(context: typer.Context, app: App, json: Json = False) -> None:
    """The simulated phones of an app and what they showed, newest first."""
    found = api(context).call("GET", place("apps", app, SIMULATED, "phones"), as_json=json)
    if json:
        emit(found, json)
        return
    for phone in found["phones"]:
        console.print(phone["installation_id"], markup=False)
        for shown in phone["shown"]:
            console.print(f"  {_line(shown)}", markup=False)
    if not found["phones"]:
        console.print(f"No simulated phone yet. Add one: pushwarden phones add {app}", markup=False)


@phones.command("remove")
def phones_remove(context: typer.Context, app: App, phone: str, json: Json = False) -> None:
    """Remove a simulated phone and its device."""
    api(context).call("DELETE", place("apps", app, SIMULATED, "phones", phone), as_json=json)
    emit({"removed": phone}, json, f"Removed {phone}.")


def _line(shown: dict[str, Any]) -> str:
    words = [part for part in (shown["title"], shown["body"]) if part]
    return f"[{shown['push_type'] or 'push'}] " + (": ".join(words) or "(silent)")
