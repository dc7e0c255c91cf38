"""The catalog's tables over SQL: how credentials stand, what was told of them, mails on their way."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.statements import Run
from pushwarden.core.check import Check
from pushwarden.core.health import Health, Record
from pushwarden.core.mail import Mail

_CHECKS = msgspec.json.Decoder(tuple[Check, ...])


class SqlHealths:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, organisation: str, credential: str) -> Record | None:
        found = self._run(sql.HEALTH_GET, organisation=organisation, credential=credential)
        return _record(found[0]) if found else None

    def all(self, organisation: str = "") -> list[Record]:
        return [_record(row) for row in self._run(sql.HEALTH_ALL, organisation=organisation)]

    def put(self, record: Record) -> None:
        self._run(sql.HEALTH_DELETE, organisation=record.organisation, credential=record.credential)
        row = asdict(record) | {"checks": msgspec.json.encode(record.checks).decode()}
        self._run(sql.HEALTH_INSERT, **row)

    def forget(self, organisation: str, app: str, credential: str = "") -> None:
        gone = self._run(sql.HEALTH_FORGET, organisation=organisation, app=app, credential=credential)
        for name in {credential, *(row["credential"] for row in gone)}:
            self._run(sql.NOTICE_FORGET, organisation=organisation, credential=name)


class SqlNotices:
    def __init__(self, run: Run) -> None:
        self._run = run

    def given(self, organisation: str = "") -> dict[tuple[str, str], dict[str, int]]:
        found: dict[tuple[str, str], dict[str, int]] = {}
        for row in self._run(sql.NOTICES, organisation=organisation):
            found.setdefault((row["organisation"], row["credential"]), {})[row["what"]] = row["at"]
        return found

    def give(self, organisation: str, credential: str, what: str, at_ms: int) -> None:
        key = {"organisation": organisation, "credential": credential, "what": what}
        self._run(sql.NOTICE_DELETE, **key)
        self._run(sql.NOTICE_INSERT, **key, at=at_ms)


class SqlMails:
    def __init__(self, run: Run) -> None:
        self._run = run

    def all(self) -> list[Mail]:
        return [Mail(**{**row, "gave_up": bool(row["gave_up"])}) for row in self._run(sql.MAILS)]

    def put(self, mail: Mail) -> None:
        self.drop(mail.id)
        self._run(sql.MAIL_INSERT, **asdict(mail) | {"gave_up": int(mail.gave_up)})

    def drop(self, mail: str) -> None:
        self._run(sql.MAIL_DELETE, id=mail)


def _record(row: dict[str, Any]) -> Record:
    checks = _CHECKS.decode(row["checks"])
    return Record(**{**row, "health": Health(row["health"]), "checks": checks})
