"""`pushwarden credentials check`: looks at a credential file without a server, as an upload would."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pushwarden.cli.client import read_credential
from pushwarden.cli.out import REFUSED, Json, console, emit
from pushwarden.cli.report import conclusion, show_report
from pushwarden.core.check import Check
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret

if TYPE_CHECKING:
    from pushwarden.providers.port import Report

_PASSWORD_WANTED = frozenset({"p12.password", "p8.encrypted", "p8.password"})

CredentialFile = Annotated[
    Path, typer.Argument(help="A .p8, .p12, .cer, .pem or service-account .json file; `-` for standard input.")
]
Password = Annotated[str | None, typer.Option(help="Of a .p12. Left out, it is asked for where one is needed.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="The password is a line on standard input.")]
KeyId = Annotated[str, typer.Option(help="Of a .p8; otherwise from the file name.")]
TeamId = Annotated[str, typer.Option(help="Apple's ten-character team id.")]
Serial = Annotated[str, typer.Option(help="Of the certificate that is meant, where a file has several.")]
Provider = Annotated[str, typer.Option(help="apns, fcm, wns or azure; otherwise by the file.")]


def check(
    file: CredentialFile,
    password: Password = None,
    password_stdin: PasswordStdin = False,
    key_id: KeyId = "",
    team_id: TeamId = "",
    bundle_id: Annotated[str, typer.Option(help="Of the app it is for.")] = "",
    environment: Annotated[
        Environment | None, typer.Option("--environment", "--env", "-e", help="Where it is to send.")
    ] = None,
    push_types: Annotated[str, typer.Option(help="That the app uses, with commas: alert,voip.")] = "",
    project_id: Annotated[str, typer.Option(help="The Firebase project of the app.")] = "",
    serial: Serial = "",
    provider: Provider = "",
    json: Json = False,
) -> None:
    """Look at a credential file without a server. Exit 0 when it can be used, 1 when not, 2 on wrong usage."""
    _possible(file, password, password_stdin, provider)
    hints = hints_of(file) | {
        "key_id": key_id, "team_id": team_id, "bundle_id": bundle_id, "environment": str(environment or ""),
        "push_types": push_types, "project_id": project_id, "serial": serial,
    }  # fmt: skip
    given = sys.stdin.buffer.readline().rstrip(b"\r\n") if password_stdin else _encoded(password)
    data = read_credential(file, json)
    report = _inspected(provider, data, given, hints)
    if given is None and not json and sys.stdin.isatty() and str(file) != "-":
        report = _asked_for(report, provider, data, hints)
    _show(file, report, json)
    if not report.usable:
        raise typer.Exit(REFUSED)


def hints_of(file: Path) -> dict[str, str]:
    """What the file's place on the disk says of it."""
    if str(file) == "-":
        return {}
    try:
        return {"file_name": file.name, "modified_at": str(file.stat().st_mtime_ns // 1_000_000)}
    except OSError:
        return {"file_name": file.name}


def _possible(file: Path, password: str | None, password_stdin: bool, provider: str) -> None:
    from pushwarden.core.names import PEOPLE

    if provider and provider not in PEOPLE:
        raise typer.BadParameter(f"There is no provider {provider}; there are {', '.join(PEOPLE)}.")
    if password_stdin and password is not None:
        raise typer.BadParameter("Give --password or --password-stdin, not both.")
    if password_stdin and str(file) == "-":
        raise typer.BadParameter("Standard input can be the file or the password, not both.")


def _inspected(provider: str, data: bytes, password: bytes | None, hints: dict[str, str]) -> Report:
    from pushwarden.wiring.inspect import Inspector

    async def ask() -> Report:
        inspector = Inspector(lambda: time.time_ns() // 1_000_000)
        try:
            return await inspector(provider, data, None if password is None else Secret(password), hints)
        finally:
            inspector.close()

    return asyncio.run(ask())


def _asked_for(report: Report, provider: str, data: bytes, hints: dict[str, str]) -> Report:
    """The report once a person at the terminal has typed the password, if that is all it needs."""
    asked = f"Password of {hints['file_name']}"
    for question in (asked, f"That is not it. {asked}", f"That is not it either. {asked}"):
        if not _PASSWORD_WANTED & {one.id for one in report.checks}:
            break
        typed = typer.prompt(question, hide_input=True, default="", show_default=False)
        report = _inspected(provider, data, typed.encode(), hints)
    return report


def _show(file: Path, report: Report, json: bool) -> None:
    checks = msgspec.to_builtins((*report.checks, *_unasked(report)))
    answer = {
        "file": file.name, "provider": report.provider, "kind": report.kind, "usable": report.usable,
        "sentence": conclusion(checks), "checks": checks, "facts": dict(report.facts),
    }  # fmt: skip
    if json:
        emit(answer, True)
        return
    show_report(answer)
    console.print(f"\n{conclusion(checks)}", markup=False)


def _unasked(report: Report) -> list[Check]:
    """Who would be asked after an upload of this file, and was not."""
    from pushwarden.core.names import PEOPLE

    return [Check.of("live.offline", provider=PEOPLE[report.provider])] if report.usable else []


def _encoded(password: str | None) -> bytes | None:
    return None if password is None else password.encode()
