"""`pushwarden`: one command for the server, its simulators and everything the API can do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from pushwarden import __version__
from pushwarden.cli import (
    apps,
    callbacks,
    devices,
    history,
    operations,
    phones,
    pushes,
    receipts,
    standing,
    system,
    vault,
)
from pushwarden.cli.client import Api
from pushwarden.cli.out import fail
from pushwarden.core.errors import PushwardenError

cli = typer.Typer(
    help="Pushwarden keeps the keys, sends the pushes, and stops them the moment you say so.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pushwarden {__version__}")
        raise typer.Exit


@cli.callback()
def options(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="PUSHWARDEN_URL", help="Where Pushwarden answers.")] = "",
    key: Annotated[str, typer.Option(envvar="PUSHWARDEN_KEY", help="An API key; by itself this machine's.")] = "",
    organisation: Annotated[str, typer.Option(envvar="PUSHWARDEN_ORGANISATION", help="For installation keys.")] = "",
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Options before the command."""
    context.obj = Api(url, key, organisation)


for name, commands in (
    ("apps", history.apps),
    ("credentials", standing.credentials),
    ("keys", apps.keys),
    ("organisations", apps.organisations),
    ("devices", devices.devices),
    ("pushes", pushes.pushes),
    ("phones", phones.phones),
    ("callbacks", callbacks.callbacks),
    ("holds", operations.holds),
    ("receipts", receipts.receipts),
    ("audit", operations.audit),
    ("vault", vault.vault),
    ("simulate", system.simulate),
):
    cli.add_typer(commands, name=name)
VERBS: tuple[Callable[..., None], ...] = (
    pushes.send,
    pushes.why,
    operations.stop,
    operations.stops,
    operations.resume,
    system.serve,
    system.migrate,
    system.doctor,
    system.signin_link,
    system.backup,
    system.restore,
    system.bench,
    system.demo,
)
for verb in VERBS:
    cli.command()(verb)


def main() -> None:
    """The console script. What a command on this machine's files could not do is one sentence and exit 1."""
    try:
        cli()
    except PushwardenError as error:
        sys.exit(fail(error.detail, "--json" in sys.argv, error.code).exit_code)
    except OSError as error:
        sys.exit(fail(f"{error.filename or 'This machine'}: {error.strerror}.", "--json" in sys.argv).exit_code)


if __name__ == "__main__":
    main()
