"""callbacks: where an app's outcomes are told, how that goes, and what to do when an address does not take them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pushwarden.cli.client import place
from pushwarden.cli.common import App, api, group
from pushwarden.cli.out import Json, emit, rows
from pushwarden.core.callback import Event
from pushwarden.core.scope import Environment

callbacks = group("Callbacks: addresses of yours that are told what became of pushes.")

One = Annotated[str, typer.Argument(help="The callback's id, from `callbacks list`.")]
Events = Annotated[
    list[Event] | None, typer.Option("--event", help="Only this; may be given again. All when left out.")
]
Environments = Annotated[
    list[Environment] | None, typer.Option("--env", "-e", help="Only of this environment; may be given again.")
]
_COLUMNS = ("id", "url", "events", "environments", "enabled", "failing", "says")
_SECRET = "Keep its signing secret: it is not shown again."


def _base(app: str, *rest: str) -> str:
    return place("apps", app, "callbacks", *rest)


@callbacks.command("list")
def callbacks_list(context: typer.Context, app: App, json: Json = False) -> None:
    """The callbacks of an app and how each stands."""
    found = api(context).call("GET", _base(app), as_json=json)["callbacks"]
    items = found if json else [one | {"environments": one["environments"] or "all"} for one in found]
    rows(items, _COLUMNS, json, f"None yet. pushwarden callbacks create {app} https://backend.example/pushwarden")


@callbacks.command("create")
def callbacks_create(
    context: typer.Context,
    app: App,
    url: Annotated[str, typer.Argument(help="https://…, where outcomes are POSTed to.")],
    event: Events = None,
    env: Environments = None,
    json: Json = False,
) -> None:
    """Have outcomes told to an address; its signing secret is printed once."""
    body = {"url": url} | _given(event, env)
    made = api(context).call("POST", _base(app), json=body, as_json=json)
    name = made["callback"]["id"]
    emit(made, json, f"{name}\n{made['secret']}\n{_SECRET} Try it: pushwarden callbacks test {app} {name}")


@callbacks.command("change")
def callbacks_change(
    context: typer.Context,
    app: App,
    callback: One,
    url: Annotated[str | None, typer.Option(help="Another address.")] = None,
    event: Events = None,
    env: Environments = None,
    every_env: Annotated[bool, typer.Option("--every-env", help="Of all environments again.")] = False,
    enabled: Annotated[bool | None, typer.Option(help="Whether anything is told at all.")] = None,
    json: Json = False,
) -> None:
    """Change a callback; what is not named stays."""
    one, where = api(context), _base(app, callback)
    wanted: dict[str, Any] = {"url": url, "enabled": enabled, "environments": [] if every_env else None}
    body = {name: value for name, value in wanted.items() if value is not None} | _given(event, env)
    version = one.call("GET", where, as_json=json)["version"]
    now = one.call("PATCH", where, json={"version": version} | body, as_json=json)
    emit(now, json, f"Changed {callback}.")


def _given(events: list[Event] | None, environments: list[Environment] | None) -> dict[str, Any]:
    named = {"events": events, "environments": environments}
    return {name: [str(one) for one in values] for name, values in named.items() if values}


@callbacks.command("delete")
def callbacks_delete(context: typer.Context, app: App, callback: One, json: Json = False) -> None:
    """Remove a callback; what was not told is not told."""
    api(context).call("DELETE", _base(app, callback), as_json=json)
    emit({"deleted": callback}, json, f"Removed {callback}.")


@callbacks.command("rotate")
def callbacks_rotate(
    context: typer.Context,
    app: App,
    callback: One,
    overlap_seconds: Annotated[
        int, typer.Option(help="How long both secrets sign; 0 when others know the old.")
    ] = 86_400,
    json: Json = False,
) -> None:
    """Give it a new signing secret, printed once; both sign for a while."""
    body = {"overlap_seconds": overlap_seconds}
    made = api(context).call("POST", _base(app, callback, "rotate"), json=body, as_json=json)
    emit(made, json, f"{made['secret']}\n{_SECRET}")


@callbacks.command("test")
def callbacks_test(context: typer.Context, app: App, callback: One, json: Json = False) -> None:
    """Send one `callback.test` now, whatever else waits."""
    made = api(context).call("POST", _base(app, callback, "test"), as_json=json)
    sentence = f"{made['message']} is on its way. See pushwarden callbacks deliveries {app} {callback}"
    emit(made, json, sentence)


@callbacks.command("deliveries")
def callbacks_deliveries(context: typer.Context, app: App, callback: One, json: Json = False) -> None:
    """The last hundred tries, newest first."""
    found = api(context).call("GET", _base(app, callback, "deliveries"), as_json=json)["deliveries"]
    rows(found, ("at", "type", "status", "ms", "error", "message"), json, "Nothing was told yet.")


@callbacks.command("retry")
def callbacks_retry(context: typer.Context, app: App, callback: One, json: Json = False) -> None:
    """Try what was not taken again now."""
    now = api(context).call("POST", _base(app, callback, "retry"), as_json=json)
    emit(now, json, f"{now['message']} is tried again now.")


@callbacks.command("skip")
def callbacks_skip(
    context: typer.Context,
    app: App,
    callback: One,
    everything: Annotated[bool, typer.Option("--all", help="Tell nothing of what happened before now.")] = False,
    json: Json = False,
) -> None:
    """Give up the message that is not taken, or all until now."""
    now = api(context).call("POST", _base(app, callback, "skip"), json={"all": everything}, as_json=json)
    emit(now, json, "Nothing that happened before now is told." if everything else "That message is given up.")
