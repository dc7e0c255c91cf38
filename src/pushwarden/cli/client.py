"""The API as the command line calls it: one key, plain errors, streams for what is large."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from pushwarden.cli.out import UNREACHABLE, fail
from pushwarden.settings import Settings

TIMEOUT = httpx2.Timeout(30.0, read=120.0)


class Api:
    """Calls one Pushwarden. url and key come from options, the environment, or the data directory of this machine."""

    def __init__(self, url: str = "", key: str = "", organisation: str = "") -> None:
        settings = Settings()
        self.url = url or os.environ.get("PUSHWARDEN_URL") or _own_url(settings)
        self._key = key or os.environ.get("PUSHWARDEN_KEY") or _own_key(settings)
        self._organisation = organisation or os.environ.get("PUSHWARDEN_ORGANISATION", "")

    def call(self, method: str, path: str, *, as_json: bool = False, **options: Any) -> Any:
        """The answer's JSON (None for 204); exits 1 with the problem's words, 3 when nobody answers."""
        with self._client() as client:
            try:
                answer = client.request(method, path, **options)
            except httpx2.TransportError as error:
                raise self._unreachable(error, as_json) from error
        if answer.status_code >= 400:
            raise _refused(answer, as_json)
        return answer.json() if answer.content else None

    def stream(self, method: str, path: str, *, as_json: bool = False, **options: Any) -> Iterator[str]:
        """The answer's lines as they come."""
        with self._client() as client:
            try:
                with client.stream(method, path, **options) as answer:
                    if answer.status_code >= 400:
                        answer.read()
                        raise _refused(answer, as_json)
                    yield from answer.iter_lines()
            except httpx2.TransportError as error:
                raise self._unreachable(error, as_json) from error

    def _client(self) -> httpx2.Client:
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        if self._organisation:
            headers["pushwarden-organisation"] = self._organisation
        return httpx2.Client(base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=False)

    def _unreachable(self, error: Exception, as_json: bool) -> BaseException:
        sentence = f"{self.url} does not answer ({error}); start it with `pushwarden serve` or name it with --url."
        return fail(sentence, as_json, "unreachable", UNREACHABLE)


def _refused(answer: httpx2.Response, as_json: bool) -> BaseException:
    try:
        problem = answer.json()
    except ValueError:
        problem = {"code": f"http_{answer.status_code}", "detail": answer.text[:200]}
    code = str(problem.get("code", f"http_{answer.status_code}"))
    return fail(str(problem.get("detail") or problem.get("title")), as_json, code)


def _own_url(settings: Settings) -> str:
    """Where this machine's installation says it answers, else where it would by its settings."""
    try:
        said = json.loads((settings.run / "api.json").read_text())
        return f"http://{said['host']}:{said['port']}"
    except (OSError, ValueError):
        return f"http://{settings.listen_host}:{settings.listen_port}"


def _own_key(settings: Settings) -> str:
    path = settings.keys / "admin.key"
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def read_file(path: Path) -> bytes:
    """A file's bytes, `-` for standard input; exits 1 with a sentence when it cannot be read."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise fail(f"{path} cannot be read: {error.strerror}.") from error
