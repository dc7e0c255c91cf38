"""serve, migrate, doctor, backup, restore, simulate, bench, demo: the installation itself."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pushwarden.cli.client import load_settings
from pushwarden.cli.common import group
from pushwarden.cli.out import Json, console, emit, fail
from pushwarden.core.errors import PushwardenError

simulate = group("Simulators of providers and a phone, for your own tests too.")


def serve(
    role: Annotated[
        str, typer.Option(help="One role only: api, sender-urgent, sender-normal, sender-bulk-0, chores.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Its log is JSON in any case, on standard error.")] = False,
) -> None:
    """Run Pushwarden: the api, the senders and the chores, each in a process of its own."""
    from pushwarden.wiring import roles, run, supervisor

    settings = run.load_settings()
    if not role:
        raise typer.Exit(supervisor.serve(settings))
    if roles.kind(role) not in roles.ROLES:
        raise typer.BadParameter(f"There is no role {role}; there are {', '.join(roles.names(settings))}.")
    raise typer.Exit(run.run_role(settings, role, roles.main_of(role)))


def migrate(json: Json = False) -> None:
    """Make the databases, or bring them to this version."""
    from pushwarden.wiring.stores import keeping_of

    settings = load_settings()
    settings.data.mkdir(parents=True, exist_ok=True)
    try:
        done = keeping_of(settings).migrate()
    except PushwardenError as error:
        raise fail(error.detail, json) from error
    emit({"done": done}, json, "\n".join(done) or "Nothing to do: every database is of this version.")


def doctor(
    mail: Annotated[str, typer.Option(help="Send a mail there now, to see whether notices would arrive.")] = "",
    json: Json = False,
) -> None:
    """Look at this installation and say what is wrong with it. Exit 1 when something is."""
    from pushwarden.wiring.doctor import examine, try_mail

    settings = load_settings()
    findings = [try_mail(settings, mail)] if mail else examine(settings)
    bad = [finding for finding in findings if not finding.good]
    if json:
        emit({"healthy": not bad, "findings": [finding.as_dict() for finding in findings]}, True)
    else:
        for finding in findings:
            console.print(f"{'✓' if finding.good else '✕'} {finding.sentence}", markup=False)
    if bad:
        raise typer.Exit(1)


def signin_link(
    person: Annotated[str, typer.Option(help="The e-mail address of whom to let in; empty: the first one.")] = "",
    json: Json = False,
) -> None:
    """Print a link that signs in once, made on this machine without the API: for the first day and the worst one."""
    from pushwarden.wiring.entrance import link_for

    try:
        link = link_for(load_settings(), person)
    except PushwardenError as error:
        raise fail(error.detail, json, error.code) from error
    emit({"url": link}, json, link)


def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder to write to.")],
    with_keys: Annotated[
        bool, typer.Option(help="The vault's private key too; without it credentials stay shut.")
    ] = False,
    json: Json = False,
) -> None:
    """Copy the databases while everything runs."""
    from pushwarden.wiring.backup import BackupError, take

    try:
        taken = take(load_settings(), folder, with_keys=with_keys)
    except BackupError as error:
        raise fail(str(error), json) from error
    shut = "" if with_keys else " The vault's private key is not in it: keep that elsewhere, or credentials stay shut."
    emit(taken, json, f"Wrote {', '.join(taken['files'])} to {folder}.{shut}")


def restore(folder: Annotated[Path, typer.Argument(help="A folder that `backup` wrote.")], json: Json = False) -> None:
    """Put a backup in place of an empty data folder."""
    from pushwarden.wiring.backup import BackupError, put_back

    try:
        back = put_back(load_settings(), folder)
    except BackupError as error:
        raise fail(str(error), json) from error
    emit(back, json, f"Put back {', '.join(back['restored'])} from {folder}. Next: pushwarden doctor")


@simulate.command("apns", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def simulate_apns(context: typer.Context) -> None:
    """Apple's side: --port N --log FILE --log-mode counting|full --script FILE --any-key … (docs/simulators.md)."""
    _exec("pushwarden.simulators.apns", context.args)


@simulate.command("fcm", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def simulate_fcm(context: typer.Context) -> None:
    """Google's side, with its token endpoint; arguments as for apns (docs/simulators.md)."""
    _exec("pushwarden.simulators.fcm", context.args)


@simulate.command("apple", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def simulate_apple(context: typer.Context) -> None:
    """Apple's page for certificates: REQUEST --bundle-id ID --cert-dir DIR --out aps.cer (docs/simulators.md)."""
    _exec("pushwarden.simulators.apple", context.args)


@simulate.command("phone", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def simulate_phone(context: typer.Context) -> None:
    """A phone that registers itself and prints what arrives (docs/simulators.md)."""
    _exec("pushwarden.simulators.phone", context.args)


def _exec(module: str, arguments: list[str]) -> None:
    rest = [argument for argument in arguments if argument != "--json"]  # their lines are for both
    os.execv(sys.executable, [sys.executable, "-m", module, *rest])  # noqa: S606  our own module


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="fanout mixed stop ingest singles import scale pages peers")
    ] = None,
    devices: Annotated[int, typer.Option(help="Devices of a fan-out; 0: the benchmark's own number.")] = 0,
    senders: Annotated[int, typer.Option(help="Bulk senders.")] = 1,
    trials: Annotated[int, typer.Option(help="0: the benchmark's own number.")] = 0,
    provider: Annotated[str, typer.Option(help="apns, or fcm for fanout.")] = "apns",
    store: Annotated[
        str, typer.Option(help="sqlite, or postgres: $PUSHWARDEN_BENCH_STORE, else a server of its own.")
    ] = "sqlite",
    json: Json = False,
) -> None:
    """Measure. One JSON object a benchmark with --json; references are measured in the same run."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what it started ends with it
    from pushwarden.bench import NAMES, Wanted, run

    wanted: list[str] = names or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        raise typer.BadParameter(f"There is no benchmark {unknown[0]}; there are {', '.join(NAMES)}.")
    for name in wanted:
        result: dict[str, Any] = run(name, Wanted(devices, senders, trials, provider, store))
        if json:
            import msgspec

            sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
            sys.stdout.flush()
        else:
            _table(result)


def _table(result: dict[str, Any]) -> None:
    console.print(f"\n{result['name']}", style="bold")
    for name, value in result["figures"].items():
        target = result["targets"].get(name, "")
        console.print(f"  {name:<28} {value!s:<16} {target}", markup=False)
    for note in result["notes"]:
        console.print(f"  {note}", style="dim", markup=False)


def demo(
    check: Annotated[
        bool, typer.Option("--check", help="Headless: the main job once, one JSON object, exit 0 or 1.")
    ] = False,
    port: Annotated[int, typer.Option(help="Where the API listens; 0: a free port.")] = 8600,
    json: Annotated[bool, typer.Option("--json", help="The same as --check.")] = False,
) -> None:
    """Everything on loopback: simulator, phone, app, devices, pushes, a stop and a resume."""
    from pushwarden.cli import demo as stage

    raise typer.Exit(stage.check() if check or json else stage.show(port))
