"""send, pushes, why: the data plane from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pushwarden.cli.client import place, read_file
from pushwarden.cli.common import PRODUCTION, App, Env, api, group
from pushwarden.cli.operations import show_receipt
from pushwarden.cli.out import REFUSED, Json, console, emit, errors, fail, rows

pushes = group("Pushes: how they stand, who was not reached, cancel.")


def send(
    context: typer.Context,
    app: App,
    env: Env = PRODUCTION,
    user: Annotated[str, typer.Option(help="To this user's devices.")] = "",
    device: Annotated[str, typer.Option(help="To this installation.")] = "",
    tags: Annotated[str, typer.Option(help='To devices with these tags: "beta && !ios16".')] = "",
    everyone: Annotated[bool, typer.Option("--all", help="To every device of the app.")] = False,
    kind: Annotated[str, typer.Option("--type", help="alert, background, voip, …")] = "alert",
    title: Annotated[str, typer.Option(help="The headline.")] = "",
    body: Annotated[str, typer.Option(help="The text.")] = "",
    data: Annotated[str, typer.Option(help="A JSON object for the app.")] = "",
    ttl: Annotated[int | None, typer.Option(help="Seconds it is worth sending.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="A whole request as JSON, - for standard input; options go on top of it.")
    ] = None,
    when_stopped: Annotated[str, typer.Option(help="refuse or hold.")] = "",
    credential: Annotated[str, typer.Option(help="One on standby, to be tried on test devices.")] = "",
    idempotency_key: Annotated[str, typer.Option(help="The same key never sends twice.")] = "",
    preview: Annotated[bool, typer.Option(help="Show the provider's requests; send nothing.")] = False,
    wait: Annotated[
        bool, typer.Option(help="Until every recipient has ended; exit 1 when nobody was reached.")
    ] = False,
    json: Json = False,
) -> None:
    """Send a push."""
    targets: dict[str, Any] = {"user": user, "device": device, "tags": tags, "all": everyone}
    said = {"title": title, "body": body, "ttl": ttl, "when_stopped": when_stopped, "credential": credential}
    request: dict[str, Any] = {"to": {}, "type": kind} | (
        _object(read_file(file, json), str(file), json) if file else {}
    )
    request |= {name: value for name, value in said.items() if value not in ("", None)}
    request["to"] = {name: value for name, value in targets.items() if value} or request["to"]
    if data:
        request["data"] = _object(data.encode(), "--data", json)
    one = api(context)
    base = place("apps", app, env, "pushes")
    if preview:
        emit(one.call("POST", f"{base}/preview", json=request, as_json=json), True)
        return
    headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
    receipt = one.call("POST", base, json=request, headers=headers, as_json=json)
    if not json:
        for warning in receipt.get("warnings", ()):
            errors.print(warning, markup=False)
    if not wait:
        emit(receipt, json, f"{receipt['id']} accepted. pushwarden pushes show {app} {receipt['id']} --env {env}")
        return
    ended = follow(context, f"{base}/{receipt['id']}", quiet=json)
    emit(ended, json)
    if not ended["accepted"] and (ended["planned"] or ended["state"] != "done"):
        raise typer.Exit(REFUSED)


def _object(text: bytes, where: str, as_json: bool) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise fail(f"{where} is not a JSON object: {error}.", as_json, "malformed") from error


def follow(context: typer.Context, path: str, *, quiet: bool) -> dict[str, Any]:
    """Polls a push until it is done, with a bar on a terminal; its last state."""
    import time

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    one = api(context)
    shown = not quiet and sys.stderr.isatty()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, disable=not shown, transient=True) as progress:
        bar = progress.add_task("sending")
        while True:
            state: dict[str, Any] = one.call("GET", path, as_json=quiet)
            total = state.get("planned") or state.get("estimated") or 0
            progress.update(bar, total=total, completed=total - state["pending"] - state["in_flight"])
            if state["state"] in ("done", "held"):
                return state
            time.sleep(0.1)


@pushes.command("list")
def pushes_list(
    context: typer.Context,
    app: App,
    env: Env = PRODUCTION,
    outcome: Annotated[str, typer.Option(help="accepted, refused, unknown, expired, stopped or withdrawn.")] = "",
    reason: Annotated[str, typer.Option(help="The provider's word, such as Unregistered.")] = "",
    source: Annotated[str, typer.Option(help="api, person, test, schedule or retry.")] = "",
    text: Annotated[str, typer.Option("--find", help="An id, an apns-id, or words of the push.")] = "",
    limit: Annotated[int, typer.Option(help="As many at most.")] = 50,
    json: Json = False,
) -> None:
    """The newest pushes, or those that are sought."""
    asked = {"outcome": outcome, "reason": reason, "source": source, "q": text, "limit": limit}
    params = {name: value for name, value in asked.items() if value}
    found = api(context).call("GET", place("apps", app, env, "pushes"), params=params, as_json=json)["pushes"]
    columns = ("id", "type", "source", "state", "planned", "accepted", "refused", "accepted_at")
    rows(found, columns, json, "No push is like that." if len(params) > 1 else "No push yet. pushwarden send …")


def why(
    context: typer.Context,
    app: App,
    device: Annotated[str, typer.Argument(help="Its installation id, or its token.")],
    push: Annotated[str, typer.Option(help="A push's id or an apns-id; without one the last pushes.")] = "",
    env: Env = PRODUCTION,
    json: Json = False,
) -> None:
    """Why a device did or did not get a push."""
    path = place("apps", app, env, "devices", device, "why")
    found = api(context).call("GET", path, params={"push": push} if push else {}, as_json=json)
    stories = found["stories"]
    if json:
        emit(found, json)
        return
    if len(stories) != 1:
        rows(stories, ("push", "title", "says", "reason", "accepted_at"), json, "Nothing was sent here yet.")
        return
    (story,) = stories
    answer = f" ({story['status']} {story['reason']})" if story["reason"] else ""
    emit(story, json, " ".join(filter(None, (f"{story['says']}{answer}.", story["because"], story["todo"]))))


@pushes.command("show")
def pushes_show(context: typer.Context, app: App, push: str, env: Env = PRODUCTION, json: Json = False) -> None:
    """A push and its counts."""
    emit(api(context).call("GET", place("apps", app, env, "pushes", push), as_json=json), json)


@pushes.command("failures")
def pushes_failures(context: typer.Context, app: App, push: str, env: Env = PRODUCTION, json: Json = False) -> None:
    """Who was not reached, and why."""
    found = api(context).call("GET", place("apps", app, env, "pushes", push, "failures"), as_json=json)["failures"]
    rows(found, ("audience", "seq", "fate", "status", "reason", "at", "meaning", "action"), json, "Nobody failed.")


@pushes.command("cancel")
def pushes_cancel(context: typer.Context, app: App, push: str, env: Env = PRODUCTION, json: Json = False) -> None:
    """Stop what is left of a push."""
    path = place("apps", app, env, "pushes", push, "cancel")
    answer = api(context).call("POST", path, as_json=json)
    if json or answer["receipt"] is None:
        emit(answer, json, f"{push} had ended already.")
        return
    console.print(f"{push} is cancelled; what was not written ends `stopped`.", markup=False)
    show_receipt(answer["receipt"])
