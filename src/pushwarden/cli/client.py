"""The API as the command line calls it: one key, plain errors, streams for what is large."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pydantic

from pushwarden.cli.out import UNREACHABLE, fail
from pushwarden.settings import Settings

TIMEOUT = httpx2.Timeout(30.0, read=120.0)


class Silent(Exception):
    """Nobody answers; the sentence says at which address and why."""


class Api:
    """Calls one Pushwarden. url and key come from options, the environment, or the data directory of this machine."""

    def __init__(self, url: str = "", key: str = "", organisation: str = "") -> None:
        self.settings = load_settings()
        own = _own_url(self.settings)
        self.url = (url or own).rstrip("/")
        self.local = self.url == own
        """Whether it is the installation of this machine's data directory."""
        self.organisation = organisation
        self._key = key or _own_key(self.settings)

    def ask(self, method: str, path: str, *, as_json: bool = False, **options: Any) -> Any:
        """The answer's JSON (None for 204). Silent when nobody answers; exits 1 with the problem's words."""
        try:
            with self._client(as_json) as client:
                answer = client.request(method, path, **options)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise self._silent(error) from error
        if answer.status_code >= 400:
            raise _refused(answer, as_json)
        return answer.json() if answer.content else None

    def call(self, method: str, path: str, *, as_json: bool = False, **options: Any) -> Any:
        """As `ask`; exits 3 when nobody answers."""
        try:
            return self.ask(method, path, as_json=as_json, **options)
        except Silent as error:
            raise unreachable(error, as_json) from error

    def stream(self, method: str, path: str, *, as_json: bool = False, **options: Any) -> Iterator[str]:
        """The answer's lines as they come."""
        try:
            with self._client(as_json) as client, client.stream(method, path, **options) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise _refused(answer, as_json)
                yield from answer.iter_lines()
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise unreachable(self._silent(error), as_json) from error

    def _client(self, as_json: bool) -> httpx2.Client:
        if not (self._key.isascii() and self._key.isprintable()):
            raise fail("This is not an API key; --key or PUSHWARDEN_KEY takes pwk_….", as_json, "unauthenticated")
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        if self.organisation:
            headers["pushwarden-organisation"] = self.organisation
        return httpx2.Client(base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=False)

    def _silent(self, error: Exception) -> Silent:
        return Silent(f"{self.url} does not answer ({error})")


def place(*parts: str) -> str:
    """`/v1/…` of these parts; whatever a person typed stays one part."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def load_settings() -> Settings:
    """This machine's settings; exits 2 with a sentence for each that makes no sense."""
    try:
        return Settings()
    except pydantic.ValidationError:
        from pushwarden.wiring import run

        return run.load_settings()


def unreachable(error: Silent, as_json: bool) -> BaseException:
    sentence = f"{error}; start it with `pushwarden serve`, or name it with --url."
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
        host, port = str(said["host"]), said["port"]
    except (OSError, ValueError, KeyError, TypeError):
        host, port = settings.listen_host, settings.listen_port
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_key(settings: Settings) -> str:
    try:
        return (settings.keys / "admin.key").read_text().strip()
    except OSError:
        return ""


def read_credential(path: Path, as_json: bool = False) -> bytes:
    """As `read_file`, and of one that is too large as much as shows that."""
    from pushwarden.providers.detection import SIZE_LIMIT

    return read_file(path, as_json, SIZE_LIMIT + 1)


def read_file(path: Path, as_json: bool = False, most: int = -1) -> bytes:
    """A file's bytes, `-` for standard input; exits 1 with a sentence when it cannot be read. most: all by itself."""
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(most)
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise fail(f"{path} cannot be read: {error.strerror}.", as_json, "unreadable") from error
