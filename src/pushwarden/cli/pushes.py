"""send, pushes, devices: the data plane from the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pushwarden.cli.common import PRODUCTION, App, Env, api, group
from pushwarden.cli.out import REFUSED, Json, console, emit, errors, fail, rows

pushes = group("Pushes: how they stand, who was not reached, cancel.")
devices = group("Devices: import, export, one at a time.")

CHUNK = 1 << 18


def send(
    context: typer.Context,
    app: App,
    env: Env = PRODUCTION,
    user: Annotated[str, typer.Option(help="To this user's devices.")] = "",
    device: Annotated[str, typer.Option(help="To this installation.")] = "",
    tags: Annotated[str, typer.Option(help='To devices with these tags: "beta && !ios16".')] = "",
    everyone: Annotated[bool, typer.Option("--all", help="To every device of the app.")] = False,
    kind: Annotated[str, typer.Option("--type", help="alert, background, voip, …")] = "alert",
    title: str = "",
    body: str = "",
    data: Annotated[str, typer.Option(help="A JSON object for the app.")] = "",
    ttl: Annotated[int | None, typer.Option(help="Seconds it is worth sending.")] = None,
    idempotency_key: Annotated[str, typer.Option(help="The same key never sends twice.")] = "",
    preview: Annotated[bool, typer.Option(help="Show the provider's requests; send nothing.")] = False,
    wait: Annotated[bool, typer.Option(help="Until every recipient has ended.")] = False,
    json: Json = False,
) -> None:
    """Send a push."""
    targets: dict[str, Any] = {"user": user, "device": device, "tags": tags, "all": everyone}
    request: dict[str, Any] = {"to": {name: value for name, value in targets.items() if value}, "type": kind}
    request |= {
        name: value for name, value in (("title", title), ("body", body), ("ttl", ttl)) if value not in ("", None)
    }
    if data:
        try:
            request["data"] = msgspec.json.decode(data.encode())
        except msgspec.DecodeError as error:
            raise fail(f"--data is not JSON: {error}.", json, "malformed") from error
    one = api(context)
    base = f"/v1/apps/{app}/{env}/pushes"
    if preview:
        emit(one.call("POST", f"{base}/preview", json=request, as_json=json), True)
        return
    headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
    receipt = one.call("POST", base, json=request, headers=headers, as_json=json)
    if wait:
        emit(follow(context, f"{base}/{receipt['id']}", quiet=json), json)
    else:
        emit(receipt, json, f"{receipt['id']} accepted. pushwarden pushes show {app} {receipt['id']} --env {env}")


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
            if state["state"] in ("done", "held", "stopped"):
                return state
            time.sleep(0.1)


@pushes.command("list")
def pushes_list(context: typer.Context, app: App, env: Env = PRODUCTION, json: Json = False) -> None:
    """The newest pushes."""
    found = api(context).call("GET", f"/v1/apps/{app}/{env}/pushes", as_json=json)["pushes"]
    rows(
        found,
        ("id", "type", "state", "planned", "accepted", "refused", "accepted_at"),
        json,
        "No push yet. pushwarden send …",
    )


@pushes.command("show")
def pushes_show(context: typer.Context, app: App, push: str, env: Env = PRODUCTION, json: Json = False) -> None:
    """A push and its counts."""
    emit(api(context).call("GET", f"/v1/apps/{app}/{env}/pushes/{push}", as_json=json), json)


@pushes.command("failures")
def pushes_failures(context: typer.Context, app: App, push: str, env: Env = PRODUCTION, json: Json = False) -> None:
    """Who was not reached, and why."""
    found = api(context).call("GET", f"/v1/apps/{app}/{env}/pushes/{push}/failures", as_json=json)["failures"]
    rows(found, ("audience", "seq", "fate", "status", "reason", "at"), json, "Nobody failed.")


@pushes.command("cancel")
def pushes_cancel(context: typer.Context, app: App, push: str, env: Env = PRODUCTION, json: Json = False) -> None:
    """Stop what is left of a push."""
    path = f"/v1/apps/{app}/{env}/pushes/{push}/cancel"
    receipt = api(context).call("POST", path, as_json=json)
    emit(receipt, json, f"{push} is cancelled; what was not written ends `stopped`.")


@devices.command("import")
def devices_import(
    context: typer.Context,
    app: App,
    file: Annotated[Path, typer.Argument(help="NDJSON or CSV (by its name); - for standard input.")],
    env: Env = PRODUCTION,
    json: Json = False,
) -> None:
    """Import devices. Good lines are kept, bad ones are listed with their number."""
    kind = "text/csv" if file.suffix == ".csv" else "application/x-ndjson"
    path = f"/v1/apps/{app}/{env}/devices/import"
    last: dict[str, Any] = {}
    with _bytes_of(file, quiet=json) as chunks:
        lines = api(context).stream("POST", path, content=chunks, headers={"content-type": kind}, as_json=json)
        for line in lines:
            report = msgspec.json.decode(line)
            last = last | report
            if "line" in report and not json:
                errors.print(f"line {report['line']}: {report.get('message')}", markup=False)
    emit(last, json)
    if last.get("failed"):
        raise typer.Exit(REFUSED)


class _bytes_of:  # noqa: N801  used as a function
    """A file in chunks, with a bar on a terminal."""

    def __init__(self, file: Path, *, quiet: bool) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

        shown = not quiet and sys.stderr.isatty()
        self._file = file
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._progress = Progress(*columns, console=errors, disable=not shown, transient=True)

    def __enter__(self) -> Iterator[bytes]:
        self._progress.start()
        return self._chunks()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _chunks(self) -> Iterator[bytes]:
        size = None if str(self._file) == "-" else self._file.stat().st_size
        bar = self._progress.add_task("importing", total=size)
        with sys.stdin.buffer if size is None else self._file.open("rb") as source:
            while chunk := source.read(CHUNK):
                self._progress.advance(bar, len(chunk))
                yield chunk


@devices.command("export")
def devices_export(context: typer.Context, app: App, env: Env = PRODUCTION, json: Json = False) -> None:
    """Write every device as NDJSON that import takes back."""
    for line in api(context).stream("GET", f"/v1/apps/{app}/{env}/devices/export", as_json=json):
        sys.stdout.write(line + "\n")


@devices.command("show")
def devices_show(
    context: typer.Context, app: App, installation: str, env: Env = PRODUCTION, json: Json = False
) -> None:
    """One installation's rows."""
    emit(api(context).call("GET", f"/v1/apps/{app}/{env}/devices/{installation}", as_json=json), json)


@devices.command("delete")
def devices_delete(
    context: typer.Context, app: App, installation: str, env: Env = PRODUCTION, json: Json = False
) -> None:
    """Opt-out: forget an installation; what is queued for it is withdrawn."""
    api(context).call("DELETE", f"/v1/apps/{app}/{env}/devices/{installation}", as_json=json)
    emit({"deleted": installation}, json, f"Forgot {installation}.")
    console.file.flush()
