"""The catalog's tables over SQL: callbacks, and how far each has been told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pushwarden.adapters import rows_control as rows
from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.statements import Run
from pushwarden.core.callback import Callback, Course, Delivery, Message
from pushwarden.core.errors import stale
from pushwarden.ports.callbacks import DELIVERIES_KEPT


class SqlCallbacks:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, organisation: str, app: str, callback: str) -> Callback | None:
        found = self._run(sql.CALLBACK_GET, organisation=organisation, app=app, id=callback)
        return rows.callback_of(found[0]) if found else None

    def of(self, organisation: str, app: str) -> list[Callback]:
        return [rows.callback_of(row) for row in self._run(sql.CALLBACK_OF, organisation=organisation, app=app)]

    def all(self) -> list[Callback]:
        return [rows.callback_of(row) for row in self._run(sql.CALLBACK_ALL)]

    def insert(self, callback: Callback) -> None:
        self._run(sql.CALLBACK_INSERT, **rows.callback_row(callback))

    def update(self, callback: Callback) -> None:
        row = rows.callback_row(callback)
        keys = {f"key_{name}": row[name] for name in ("organisation", "app", "id")}
        if not self._run(sql.CALLBACK_UPDATE, **row, **keys, below=callback.version - 1):
            kept = self.get(callback.organisation, callback.app, callback.id)
            raise stale(kept.version if kept else None)

    def delete(self, callback: Callback) -> None:
        for statement in sql.COURSE_DELETE:
            self._run(statement, **_of(callback))
        self._run(sql.CALLBACK_DELETE, organisation=callback.organisation, app=callback.app, id=callback.id)


class SqlCourses:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, callback: Callback) -> Course:
        places = {row["source"]: row["number"] for row in self._run(sql.PLACES, **_of(callback))}
        waiting = tuple(row["push"] for row in self._run(sql.WAITING, **_of(callback)))
        messages = tuple(_message(row) for row in self._run(sql.MESSAGES, **_of(callback)))
        return Course(places, waiting, messages)

    def place(self, callback: Callback, places: dict[str, int]) -> None:
        for source, number in places.items():
            self._run(sql.PLACE_DELETE, **_of(callback), source=source)
            self._run(sql.PLACE_INSERT, **_of(callback), source=source, number=number)

    def wait(self, callback: Callback, pushes: Sequence[str]) -> None:
        for push in pushes:
            self._run(sql.WAIT, **_of(callback), push=push)

    def seen(self, callback: Callback, pushes: Sequence[str]) -> None:
        for push in pushes:
            self._run(sql.SEEN, **_of(callback), push=push)

    def put(self, callback: Callback, message: Message) -> None:
        self.drop(callback, message.id)
        row = asdict(message) | {"gave_up": int(message.gave_up), "trial": int(message.trial)}
        self._run(sql.MESSAGE_INSERT, **_of(callback), **row)

    def drop(self, callback: Callback, message: str) -> bool:
        return bool(self._run(sql.MESSAGE_DELETE, **_of(callback), id=message))

    def note(self, callback: Callback, delivery: Delivery) -> None:
        number = self._run(sql.DELIVERY_LAST, **_of(callback))[0]["number"] + 1
        self._run(sql.DELIVERY_INSERT, **_of(callback), number=number, **asdict(delivery))
        self._run(sql.DELIVERY_FORGET, **_of(callback), up_to=number - DELIVERIES_KEPT)

    def deliveries(self, callback: Callback) -> list[Delivery]:
        found = self._run(sql.DELIVERIES, **_of(callback))
        return [Delivery(**{name: row[name] for name in Delivery.__slots__}) for row in found]


def _of(callback: Callback) -> dict[str, str]:
    return {"organisation": callback.organisation, "callback": callback.id}


def _message(row: dict[str, Any]) -> Message:
    said = {name: row[name] for name in Message.__slots__}
    return Message(**{**said, "gave_up": bool(row["gave_up"]), "trial": bool(row["trial"])})
