"""credentials activate, switch-back, enable, disable, delete: which credential sends."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pushwarden.cli.client import place
from pushwarden.cli.common import PRODUCTION, App, Env, api
from pushwarden.cli.out import Json, console, emit, fail
from pushwarden.cli.requests import credentials

__all__ = ["credentials"]

Credential = Annotated[str, typer.Argument(help="Its id, from `credentials list`.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would mean; change nothing.")]


@credentials.command("activate")
def credentials_activate(
    context: typer.Context,
    app: App,
    credential: Credential,
    env: Env = PRODUCTION,
    slot: Annotated[str | None, typer.Option(help="Another slot than its own: voip, for calls alone.")] = None,
    confirm: Annotated[
        list[str] | None, typer.Option(help="A consequence you want: topics, team, project or unproven.")
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Send with this credential; the one before can be switched back to for a week."""
    body: dict[str, Any] = {"confirm": confirm or []} | ({} if slot is None else {"slot": slot})
    _switch(context, place("apps", app, env, "credentials", credential, "activate"), body, dry_run, json)


@credentials.command("switch-back")
def credentials_switch_back(
    context: typer.Context,
    app: App,
    credential: Credential,
    env: Env = PRODUCTION,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Send with a previous credential again."""
    _switch(context, place("apps", app, env, "credentials", credential, "switch-back"), {}, dry_run, json)


@credentials.command("enable")
def credentials_enable(
    context: typer.Context, app: App, credential: Credential, env: Env = PRODUCTION, json: Json = False
) -> None:
    """Let its pushes go again."""
    _set(context, place("apps", app, env, "credentials"), credential, True, json)


@credentials.command("disable")
def credentials_disable(
    context: typer.Context, app: App, credential: Credential, env: Env = PRODUCTION, json: Json = False
) -> None:
    """Let its pushes wait, until it is enabled or they expire. Nothing is lost."""
    _set(context, place("apps", app, env, "credentials"), credential, False, json)


@credentials.command("delete")
def credentials_delete(
    context: typer.Context,
    app: App,
    credential: Credential,
    env: Env = PRODUCTION,
    force: Annotated[bool, typer.Option(help="Also when it is active: its pushes wait until another is.")] = False,
    json: Json = False,
) -> None:
    """Forget a credential and destroy its material."""
    path = place("apps", app, env, "credentials", credential)
    api(context).call("DELETE", path, params={"force": "true"} if force else {}, as_json=json)
    emit({"deleted": credential}, json, f"Deleted {credential}.")


def _switch(context: typer.Context, path: str, body: dict[str, Any], dry_run: bool, as_json: bool) -> None:
    params = {"dry_run": "true"} if dry_run else {}
    now = api(context).call("POST", path, json=body, params=params, as_json=as_json)
    if not as_json:
        for one in now["consequences"]:
            console.print(f"! {one['sentence']}", markup=False)
    where = f" for {now['slot']}" if now["slot"] else ""
    verb = "is" if now["done"] else "would be"
    emit(now, as_json, f"{now['id']} {verb} {now['state']}{where}.")


def _set(context: typer.Context, base: str, credential: str, enabled: bool, as_json: bool) -> None:
    one = api(context)
    kept = one.call("GET", base, as_json=as_json)["credentials"]
    version = next((row["version"] for row in kept if row["id"] == credential), None)
    if version is None:
        raise fail(f"There is no credential {credential} here.", as_json, "not_found")
    body = {"version": version, "enabled": enabled}
    now = one.call("PATCH", f"{base}/{credential}", json=body, as_json=as_json)
    emit(now, as_json, f"{credential} is {'enabled' if now['enabled'] else 'disabled'}.")
