"""A person at the console without scripts: pages by GET, forms by POST, redirects told and not followed."""

from __future__ import annotations

from typing import Any

import httpx2

from people import SignedIn
from pushwarden.wiring.stage import Stage


class Browser:
    """A person with a session."""

    def __init__(self, stage: Stage, who: SignedIn) -> None:
        self.stage, self.who = stage, who

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.stage.client.request(method, self.stage.url + path, headers={"cookie": self.who.cookie}, **options)

    def get(self, path: str) -> str:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return answer.text

    def post(self, path: str, expect: int = 303, files: Any = None, **fields: str) -> tuple[str, str]:
        """Where it leads, and the page it showed in place of that."""
        answer = self.ask("POST", path, data={"csrf": self.who.csrf, **fields}, files=files)
        assert answer.status_code == expect, (path, answer.status_code, answer.text[:3000])
        return answer.headers.get("location", ""), answer.text
