"""apps, credentials, keys, organisations: what the control plane keeps."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import typer

from pushwarden.cli.checking import CredentialFile, KeyId, Provider, Serial, TeamId, check, hints_of
from pushwarden.cli.client import place, read_credential
from pushwarden.cli.common import PRODUCTION, App, Env, api, group
from pushwarden.cli.out import REFUSED, Json, emit, rows, shown
from pushwarden.cli.report import show_report

apps = group("Apps: what pushes are sent for.")
credentials = group("Credentials: check, add, switch. Key material goes in and never comes out.")
keys = group("API keys: shown once, scoped, expiring.")
organisations = group("Organisations: whose apps, keys and audit it is.")

_APP = ("id", "name", "enabled", "bundle_id", "version")
PROOF_SECONDS = 11
"""How long a proof by a sender is waited for."""


@apps.command("list")
def apps_list(context: typer.Context, json: Json = False) -> None:
    """The apps this key may see."""
    found = api(context).call("GET", "/v1/apps", as_json=json)["apps"]
    rows(found, _APP, json, "No app yet. Make one: pushwarden apps create shop --bundle-id com.example.shop")


@apps.command("create")
def apps_create(
    context: typer.Context,
    app: App,
    name: Annotated[str, typer.Option(help="A name for people; the id when left out.")] = "",
    bundle_id: Annotated[str, typer.Option(help="Apple's bundle id.")] = "",
    description: Annotated[str, typer.Option(help="What it is, for people.")] = "",
    contact: Annotated[
        list[str] | None, typer.Option(help="E-mail address told of its credentials; again for each.")
    ] = None,
    trial: Annotated[bool, typer.Option("--trial", help="It reaches test devices only, until it goes live.")] = False,
    json: Json = False,
) -> None:
    """Make an app."""
    body: dict[str, Any] = {"id": app, "name": name or app, "bundle_id": bundle_id, "description": description}
    body |= {"contacts": contact or [], "trial": trial}
    made = api(context).call("POST", "/v1/apps", json=body, as_json=json)
    emit(made, json, f"Made {app}. Next: pushwarden credentials add {app} FILE")


@apps.command("show")
def apps_show(context: typer.Context, app: App, env: Env = PRODUCTION, json: Json = False) -> None:
    """What is in effect now: the app, its credentials, its senders."""
    emit(api(context).call("GET", place("apps", app, env, "effective"), as_json=json), json)


@apps.command("set")
def apps_set(
    context: typer.Context,
    app: App,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    bundle_id: Annotated[str | None, typer.Option(help="Apple's bundle id.")] = None,
    enabled: Annotated[bool | None, typer.Option(help="Whether it may send at all.")] = None,
    live: Annotated[bool | None, typer.Option("--live/--trial", help="Send to all, or to test devices only.")] = None,
    contact: Annotated[
        list[str] | None, typer.Option(help="E-mail address told of its credentials; all of them, again for each.")
    ] = None,
    no_contacts: Annotated[bool, typer.Option("--no-contacts", help="Nobody is told.")] = False,
    json: Json = False,
) -> None:
    """Change an app."""
    one = api(context)
    version = one.call("GET", place("apps", app), as_json=json)["version"]
    contacts = [] if no_contacts else contact
    wanted = {"name": name, "bundle_id": bundle_id, "enabled": enabled, "contacts": contacts}
    wanted["trial"] = None if live is None else not live
    body = {"version": version} | {field: value for field, value in wanted.items() if value is not None}
    emit(one.call("PATCH", place("apps", app), json=body, as_json=json), json, f"Changed {app}.")


@apps.command("delete")
def apps_delete(context: typer.Context, app: App, json: Json = False) -> None:
    """Remove an app with its credentials."""
    one = api(context)
    version = one.call("GET", place("apps", app), as_json=json)["version"]
    one.call("DELETE", place("apps", app), params={"version": version}, as_json=json)
    emit({"deleted": app}, json, f"Removed {app}.")


credentials.command("check")(check)


@credentials.command("add")
def credentials_add(
    context: typer.Context,
    app: App,
    file: CredentialFile,
    env: Env = PRODUCTION,
    password: Annotated[str, typer.Option(help="Of a .p12.", envvar="PUSHWARDEN_P12_PASSWORD")] = "",
    key_id: KeyId = "",
    team_id: TeamId = "",
    serial: Serial = "",
    provider: Provider = "",
    activate: Annotated[bool, typer.Option(help="Send with it from now on.")] = True,
    json: Json = False,
) -> None:
    """Check a credential, seal it, and send with it from now on."""
    one = api(context)
    base = place("apps", app, env, "credentials")
    given = {"password": password, "key_id": key_id, "team_id": team_id, "serial": serial, "provider": provider}
    body = {"content": base64.b64encode(read_credential(file, json)).decode(), **hints_of(file)}
    body |= {hint: value for hint, value in given.items() if value}
    made = one.call("POST", base, json=body, params={"wait": PROOF_SECONDS}, as_json=json)
    probe = made["probe"] or {"checks": [], "finding": "", "says": ""}
    if not json:
        show_report({"checks": made["checks"] + probe["checks"]})
    if probe["finding"] == "refused":
        emit(made, json, f"{made['credential']['id']} is kept and not activated. {probe['says']}")
        raise typer.Exit(REFUSED)
    if activate:
        path = f"{base}/{made['credential']['id']}/activate"
        made["credential"] = one.call("POST", path, as_json=json)
    emit(made, json, f"{made['credential']['id']} is {made['credential']['state']} for {app} in {env}.")


@credentials.command("verify")
def credentials_verify(
    context: typer.Context, app: App, credential: str, env: Env = PRODUCTION, json: Json = False
) -> None:
    """Ask Apple or Google whether they accept it now. Exit 1 unless they do."""
    path = place("apps", app, env, "credentials", credential, "verify")
    probe = api(context).call("POST", path, params={"wait": PROOF_SECONDS}, as_json=json)
    if not json:
        show_report(probe)
    emit(probe, json, probe["says"])
    if probe["finding"] != "proven":
        raise typer.Exit(REFUSED)


@credentials.command("list")
def credentials_list(context: typer.Context, app: App, env: Env = PRODUCTION, json: Json = False) -> None:
    """The credentials of an app and environment."""
    found = api(context).call("GET", place("apps", app, env, "credentials"), as_json=json)["credentials"]
    items = found if json else [{**one, **words_of(one)} for one in found]
    columns = ("id", "provider", "slot", "kind", "state", "health", "subject", "ends", "created_at")
    rows(items, columns, json, f"None yet. pushwarden credentials add {app} FILE --env {env}")


def words_of(credential: dict[str, Any]) -> dict[str, str]:
    """What a table says of a credential: how it stands by shape and word, whose it is, when it ends."""
    health, facts = credential["health"], credential["facts"]
    ends = shown(facts["not_after"], "not_after_at") if facts.get("not_after") else "never"
    return {"health": f"{health['shape']} {health['word']}", "subject": facts.get("subject", ""), "ends": ends}


@keys.command("list")
def keys_list(context: typer.Context, json: Json = False) -> None:
    """The keys within this key's scope."""
    found = api(context).call("GET", "/v1/keys", as_json=json)["keys"]
    rows(found, ("id", "name", "kind", "organisation", "app", "environment", "expires_at"), json, "No keys.")


@keys.command("create")
def keys_create(
    context: typer.Context,
    name: str,
    kind: Annotated[str, typer.Option(help="admin, send, read, stop, device or feed.")] = "send",
    app: Annotated[str, typer.Option(help="Only this app.")] = "",
    env: Annotated[str, typer.Option(help="Only this environment.")] = "",
    days: Annotated[int, typer.Option(help="Until it expires, 366 at most.")] = 365,
    json: Json = False,
) -> None:
    """Make a key; its text is printed once."""
    body: dict[str, Any] = {"name": name, "kind": kind, "expires_in_days": days}
    body |= {field: value for field, value in (("app", app), ("environment", env)) if value}
    made = api(context).call("POST", "/v1/keys", json=body, as_json=json)
    emit(made, json, f"{made['key']}\nKeep it: it is not shown again.")


@keys.command("revoke")
def keys_revoke(context: typer.Context, key: str, json: Json = False) -> None:
    """End a key now."""
    emit(api(context).call("POST", place("keys", key, "revoke"), as_json=json), json, f"{key} is revoked.")


@keys.command("rotate")
def keys_rotate(context: typer.Context, key: str, json: Json = False) -> None:
    """Make a key's successor; the old one works for a while yet."""
    made = api(context).call("POST", place("keys", key, "rotate"), json={}, as_json=json)
    emit(made, json, f"{made['key']}\nKeep it: it is not shown again.")


@organisations.command("list")
def organisations_list(context: typer.Context, json: Json = False) -> None:
    """The organisations this key may see."""
    found = api(context).call("GET", "/v1/organisations", as_json=json)["organisations"]
    rows(found, ("id", "name"), json, "None.")


@organisations.command("rename")
def organisations_rename(context: typer.Context, organisation: str, name: str, json: Json = False) -> None:
    """Give an organisation another name; its id stays."""
    one = api(context)
    found = one.call("GET", "/v1/organisations", as_json=json)["organisations"]
    version = next((row["version"] for row in found if row["id"] == organisation), 1)
    body = {"version": version, "name": name}
    done = one.call("PATCH", place("organisations", organisation), json=body, as_json=json)
    emit(done, json, f"{organisation} is called {name} from now on.")


@organisations.command("create")
def organisations_create(
    context: typer.Context,
    organisation: str,
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    json: Json = False,
) -> None:
    """Make an organisation."""
    body = {"id": organisation, "name": name or organisation}
    emit(api(context).call("POST", "/v1/organisations", json=body, as_json=json), json, f"Made {organisation}.")
