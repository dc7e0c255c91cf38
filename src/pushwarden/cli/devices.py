"""devices: found, marked, brought in and out, counted, from the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer

from pushwarden.cli.client import place
from pushwarden.cli.common import PRODUCTION, App, Env, api, group
from pushwarden.cli.out import REFUSED, Json, console, emit, errors, fail, rows

devices = group("Devices: find, mark, import, export, count.")

CHUNK = 1 << 18
FOLLOW_SECONDS = 2.0
SHOWN = 20
"""Versions a person is shown; all of them come as JSON."""
COLUMNS = (
    "installation_id", "state", "provider", "token_kind", "token", "user", "app_version", "build", "test",
    "registered_at",
)  # fmt: skip
ONLY: dict[str, dict[str, str]] = {
    "": {}, "test": {"test": "true"}, "live": {"state": "live"}, "gone": {"state": "gone"},
    "apns": {"provider": "apns"}, "fcm": {"provider": "fcm"}, "voip": {"token_kind": "voip"},
}  # fmt: skip


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
    path = place("apps", app, env, "devices", "import")
    with _source(file, json) as source, _chunks(source, file, quiet=json) as chunks:
        headers = {"content-type": kind}
        report: dict[str, Any] = api(context).call("POST", path, content=chunks, headers=headers, as_json=json)
    if json:
        emit(report, True)
    else:
        for wrong in report.pop("errors"):
            errors.print(f"line {wrong['line']}: {wrong['message']}", markup=False)
        emit(report, False)
    if report["refused"]:
        raise typer.Exit(REFUSED)


@contextmanager
def _source(file: Path, as_json: bool) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        source = file.open("rb")
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror}.", as_json, "unreadable") from error
    with source:
        yield source


@contextmanager
def _chunks(source: BinaryIO, file: Path, *, quiet: bool) -> Iterator[Iterator[bytes]]:
    """The source in pieces, with a bar on a terminal."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = not quiet and sys.stderr.isatty()
    with Progress(*columns, console=errors, disable=not shown, transient=True) as progress:
        bar = progress.add_task("importing", total=None if source is sys.stdin.buffer else file.stat().st_size)

        def pieces() -> Iterator[bytes]:
            while piece := source.read(CHUNK):
                progress.advance(bar, len(piece))
                yield piece

        yield pieces()


@devices.command("imports")
def devices_imports(context: typer.Context, app: App, env: Env = PRODUCTION, json: Json = False) -> None:
    """The last imports and what they came to, newest first."""
    found = api(context).call("GET", place("apps", app, env, "devices", "imports"), as_json=json)["imports"]
    columns = ("id", "started_at", "by", "state", "dry_run", "imported", "created", "refused")
    rows(found, columns, json, "No import yet, or none whose report is kept.")


@devices.command("import-report")
def devices_import_report(
    context: typer.Context,
    app: App,
    report: Annotated[str, typer.Argument(metavar="IMPORT", help="Its id.")],
    env: Env = PRODUCTION,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the report; what it brought stays.")] = False,
    json: Json = False,
) -> None:
    """What one import came to, and the lines it refused."""
    path = place("apps", app, env, "devices", "imports", report)
    told = api(context).call("DELETE" if remove else "GET", path, as_json=json)
    emit(told, json, f"Removed the report of {report}." if remove else "")


@devices.command("export")
def devices_export(context: typer.Context, app: App, env: Env = PRODUCTION, json: Json = False) -> None:
    """Write every device as NDJSON that import takes back."""
    for line in api(context).stream("GET", place("apps", app, env, "devices", "export"), as_json=json):
        sys.stdout.write(line + "\n")


@devices.command("revive")
def devices_revive(
    context: typer.Context,
    app: App,
    env: Env = PRODUCTION,
    within_hours: Annotated[int, typer.Option(help="Tombstones of the last so many hours, 720 at most.")] = 24,
    reason: Annotated[str, typer.Option(help="Only those of this reason, such as Unregistered.")] = "",
    json: Json = False,
) -> None:
    """Undo tombstones: the provider was wrong, or we were."""
    body = {"within_hours": within_hours, "reason": reason}
    done = api(context).call("POST", f"/v1/apps/{app}/{env}/devices/revive", json=body, as_json=json)
    emit(done, json, f"{done['revived']} devices live again.")


@devices.command("invalidations")
def devices_invalidations(
    context: typer.Context,
    app: App,
    env: Env = PRODUCTION,
    since: Annotated[str, typer.Option(help="A time like 2026-01-31T12:00:00Z, or `next` of an earlier answer.")] = "",
    following: Annotated[bool, typer.Option("--follow", help="Go on for ever, one JSON object a line.")] = False,
    json: Json = False,
) -> None:
    """Tokens that providers called dead, for whoever keeps tokens elsewhere."""
    from time import sleep

    one, path = api(context), place("apps", app, env, "invalidations")
    found: list[dict[str, Any]] = []
    while True:
        page = one.call("GET", path, params={"since": since} if since else {}, as_json=json)
        since = page["next"]
        if following:
            for entry in page["invalidations"]:
                sys.stdout.write(msgspec.json.encode(entry).decode() + "\n")
            sys.stdout.flush()
            sleep(0 if page["more"] else FOLLOW_SECONDS)
            continue
        found += page["invalidations"]
        if not page["more"]:
            break
    if json:
        emit({"invalidations": found, "next": since}, True)
        return
    rows(found, ("at", "state", "installation_id", "user", "token", "reason"), json, "No token was called dead.")
    console.print(f"Go on from here: --since {since}", markup=False)


@devices.command("list")
def devices_list(
    context: typer.Context,
    app: App,
    env: Env = PRODUCTION,
    token: Annotated[str, typer.Option(help="How its token begins, four characters at least.")] = "",
    user: Annotated[str, typer.Option(help="Of this user.")] = "",
    tags: Annotated[str, typer.Option(help='With these tags: "beta && !ios16".')] = "",
    app_version: Annotated[str, typer.Option("--app-version", help="With this version of the app.")] = "",
    only: Annotated[str, typer.Option(help="test, live, gone, apns, fcm or voip.")] = "",
    reason: Annotated[str, typer.Option(help="Gone for this reason, such as Unregistered.")] = "",
    limit: Annotated[int, typer.Option(help="As many at most.")] = 50,
    after: Annotated[str, typer.Option(help="`next` of the page before.")] = "",
    json: Json = False,
) -> None:
    """The devices of an app, newest first, or those that are sought."""
    if only not in ONLY:
        raise typer.BadParameter(f"it is one of {', '.join(filter(None, ONLY))}", param_hint="--only")
    asked = {"token": token, "user": user, "tags": tags, "app_version": app_version, "reason": reason, "after": after}
    params = {name: value for name, value in asked.items() if value} | ONLY[only]
    path = place("apps", app, env, "devices")
    found = api(context).call("GET", path, params={**params, "limit": limit}, as_json=json)
    if json:
        emit(found, True)
        return
    rows(found["devices"], COLUMNS, False, "No device is like that." if params else "No device has registered.")
    if found["next"]:
        console.print(f"Go on from here: --after {found['next']}", markup=False)


@devices.command("mark")
def devices_mark(
    context: typer.Context,
    app: App,
    installation: str,
    env: Env = PRODUCTION,
    test: Annotated[bool, typer.Option("--test/--no-test", help="A test device, or none any more.")] = True,
    json: Json = False,
) -> None:
    """Make an installation's devices test devices, whatever the app says."""
    path = place("apps", app, env, "devices", installation)
    done = api(context).call("PATCH", path, json={"test": test}, as_json=json)
    emit(done, json, f"{installation} is {'a test device' if test else 'no test device any more'}.")


@devices.command("clear")
def devices_clear(
    context: typer.Context,
    app: App,
    env: Env = PRODUCTION,
    older_than_hours: Annotated[int, typer.Option(help="Only what has been gone for so long, 720 at most.")] = 0,
    reason: Annotated[str, typer.Option(help="Only those of this reason, such as Unregistered.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many, and drop none.")] = False,
    json: Json = False,
) -> None:
    """Drop now what Apple or Google called gone, not after 30 days."""
    body = {"older_than_hours": older_than_hours, "reason": reason, "dry_run": dry_run}
    done = api(context).call("POST", place("apps", app, env, "devices", "clear"), json=body, as_json=json)
    many = f"{done['cleared']:,} {'device' if done['cleared'] == 1 else 'devices'}"
    emit(done, json, f"{many} would be cleared away." if dry_run else f"{many} cleared away.")


@devices.command("summary")
def devices_summary(
    context: typer.Context,
    app: App,
    env: Env = PRODUCTION,
    days: Annotated[int, typer.Option(help="Of what came and went.")] = 7,
    json: Json = False,
) -> None:
    """How many can be reached, by kind and version, and what came and went by day."""
    path = place("apps", app, env, "devices", "summary")
    told = api(context).call("GET", path, params={"days": days}, as_json=json)
    if json:
        emit(told, True)
        return
    rows(told["kinds"], ("provider", "token_kind", "live", "gone", "test", "unproven"), False, "No device yet.")
    if told["kinds"]:
        console.print()
        rows(told["versions"][:SHOWN], ("app_version", "build", "provider", "live", "gone"), False, "Not counted yet.")
        console.print()
        rows(told["churn"], ("day", "new", "revived", "left", "gone", "live"), False, "")


@devices.command("show")
def devices_show(
    context: typer.Context, app: App, installation: str, env: Env = PRODUCTION, json: Json = False
) -> None:
    """One installation's rows."""
    emit(api(context).call("GET", place("apps", app, env, "devices", installation), as_json=json), json)


@devices.command("delete")
def devices_delete(
    context: typer.Context, app: App, installation: str, env: Env = PRODUCTION, json: Json = False
) -> None:
    """Opt-out: forget an installation; what is queued for it is withdrawn."""
    api(context).call("DELETE", place("apps", app, env, "devices", installation), as_json=json)
    emit({"deleted": installation}, json, f"Forgot {installation}.")
