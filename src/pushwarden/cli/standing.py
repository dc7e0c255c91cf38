"""credentials health: how all credentials stand, the most urgent first."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pushwarden.cli.apps import words_of
from pushwarden.cli.common import api
from pushwarden.cli.out import REFUSED, Json, console, emit, rows
from pushwarden.cli.switching import credentials

__all__ = ["credentials"]

_COLUMNS = ("app", "environment", "credential", "provider", "slot", "health", "ends", "devices")


@credentials.command("health")
def credentials_health(
    context: typer.Context,
    app: Annotated[str, typer.Argument(help="Only this app.")] = "",
    expiring_within: Annotated[str, typer.Option(help="Only what ends within so many days, like 60d.")] = "",
    json: Json = False,
) -> None:
    """How credentials stand: the most urgent first, with what to do. Exit 1 when one in use is refused or has ended."""
    params = {"expiring_within": expiring_within} if expiring_within else {}
    found = api(context).call("GET", "/v1/credentials", params=params, as_json=json)["credentials"]
    found = [one for one in found if app in ("", one["app"])]
    if json:
        emit(found, True)
    else:
        rows([_row(one) for one in found], _COLUMNS, False, "No credential. pushwarden credentials add APP FILE")
        for one in found:
            _explain(one)
    used = (one["credential"] for one in found if one["credential"]["state"] == "active")
    if any(credential["health"]["state"] == "failing" for credential in used):
        raise typer.Exit(REFUSED)


def _row(one: dict[str, Any]) -> dict[str, Any]:
    credential = one["credential"]
    return {
        "app": one["app"], "environment": one["environment"], "credential": credential["id"],
        "provider": credential["provider"], "slot": credential["slot"], "devices": f"{one['devices']:,}",
        **words_of(credential),
    }  # fmt: skip


def _explain(one: dict[str, Any]) -> None:
    for check in one["credential"]["health"]["checks"]:
        console.print(f"\n{one['credential']['id']}: {check['title']}. {check['message']}", markup=False)
        if check["next"]:
            console.print(f"    {check['next']}", markup=False)
