"""What somebody typed into a form that could not be taken yet, sealed and carried along until it can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pushwarden.control.console.form import Form
from pushwarden.core.errors import VaultRefused
from pushwarden.ports.chest import Chest

KEPT_MS = 3_600_000
LARGEST = 200_000
"""Bytes; a form with more is not carried along."""
_LABEL = "form|"


class Kept(msgspec.Struct):
    """Of which address it was sent to; files are not kept."""

    path: str
    query: dict[str, str]
    fields: dict[str, list[str]]
    files: bool
    until: int

    @property
    def form(self) -> Form:
        return Form(self.fields)


class Keeper:
    def __init__(self, chest: Chest) -> None:
        self._chest = chest

    def keep(self, path: str, query: Mapping[str, str], form: Form, now_ms: int, browser: str = "") -> str:
        """Text for a hidden field; empty when there is too much. browser: the one it comes from, and opens for."""
        fields: dict[str, Sequence[str]] = {name: list(all_) for name, all_ in form.fields.items() if name != "csrf"}
        own = {name: value for name, value in query.items() if name != "csrf"}
        said = msgspec.msgpack.encode((path, own, fields, bool(form.files), now_ms + KEPT_MS))
        return self._chest.seal(said, _LABEL + browser).hex() if len(said) <= LARGEST else ""

    def find(self, text: str, now_ms: int, browser: str = "") -> Kept | None:
        """None when it is none of ours, of another browser, or too old."""
        try:
            kept = Kept(*msgspec.msgpack.decode(self._chest.open(bytes.fromhex(text), _LABEL + browser)))
        except (ValueError, VaultRefused, TypeError):
            return None
        return kept if kept.until > now_ms else None
