"""vault: the key that everything secret is sealed to, on this machine."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from pushwarden.cli.client import load_settings
from pushwarden.cli.common import group
from pushwarden.cli.out import Json, emit, errors

vault = group("The senders' key, to which all credentials are sealed.")


@vault.command("rotate")
def rotate(
    callbacks: Annotated[
        bool, typer.Option("--callbacks", help="The key of callbacks' signing secrets in place of the senders'.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    json: Json = False,
) -> None:
    """Change to a new key while everything runs. One that was interrupted goes on when asked for again."""
    from pushwarden.adapters.vault.keys import CALLBACKS, VAULT
    from pushwarden.wiring.rotation import Rotation, plan

    settings, pair = load_settings(), CALLBACKS if callbacks else VAULT
    settings = settings.model_copy(update={"data": settings.data.absolute()})
    if dry_run:
        emit(asyncio.run(plan(settings, pair)), json)
        return
    done = asyncio.run(Rotation(settings, pair, lambda sentence: errors.print(sentence, markup=False)).run())
    emit(done, json, "\n".join(_sentences(done)))


def _sentences(done: dict[str, Any]) -> list[str]:
    said = [f"Everything is sealed to {done['key']}."]
    if done["source"]:
        said.append(
            f"Take the old key out of {done['source']} now; keep it as long as you keep backups made before, which "
            "open with no other."
        )
    said += [f"Backups made before open with {path}: move it to where they are." for path in done["aside"]]
    said += [f"{name} did not confirm: look at `pushwarden doctor`." for name in done["not_confirmed"]]
    said += [f"The {spoilt} does not open with any key: upload it again." for spoilt in done["spoilt"]]
    said += [f"{other}, which is not here: give the senders that key." for other in done["sealed_to_other_keys"]]
    return said
