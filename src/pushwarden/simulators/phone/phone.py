"""A phone in a few HTTP calls: it registers with Pushwarden and asks a simulator what arrived for its token."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

WAIT_S = 20.0


class NotRegistered(Exception):
    """Pushwarden did not take this phone; the sentence holds its answer."""


@dataclass(frozen=True, slots=True)
class Push:
    """One notification as the phone got it. content: the payload, empty when it was no JSON object."""

    id: str
    topic: str
    push_type: str
    content: dict[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        return str(self._alert().get("title", ""))

    @property
    def body(self) -> str:
        return str(self._alert().get("body", ""))

    @property
    def line(self) -> str:
        """As a phone's list shows it; a push without an alert shows its type and keys."""
        words = [part for part in (self.title, self.body) if part]
        return f"[{self._kind}] " + (": ".join(words) or f"(silent) {', '.join(self._keys())}".rstrip())

    @property
    def asks(self) -> tuple[str, str] | None:
        """The push's id and nonce, where its sender wants to hear that it arrived. Google's data are texts."""
        data = _part(self.content, "message").get("data") if "message" in self.content else self.content
        asked = data.get("pushwarden") if isinstance(data, dict) else None
        if isinstance(asked, str):
            try:
                asked = json.loads(asked)
            except ValueError:
                return None
        match asked:
            case {"push": str(push), "nonce": str(nonce)}:
                return push, nonce
            case _:
                return None

    @property
    def _kind(self) -> str:
        """Apple's push type; Google's has none, but a message is for the tray or for the app (Firebase's words)."""
        if "message" not in self.content:
            return self.push_type
        return "notification" if self._alert() else "data"

    def _keys(self) -> list[str]:
        message = _part(self.content, "message")
        return sorted(set(_part(message, "data") if message else self.content) - {"aps", "pushwarden"})

    def _alert(self) -> dict[str, Any]:
        alert = _part(self.content, "aps").get("alert")
        if isinstance(alert, str):
            return {"body": alert}
        if isinstance(alert, dict):
            return alert
        message = _part(self.content, "message")
        return _part(message, "notification") | _part(_part(message, "android"), "notification")


def _part(content: dict[str, Any], name: str) -> dict[str, Any]:
    part = content.get(name)
    return part if isinstance(part, dict) else {}


class Phone:
    """control: a simulator's control door, http://127.0.0.1:port. token: made up when empty. provider: whose phone."""

    def __init__(self, control: str, token: str = "", provider: str = "apns") -> None:
        self.provider = provider
        self.token = token or (secrets.token_hex(32) if provider == "apns" else _android_token())
        self._control = httpx2.Client(base_url=control, timeout=WAIT_S * 2, trust_env=False)

    def close(self) -> None:
        self._control.close()

    def pair(self) -> None:
        """Tells the simulator that this token has a phone; pushes from before are not kept."""
        self._control.post(f"/phone/{self.token}").raise_for_status()

    def register(self, devices: str, key: str, installation: str, details: dict[str, Any]) -> None:
        """Puts the device to Pushwarden. devices: …/v1/apps/{app}/{env}/devices. NotRegistered when it is refused."""
        content = {"provider": self.provider, "token": self.token, "token_kind": "alert", **details}
        headers = {"authorization": f"Bearer {key}"}
        answer = httpx2.put(f"{devices}/{installation}", json=content, headers=headers, trust_env=False)
        if answer.status_code >= 300:
            raise NotRegistered(f"Pushwarden answered {answer.status_code}: {answer.text[:500]}")

    def confirm(self, place: str, push: Push) -> None:
        """Tells Pushwarden that it arrived, if it asked. place: …/v1/apps/{app}/{env}. No key: the nonce is enough."""
        report = confirmation(push, self.token)
        if report is not None:
            httpx2.post(f"{place}/signals", json=report, trust_env=False).raise_for_status()

    def arrived(self, wait_s: float = WAIT_S) -> list[Push]:
        """What is there; when nothing is, what comes first within `wait_s` seconds."""
        answer = self._control.get(f"/phone/{self.token}", params={"wait": str(wait_s)}).raise_for_status()
        return [push_of(row) for row in answer.json()["pushes"]]

    def live(self) -> Iterator[Push]:
        """Every push, for ever."""
        while True:
            yield from self.arrived()


def confirmation(push: Push, token: str) -> dict[str, str] | None:
    """What a device reports of a push it got; None where nobody asked."""
    if push.asks is None:
        return None
    return {"push": push.asks[0], "nonce": push.asks[1], "event": "received", "token": token}


def _android_token() -> str:
    return f"{secrets.token_urlsafe(16)}:APA91b{secrets.token_urlsafe(100)}"


def push_of(row: dict[str, Any]) -> Push:
    """A row of a simulator's control door as the phone shows it."""
    try:
        content = json.loads(row["body"] or "{}")
    except ValueError:
        content = {}
    return Push(row["id"], row["topic"], row["push_type"], content if isinstance(content, dict) else {})
