"""stop, resume, holds, audit: what an operator reaches for at 3 a.m."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pushwarden.cli.client import Api, Silent, place, read_file, unreachable
from pushwarden.cli.common import api, group
from pushwarden.cli.out import REFUSED, Json, console, emit, errors, fail, rows

holds = group("Holds: lanes that wait because too many tokens died at once.")
audit = group("Audit: who did what, refused attempts included.")

AppName = Annotated[str, typer.Argument(help="Only this app; the whole organisation when left out.")]
EnvName = Annotated[str, typer.Option("--env", "-e", help="Only this environment of the app.")]
Everything = Annotated[bool, typer.Option("--installation", help="Everything, every organisation.")]
Search = Annotated[
    list[str] | None,
    typer.Argument(help="actor: action: app: env: outcome: target: since: until: and free text; all when left out."),
]
STOP_SECONDS = 3.0
"""How long a stop waits for the api before it is made without it."""


def _target(app: str, env: str, installation: bool) -> dict[str, Any]:
    wanted = {"app": app, "environment": env, "installation": installation}
    return {name: value for name, value in wanted.items() if value}


def stop(
    context: typer.Context,
    app: AppName = "",
    env: EnvName = "",
    installation: Everything = False,
    reason: Annotated[str, typer.Option(help="For the receipt and the audit.")] = "",
    json: Json = False,
) -> None:
    """Stop sending at once; the receipt says what is proven. Works without the api process on this machine."""
    one, target = api(context), _target(app, env, installation)
    body = target | ({"reason": reason} if reason else {})
    try:
        receipt = one.ask("POST", "/v1/stop", json=body, as_json=json, timeout=STOP_SECONDS)
    except Silent as silent:
        receipt = _halt(one, target, reason, silent, json)
    if json:
        emit(receipt, True)
    else:
        show_receipt(receipt)


def _halt(one: Api, target: dict[str, Any], reason: str, silent: Silent, as_json: bool) -> dict[str, Any]:
    """The stop made by this process, when the installation is on this machine."""
    if not one.local or not one.settings.fence_file.exists():
        raise unreachable(silent, as_json) from silent
    from pushwarden.core.errors import PushwardenError
    from pushwarden.core.scope import Environment, Scope
    from pushwarden.web.receipts import receipt_view
    from pushwarden.wiring.halt import halt

    if not as_json:
        errors.print(f"{silent}; stopping the senders of this machine without it.", markup=False)
    organisation = "" if target.get("installation") else one.organisation or "default"
    try:
        environment = Environment(target["environment"]) if "environment" in target else None
        scope = Scope(organisation, target.get("app", ""), environment)
        receipt = asyncio.run(halt(one.settings, scope, reason))
    except ValueError as error:
        raise fail(f"{error}.", as_json, "invalid") from error
    except (PushwardenError, OSError) as error:
        raise fail(str(error), as_json, getattr(error, "code", "failed")) from error
    view: dict[str, Any] = msgspec.to_builtins(receipt_view(receipt))
    return view | {"api": "did not answer"}


def show_receipt(receipt: dict[str, Any]) -> None:
    """What a stop has proven, sender by sender."""
    if "says" in receipt:
        console.print(receipt["says"], style="bold", markup=False)
    rows(receipt["senders"], ("sender", "confirmation", "ms", "named", "killed"), False, "No sender was running.")
    words = f"{receipt['id']}  {receipt.get('scope', '')}  after {receipt['ms']:.1f} ms"
    console.print(words, style="dim", markup=False)


def stops(context: typer.Context, json: Json = False) -> None:
    """What is stopped now, since when and by whom."""
    found = api(context).call("GET", "/v1/stop", as_json=json)["stops"]
    rows(found, ("scope", "since", "actor", "reason"), json, "Nothing is stopped.")


def resume(
    context: typer.Context,
    app: AppName = "",
    env: EnvName = "",
    installation: Everything = False,
    held: Annotated[str, typer.Option(help="Held pushes: keep, release or discard.")] = "keep",
    ramp: Annotated[float, typer.Option(help="In steps of so many minutes: test devices, 1 %, 10 %, all.")] = 0,
    reason: Annotated[str, typer.Option(help="For the audit.")] = "",
    json: Json = False,
) -> None:
    """Lift a stop, and say what becomes of the pushes held meanwhile. `pushwarden stops` shows what to lift."""
    body = _target(app, env, installation) | {"held": held} | ({"reason": reason} if reason else {})
    body |= {"ramp": {"minutes": ramp}} if ramp else {}
    done = api(context).call("POST", "/v1/resume", json=body, as_json=json)
    what = {
        "keep": f"what was held ({done['shards']} parts) stays held until `resume --held release` or `discard`",
        "release": f"what was held ({done['shards']} parts) is sent now",
        "discard": f"what was held ends `stopped` ({len(done['discarded'])} pushes)",
    }[done["held"]]
    if not (done["shards"] or done["discarded"]):
        what = "nothing was held"
    words = f"Sending for {done['scope']} goes on; {what}."
    if done["ramp"]:
        words += f" Fan-outs go to {done['ramp']['says']} first; `pushwarden stop` stops again."
    if done["still"]:
        words += f" It is still covered by a stop of: {', '.join(done['still'])}."
    emit(done, json, words)


@holds.command("list")
def holds_list(
    context: typer.Context,
    open_only: Annotated[bool, typer.Option("--open/--all", help="Only those nobody has released.")] = True,
    json: Json = False,
) -> None:
    """Lanes held, newest first."""
    params = {"open": "true"} if open_only else {}
    found = api(context).call("GET", "/v1/holds", params=params, as_json=json)["holds"]
    rows(found, ("id", "lane", "opened_at", "reason", "release"), json, "No lane is held.")


@holds.command("show")
def holds_show(context: typer.Context, hold: str, json: Json = False) -> None:
    """A hold: why the lane waits, and what was counted."""
    found = api(context).call("GET", place("holds", hold), as_json=json)
    if not json:
        found["evidence"] = {name: len(part) for name, part in found.get("evidence", {}).items()}
    emit(found, json)


@holds.command("release")
def holds_release(
    context: typer.Context,
    hold: str,
    verdict: Annotated[str, typer.Option(help="apply: bury the tokens; discard: it was our mistake.")],
    reason: Annotated[str, typer.Option(help="For the audit.")] = "",
    json: Json = False,
) -> None:
    """Let a lane go, and say who was right."""
    body = {"verdict": verdict, "reason": reason}
    done = api(context).call("POST", place("holds", hold, "release"), json=body, as_json=json)
    emit(done, json, f"{hold} is released with `{verdict}`.")


@audit.command("list")
def audit_list(
    context: typer.Context,
    search: Search = None,
    limit: Annotated[int, typer.Option(help="Entries at most.")] = 50,
    json: Json = False,
) -> None:
    """What was done, newest first."""
    page = api(context).call("GET", "/v1/audit", params={"limit": limit, "q": _typed(search)}, as_json=json)
    told = [one | {"by": one["actor_name"] or "nobody signed in"} for one in page["entries"]]
    rows(page["entries"] if json else told, ("at", "by", "action", "target", "outcome"), json, "Nothing is found.")


def _typed(search: list[str] | None) -> str:
    """As one would type it: the shell has taken the quotation marks away."""
    from pushwarden.control.audit_search import retyped

    return " ".join(retyped(word) for word in search or ())


@audit.command("verify")
def audit_verify(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="A file that `audit export` wrote, - for standard input; needs no server.")
    ] = None,
    head: Annotated[
        list[str] | None, typer.Option(help="The head of an earlier verdict, 1234:9f3c…; again for each.")
    ] = None,
    json: Json = False,
) -> None:
    """Does the hash chain hold, past every head that was kept? Exit 1 when it does not."""
    one, heads = api(context), head or []
    if file is None:
        verdict = one.call("GET", "/v1/audit/verify", params={"head": ",".join(heads)}, as_json=json)
    else:
        verdict = _offline(one, file, heads, json)
    if not verdict["intact"]:
        raise fail(f"Entry {verdict['broken_at']}: {verdict['problem']}", json, "audit_broken", REFUSED)
    emit(verdict, json, f"{verdict['entries']} entries, intact. Head {verdict['anchor']}")


def _offline(one: Api, file: Path, heads: list[str], as_json: bool) -> dict[str, Any]:
    from pushwarden.control.audit import verified_file
    from pushwarden.core.chain import Anchor

    organisation = one.organisation or "default"
    try:
        anchors = [Anchor.parse(organisation, head) for head in heads]
    except ValueError as error:
        raise fail("--head takes the head of an earlier verdict, 1234:9f3c….", as_json, "invalid") from error
    verdict = verified_file(organisation, read_file(file, as_json).decode(errors="replace").splitlines(), anchors)
    return {"intact": verdict.intact, "anchor": verdict.anchor, **msgspec.to_builtins(verdict)}


@audit.command("export")
def audit_export(
    context: typer.Context,
    search: Search = None,
    kind: Annotated[str, typer.Option("--format", help="jsonl or csv.")] = "jsonl",
    json: Annotated[bool, typer.Option("--json", help="The same as --format jsonl.")] = False,
) -> None:
    """Write the audit, or what a search finds, to standard output; only a whole one can be verified offline."""
    params = {"format": "jsonl" if json else kind, "q": _typed(search)}
    for line in api(context).stream("GET", "/v1/audit/export", params=params, as_json=json):
        sys.stdout.write(line + "\n")
