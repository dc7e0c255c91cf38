"""receipts: the proof of every stop, as words, as a signed file, and verified without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pushwarden.cli.client import place, read_file
from pushwarden.cli.common import api, group
from pushwarden.cli.operations import show_receipt
from pushwarden.cli.out import REFUSED, Json, console, emit, fail, rows

receipts = group("Receipts: what each sender confirmed of a stop, kept when it is lifted, and signed.")
_COLUMNS = ("id", "scope", "since", "by", "reason", "resumed_at")


@receipts.command("list")
def receipts_list(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="Stops at most.")] = 20,
    json: Json = False,
) -> None:
    """Stops, lifted ones too, newest first."""
    found = api(context).call("GET", "/v1/receipts", params={"limit": limit}, as_json=json)["receipts"]
    told = [one | {"by": one["actor_name"] or one["actor"]} for one in found]
    rows(found if json else told, _COLUMNS, json, "Nothing was ever stopped here.")


@receipts.command("get")
def receipts_get(
    context: typer.Context,
    receipt: Annotated[str, typer.Argument(help="Its id, stop-….")],
    signed: Annotated[bool, typer.Option("--signed", help="As a file signed by the installation.")] = False,
    json: Json = False,
) -> None:
    """What a stop has proven; with --signed the file that `receipts verify` takes."""
    one = api(context)
    if signed:
        for line in one.stream("GET", place("receipts", receipt, "signed"), as_json=json):
            sys.stdout.write(line + "\n")
        return
    found = one.call("GET", place("receipts", receipt), as_json=json)
    if json:
        emit(found, True)
    else:
        _show(found)


@receipts.command("verify")
def receipts_verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A signed receipt, - for standard input.")],
    key: Annotated[
        Path | None,
        typer.Option(help="The installation's keys/receipts.pub; else this machine's, or the server's."),
    ] = None,
    json: Json = False,
) -> None:
    """Is this what the installation said, to the letter? Needs no server with --key. Exit 1 when it is not."""
    from pushwarden.adapters.vault.signing import verifies
    from pushwarden.control.signed import LONGEST, opened
    from pushwarden.core.errors import PushwardenError

    content, public = read_file(file, json, LONGEST), _public(context, key, json)
    try:
        said = opened(content)
        good = verifies(public, said.content, said.signature)
    except PushwardenError as error:
        raise fail(error.detail, json, error.code) from error
    if not good:
        sentence = "This key did not sign this receipt: another installation made it, or it was changed."
        raise fail(sentence, json, "receipt_refused", REFUSED)
    if json:
        emit({"verified": True, "key": said.key, "receipt": said.receipt}, True)
    else:
        show_receipt(said.receipt)
        console.print(f"Verified: signed by key {said.key}, and unchanged since.", markup=False)


def _public(context: typer.Context, key: Path | None, as_json: bool) -> bytes:
    """The key named, else this machine's own, else what the server says."""
    from pushwarden.adapters.vault.signing import PUBLIC

    one = api(context)
    own = one.settings.keys / PUBLIC
    if key is None and one.local and own.exists():
        key = own
    if key is not None:
        return read_file(key, as_json)
    return str(one.call("GET", "/v1/receipts/key", as_json=as_json)["public"]).encode()


def _show(found: dict[str, Any]) -> None:
    by = f" by {found['actor_name']}" if found["actor_name"] else ""
    why = f": {found['reason']}" if found["reason"] else ""
    console.print(f"{found['scope']}, stopped {found['since']}{by}{why}", markup=False)
    if found["receipt"]:
        show_receipt(found["receipt"])
    else:
        console.print("What the senders confirmed is not known.", markup=False)
    if found["resumed_at"]:
        console.print(f"Lifted {found['resumed_at']} by {found['resumed_by_name'] or 'somebody'}.", markup=False)
