"""credentials request, requests, answer, request-delete: a certificate of Apple's without a Mac."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from pushwarden.cli.apps import credentials
from pushwarden.cli.client import place, read_credential
from pushwarden.cli.common import PRODUCTION, App, Env, api
from pushwarden.cli.out import Json, console, emit, fail, rows
from pushwarden.cli.report import show_report

__all__ = ["credentials"]
_COLUMNS = ("id", "name", "state", "renews", "answered_by", "created_at")


@credentials.command("request")
def credentials_request(
    context: typer.Context,
    app: App,
    env: Env = PRODUCTION,
    out: Annotated[Path | None, typer.Option(help="Where the file for Apple goes, - for the screen.")] = None,
    name: Annotated[str, typer.Option(help="What it is called; the app's name when left out.")] = "",
    email: Annotated[str, typer.Option(help="Whom it names; the app's first contact when left out.")] = "",
    renews: Annotated[str, typer.Option(help="The certificate that ends soon.")] = "",
    again: Annotated[str, typer.Option(help="A request made before: its file and its steps once more.")] = "",
    json: Json = False,
) -> None:
    """Make a certificate request for Apple; its private key stays sealed on the server."""
    one, base = api(context), place("apps", app, env, "credentials", "requests")
    body = {field: value for field, value in (("name", name), ("email", email), ("renews", renews)) if value}
    if again:
        made = one.call("GET", f"{base}/{quote(again, safe='')}", as_json=json)
    else:
        made = one.call("POST", base, json=body, as_json=json)
    if str(out) == "-" and not json:
        console.print(made["pem"], markup=False, end="")
        return
    if out is not None and str(out) != "-":
        _save(out, made, json)
    elif not json:
        _save(_free(made), made, json)
    if not json:
        for number, step in enumerate(made["steps"], 1):
            console.print(f"{number}. {step}", markup=False)
    emit(made, json, f"Request {made['request']['id']} waits for Apple's certificate.")


@credentials.command("requests")
def credentials_requests(context: typer.Context, app: App, env: Env = PRODUCTION, json: Json = False) -> None:
    """The certificate requests made here."""
    found = api(context).call("GET", place("apps", app, env, "credentials", "requests"), as_json=json)["requests"]
    rows(found, _COLUMNS, json, f"None. Make one: pushwarden credentials request {app} --env {env}")


@credentials.command("answer")
def credentials_answer(
    context: typer.Context,
    app: App,
    file: Annotated[Path, typer.Argument(help="The .cer Apple gave.")],
    env: Env = PRODUCTION,
    request: Annotated[str, typer.Option(help="Which request it is for; found by itself when left out.")] = "",
    activate: Annotated[bool, typer.Option(help="Send with it from now on.")] = False,
    json: Json = False,
) -> None:
    """Bring Apple's certificate back; with the key that waits here it becomes a standby credential."""
    one, base = api(context), place("apps", app, env, "credentials")
    content = base64.b64encode(read_credential(file, json)).decode()
    path = place("apps", app, env, "credentials", "requests", request, "certificate") if request else base
    body = {"provider": "apns", "content": content, "file_name": file.name}
    made = one.call("POST", path, json=body, as_json=json)
    name = made["credential"]["id"]
    if activate:
        made["credential"] = one.call("POST", f"{base}/{name}/activate", as_json=json)
    if not json:
        show_report(made)
    words = f"{name} is {made['credential']['state']} for {app} in {env}."
    emit(made, json, words if activate else f"{words} Next: pushwarden credentials activate {app} {name} --env {env}")


@credentials.command("request-delete")
def credentials_request_delete(
    context: typer.Context, app: App, request: str, env: Env = PRODUCTION, json: Json = False
) -> None:
    """Destroy a request and its key; a certificate made from it is of no use afterwards."""
    api(context).call("DELETE", place("apps", app, env, "credentials", "requests", request), as_json=json)
    emit({"deleted": request}, json, f"Request {request} and its key are gone.")


def _free(made: dict[str, Any]) -> Path:
    """The suggested name, with the request's id where a file has that name."""
    path = Path(made["file_name"])
    return path.with_stem(f"{path.stem}_{made['request']['id']}") if path.exists() else path


def _save(path: Path, made: dict[str, Any], as_json: bool) -> None:
    try:
        path.write_text(made["pem"])
    except OSError as error:
        said = f"{path} cannot be written: {error.strerror}. The request is made; have its file with --again "
        raise fail(f"{said}{made['request']['id']}.", as_json, "unwritable") from error
    if not as_json:
        console.print(f"Saved {path}.", markup=False)
