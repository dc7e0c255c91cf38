"""Sessions for tests of streams: one that lasts until it is ended."""

from __future__ import annotations

from typing import Any

from pushwarden.control.console.visit import Visitor
from pushwarden.web.body import RawHeaders


class Lasting:
    """`Sessions`, as far as a stream asks them."""

    def __init__(self) -> None:
        self.good = True

    def visitor(self, headers: RawHeaders, now_ms: int) -> Visitor | None:
        return None

    def able(self, permission: Any, where: Any) -> list[str]:
        return []

    def organisations(self, principal: Any) -> dict[str, str]:
        return {}

    def lasts(self, headers: RawHeaders) -> bool:
        return self.good

    def formerly(self, headers: RawHeaders) -> str:
        return ""
