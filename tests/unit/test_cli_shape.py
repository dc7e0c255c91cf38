"""What every command of the command line has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from pushwarden.cli.main import cli


def _commands() -> Iterator[tuple[str, Any]]:
    root: Any = typer.main.get_command(cli)
    for name, command in root.commands.items():
        for part, one in getattr(command, "commands", {"": command}).items():
            yield f"{name} {part}".strip(), one


COMMANDS = dict(_commands())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_explains_itself_and_can_answer_as_json(name: str) -> None:
    command = COMMANDS[name]
    options = [parameter for parameter in command.params if parameter.opts[0].startswith("-")]
    assert command.help
    assert [option.opts for option in options if not option.help] == []
    given = {word for option in options for word in option.opts}
    assert "--json" in given or name.startswith("simulate")  # those hand their options on
