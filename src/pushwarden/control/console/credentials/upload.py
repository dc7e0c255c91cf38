"""A credential file as a page takes it: found out what it is, sealed, and what is missing asked for once."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pushwarden.control.console.credentials.kept import FILES, REPORTS, KeptFile, Reported
from pushwarden.control.console.visit import Visit
from pushwarden.core.check import Check
from pushwarden.core.errors import AlreadyExists, PushwardenError, UnusableCredential
from pushwarden.core.messages import Result
from pushwarden.core.scope import Environment

LARGEST = 64 * 1024
PASSWORD = frozenset({"p12.password", "p8.encrypted", "p8.password"})
IDS = frozenset({"p8.key_id_missing", "p8.key_id_form", "p8.key_id", "p8.team_id_missing", "p8.team_id"})
SERIAL = frozenset({"p12.many", "p12.no_serial"})
OTHER = {Environment.SANDBOX: Environment.PRODUCTION, Environment.PRODUCTION: Environment.SANDBOX}


@dataclass(frozen=True, slots=True)
class Sent:
    """A file with what was typed beside it. team_from: the app whose team ID was taken."""

    name: str
    content: bytes = field(repr=False)
    password: str = field(default="", repr=False)
    key_id: str = ""
    team_id: str = ""
    serial: str = ""
    team_from: str = ""

    @property
    def body(self) -> dict[str, str]:
        given = {
            "file_name": self.name, "password": self.password, "key_id": self.key_id, "team_id": self.team_id,
            "serial": self.serial,
        }  # fmt: skip
        return {"content": base64.b64encode(self.content).decode()} | {
            name: text for name, text in given.items() if text
        }


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a file became no credential. asks: password, ids, serial or nothing; kept: under which name it waits;
    choices: the certificates one of which is meant.

    problem: no_file, too_large, kept_gone or changed, where there is no report. known: the credential it already is.
    """

    sent: Sent | None = None
    checks: Sequence[Check] = ()
    asks: str = ""
    kept: str = ""
    problem: str = ""
    known: str = ""
    choices: Sequence[Mapping[str, Any]] = ()

    @property
    def first_password(self) -> bool:
        """The file is closed and nobody was asked yet: no mistake of anybody."""
        return self.asks == "password" and self.sent is not None and not self.sent.password


@dataclass(frozen=True, slots=True)
class Added:
    """The credential, and the probe that is under way; empty where sending is stopped."""

    credential: str
    probe: str


async def take(visit: Visit) -> Added | Refused:
    """The form's file becomes a credential here, and with `both` in the other environment too."""
    sent = await _sent(visit)
    if isinstance(sent, Refused):
        return sent
    try:
        made = await visit.api.post(f"{visit.v1}/credentials", sent.body)
    except UnusableCredential as error:
        return _refused(visit, sent, error.extra)
    except AlreadyExists as error:
        return Refused(sent, problem="known", known=str(error.extra["id"]))
    FILES.drop(visit.form.text("kept"))
    also = [said] if visit.form.ticked("both") and (said := await _other(visit, sent)) else []
    report = Reported(sent.name, len(sent.content), visit.now_ms, made.checks, also)
    REPORTS.put(report, visit.now_ms, shelf_name(visit, made.credential.id))
    return Added(made.credential.id, made.probe.id if made.probe else "")


def shelf_name(visit: Visit, credential: str) -> str:
    return f"{visit.where.organisation}/{credential}"


async def _sent(visit: Visit) -> Sent | Refused:
    form, file = visit.form, visit.form.file("file")
    typed = Sent(
        "", b"", form.raw("password"), form.text("key_id").upper(), form.text("team_id").upper(), form.text("serial")
    )
    if file is None and form.text("kept"):
        kept = FILES.get(form.text("kept"), visit.now_ms)
        if kept is None or kept.owner != visit.visitor.csrf:
            return Refused(problem="kept_gone")
        sent = replace(typed, name=kept.name, content=kept.content)
    elif file is not None:
        sent = replace(typed, name=file.name.rsplit("\\", 1)[-1].rsplit("/", 1)[-1], content=file.content)
    else:
        sent = replace(typed, name="", content=form.raw("text").strip().encode())
    if not sent.content and not sent.name:
        return Refused(problem="no_file")
    if not sent.content:
        return Refused(sent, [Check.of("file.empty", name=sent.name, size=0)])
    if len(sent.content) > LARGEST:
        return Refused(replace(sent, content=b""), problem="too_large")
    return sent if sent.team_id else await _with_team(visit, sent)


async def _with_team(visit: Visit, sent: Sent) -> Sent:
    """With the team ID that another key of the organisation has: nobody is asked twice."""
    if b"PRIVATE KEY" not in sent.content or b"service_account" in sent.content:
        return sent
    try:
        known = await visit.api.get("/v1/credentials")
    except PushwardenError:
        return sent
    teams = [one for one in known.credentials if one.credential.facts.get("team_id")]
    own = (visit.where.environment, *OTHER)
    teams = [one for one in teams if one.environment in own]
    newest = max(teams, key=lambda one: one.credential.created_at, default=None)
    if newest is None:
        return sent
    return replace(sent, team_id=newest.credential.facts["team_id"], team_from=newest.app)


def _refused(visit: Visit, sent: Sent, told: Mapping[str, Any]) -> Refused:
    checks = told["checks"]
    asks = asked({check.id for check in checks if check.result == Result.FAILED})
    if not asks:
        return Refused(sent, checks)
    kept = FILES.put(KeptFile(visit.visitor.csrf, sent.name, sent.content), visit.now_ms)
    return Refused(sent, checks, asks, kept, choices=told["facts"].get("choices", ()))


def asked(failed: frozenset[str] | set[str]) -> str:
    """What would let the file be used: password, ids, serial, or empty."""
    named = (("password", PASSWORD), ("ids", IDS), ("serial", SERIAL))
    return next((what for what, ids in named if failed & ids and failed <= ids), "")


async def _other(visit: Visit, sent: Sent) -> str:
    """What became of the same file in the other environment; empty where it is there now."""
    assert visit.where.environment is not None
    other = OTHER.get(visit.where.environment)
    if other is None:
        return ""
    base = f"/v1/apps/{visit.where.app}/{other}/credentials"
    try:
        made: Any = await visit.api.post(base, sent.body)
    except UnusableCredential as error:
        failed = next((check for check in error.extra["checks"] if check.result == Result.FAILED), None)
        return f"{other.capitalize()}: {failed.sentence if failed else error.detail}"
    except PushwardenError as error:
        return f"{other.capitalize()}: {error.detail}"
    return f"It is saved for {other.capitalize()} too, in standby." if made else ""
