"""Callbacks in the catalog: what is configured, and how far each has been told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pushwarden.core.callback import Callback, Course, Delivery, Message

DELIVERIES_KEPT = 100


class CallbackTable(Protocol):
    def get(self, organisation: str, app: str, callback: str) -> Callback | None: ...

    def of(self, organisation: str, app: str) -> list[Callback]:
        """Oldest first."""
        ...

    def all(self) -> list[Callback]:
        """Every organisation's."""
        ...

    def insert(self, callback: Callback) -> None: ...

    def update(self, callback: Callback) -> None:
        """Replaces the row one version below; Conflict otherwise."""
        ...

    def delete(self, callback: Callback) -> None:
        """With its course."""
        ...


class CourseTable(Protocol):
    """Each method means one callback, by its organisation and id."""

    def get(self, callback: Callback) -> Course:
        """Messages by age. Empty when nothing was kept."""
        ...

    def place(self, callback: Callback, places: dict[str, int]) -> None: ...

    def wait(self, callback: Callback, pushes: Sequence[str]) -> None: ...

    def seen(self, callback: Callback, pushes: Sequence[str]) -> None:
        """They wait no longer."""
        ...

    def put(self, callback: Callback, message: Message) -> None:
        """Inserts, or replaces the one of the same id."""
        ...

    def drop(self, callback: Callback, message: str) -> bool:
        """Whether it was there."""
        ...

    def note(self, callback: Callback, delivery: Delivery) -> None:
        """Keeps the newest DELIVERIES_KEPT."""
        ...

    def deliveries(self, callback: Callback) -> list[Delivery]:
        """Newest first."""
        ...
