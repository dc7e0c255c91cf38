"""How credentials stand, what was told of them and mails on their way, in memory."""

from __future__ import annotations

from pushwarden.core.health import Record
from pushwarden.core.mail import Mail

Name = tuple[str, str]
"""Organisation and credential."""


class MemoryHealths:
    def __init__(self, rows: dict[Name, Record], notices: dict[Name, dict[str, int]]) -> None:
        self._rows, self._notices = rows, notices

    def get(self, organisation: str, credential: str) -> Record | None:
        return self._rows.get((organisation, credential))

    def all(self, organisation: str = "") -> list[Record]:
        return [row for key, row in sorted(self._rows.items()) if organisation in ("", key[0])]

    def put(self, record: Record) -> None:
        self._rows[record.organisation, record.credential] = record

    def forget(self, organisation: str, app: str, credential: str = "") -> None:
        self._notices.pop((organisation, credential), None)
        for row in self.all(organisation):
            if row.app == app and credential in ("", row.credential):
                del self._rows[organisation, row.credential]
                self._notices.pop((organisation, row.credential), None)


class MemoryNotices:
    def __init__(self, rows: dict[Name, dict[str, int]]) -> None:
        self._rows = rows

    def given(self, organisation: str = "") -> dict[Name, dict[str, int]]:
        return {key: dict(row) for key, row in self._rows.items() if organisation in ("", key[0])}

    def give(self, organisation: str, credential: str, what: str, at_ms: int) -> None:
        told = self._rows.get((organisation, credential), {})
        self._rows[organisation, credential] = told | {what: at_ms}


class MemoryMails:
    def __init__(self, rows: dict[str, Mail]) -> None:
        self._rows = rows

    def all(self) -> list[Mail]:
        return sorted(self._rows.values(), key=lambda mail: (mail.since, mail.id))

    def put(self, mail: Mail) -> None:
        self._rows[mail.id] = mail

    def drop(self, mail: str) -> None:
        self._rows.pop(mail, None)
