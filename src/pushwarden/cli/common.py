"""Options every command shares, and the API they lead to."""

from __future__ import annotations

from typing import Annotated

import typer

from pushwarden.cli.client import Api
from pushwarden.core.scope import Environment

App = Annotated[str, typer.Argument(help="The app's id.")]
Env = Annotated[Environment, typer.Option("--env", "-e", help="production, sandbox or simulated.")]
PRODUCTION = Environment.PRODUCTION


def api(context: typer.Context) -> Api:
    """The API named by the options before the command."""
    found = context.find_root().obj
    assert isinstance(found, Api)
    return found


def group(summary: str) -> typer.Typer:
    """A command with subcommands."""
    return typer.Typer(help=summary, no_args_is_help=True, add_completion=False)
