"""stop, resume, holds, audit: what an operator reaches for at 3 a.m."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from pushwarden.cli.common import api, group
from pushwarden.cli.out import REFUSED, Json, console, emit, fail, rows

holds = group("Holds: lanes that wait because too many tokens died at once.")
audit = group("Audit: who did what, refused attempts included.")

AppName = Annotated[str, typer.Argument(help="Only this app; the whole organisation when left out.")]
EnvName = Annotated[str, typer.Option("--env", "-e", help="Only this environment of the app.")]
Everything = Annotated[bool, typer.Option("--installation", help="Everything, every organisation.")]


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
    body = _target(app, env, installation) | ({"reason": reason} if reason else {})
    receipt = api(context).call("POST", "/v1/stop", json=body, as_json=json)
    if json:
        emit(receipt, True)
        return
    console.print(receipt["says"], style="bold", markup=False)
    rows(receipt["senders"], ("sender", "confirmation", "ms", "named", "killed"), False, "No sender was running.")
    console.print(f"{receipt['id']}  {receipt['scope']}  after {receipt['ms']:.1f} ms", style="dim", markup=False)


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
    reason: Annotated[str, typer.Option(help="For the audit.")] = "",
    json: Json = False,
) -> None:
    """Lift a stop, and say what becomes of the pushes held meanwhile."""
    body = _target(app, env, installation) | {"held": held} | ({"reason": reason} if reason else {})
    done = api(context).call("POST", "/v1/resume", json=body, as_json=json)
    words = f"Sending for {done['scope']} goes on. Held pushes: {done['held']} ({done['shards']} shards)."
    if done["still"]:
        words += f" It is still covered by: {', '.join(done['still'])}."
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
    rows(found, ("id", "lane", "reason", "counts", "release"), json, "No lane is held.")


@holds.command("release")
def holds_release(
    context: typer.Context,
    hold: str,
    verdict: Annotated[str, typer.Option(help="apply: bury the tokens; discard: it was our mistake.")],
    reason: str = "",
    json: Json = False,
) -> None:
    """Let a lane go, and say who was right."""
    body = {"verdict": verdict, "reason": reason}
    done = api(context).call("POST", f"/v1/holds/{hold}/release", json=body, as_json=json)
    emit(done, json, f"{hold} is released with `{verdict}`.")


@audit.command("list")
def audit_list(context: typer.Context, limit: int = 50, action: str = "", app: str = "", json: Json = False) -> None:
    """What was done, newest first."""
    params = {"limit": limit} | {name: value for name, value in (("action", action), ("app", app)) if value}
    found = api(context).call("GET", "/v1/audit", params=params, as_json=json)["entries"]
    rows(found, ("at", "actor", "action", "target", "outcome"), json, "Nothing was done yet.")


@audit.command("verify")
def audit_verify(context: typer.Context, json: Json = False) -> None:
    """Does the hash chain hold? Exit 1 when it does not."""
    verdict = api(context).call("GET", "/v1/audit/verify", as_json=json)
    if not verdict["intact"]:
        raise fail(f"Entry {verdict['broken_at']}: {verdict['problem']}", json, "audit_broken", REFUSED)
    emit(verdict, json, f"{verdict['entries']} entries, intact. Head {verdict['head']}")


@audit.command("export")
def audit_export(
    context: typer.Context, kind: Annotated[str, typer.Option("--format", help="jsonl or csv.")] = "jsonl"
) -> None:
    """Write the whole audit log to standard output."""
    for line in api(context).stream("GET", "/v1/audit/export", params={"format": kind}):
        sys.stdout.write(line + "\n")
