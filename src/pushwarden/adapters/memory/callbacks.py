"""Callbacks in memory. Rows are replaced whole, so that a copy of the dictionary is a copy of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pushwarden.core.callback import Callback, Course, Delivery, Message
from pushwarden.core.errors import stale
from pushwarden.ports.callbacks import DELIVERIES_KEPT


@dataclass(frozen=True, slots=True)
class Kept:
    course: Course = field(default_factory=Course)
    deliveries: tuple[Delivery, ...] = ()


class MemoryCallbacks:
    def __init__(self, rows: dict[str, Callback], courses: dict[str, Kept]) -> None:
        self._rows, self._courses = rows, courses

    def get(self, organisation: str, app: str, callback: str) -> Callback | None:
        found = self._rows.get(callback)
        return found if found and (found.organisation, found.app) == (organisation, app) else None

    def of(self, organisation: str, app: str) -> list[Callback]:
        return [row for row in self.all() if (row.organisation, row.app) == (organisation, app)]

    def all(self) -> list[Callback]:
        return sorted(self._rows.values(), key=lambda row: (row.created_at, row.id))

    def insert(self, callback: Callback) -> None:
        self._rows[callback.id] = callback

    def update(self, callback: Callback) -> None:
        kept = self.get(callback.organisation, callback.app, callback.id)
        if kept is None or kept.version != callback.version - 1:
            raise stale(kept.version if kept else None)
        self._rows[callback.id] = callback

    def delete(self, callback: Callback) -> None:
        self._rows.pop(callback.id, None)
        self._courses.pop(callback.id, None)


class MemoryCourses:
    def __init__(self, rows: dict[str, Kept]) -> None:
        self._rows = rows

    def get(self, callback: Callback) -> Course:
        return self._kept(callback).course

    def place(self, callback: Callback, places: dict[str, int]) -> None:
        course = self.get(callback)
        self._put(callback, replace(course, places={**course.places, **places}))

    def wait(self, callback: Callback, pushes: Sequence[str]) -> None:
        course = self.get(callback)
        self._put(callback, replace(course, waiting=tuple(sorted({*course.waiting, *pushes}))))

    def seen(self, callback: Callback, pushes: Sequence[str]) -> None:
        course = self.get(callback)
        self._put(callback, replace(course, waiting=tuple(push for push in course.waiting if push not in pushes)))

    def put(self, callback: Callback, message: Message) -> None:
        self.drop(callback, message.id)
        course = self.get(callback)
        messages = sorted([*course.messages, message], key=lambda one: (one.since, one.id))
        self._put(callback, replace(course, messages=tuple(messages)))

    def drop(self, callback: Callback, message: str) -> bool:
        course = self.get(callback)
        kept = tuple(one for one in course.messages if one.id != message)
        self._put(callback, replace(course, messages=kept))
        return len(kept) < len(course.messages)

    def note(self, callback: Callback, delivery: Delivery) -> None:
        kept = self._kept(callback)
        self._rows[callback.id] = replace(kept, deliveries=(delivery, *kept.deliveries)[:DELIVERIES_KEPT])

    def deliveries(self, callback: Callback) -> list[Delivery]:
        return list(self._kept(callback).deliveries)

    def _kept(self, callback: Callback) -> Kept:
        return self._rows.get(callback.id, Kept())

    def _put(self, callback: Callback, course: Course) -> None:
        self._rows[callback.id] = replace(self._kept(callback), course=course)
