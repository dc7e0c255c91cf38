"""One push and a slice of recipients, as columns of requests: the token stands in the body, at its end."""

from __future__ import annotations

import msgspec

from pushwarden.core.app import Credential
from pushwarden.core.device import Rows
from pushwarden.core.outcome import Blame, Ending, Outcome
from pushwarden.core.push import Push
from pushwarden.core.scope import Environment
from pushwarden.core.topics import CONDITION, TOPIC
from pushwarden.providers.fcm.facts import HOST, LIMIT, SIMULATED_HOST
from pushwarden.providers.fcm.payload import payload, validate_only
from pushwarden.providers.port import Envelope, Origin
from pushwarden.providers.template import between, columns, encode, fill

TOKEN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:-"
"""What a registration token is made of (observed): nothing of it needs an escape in JSON."""

TOO_LARGE = Outcome(Ending.REFUSED, reason="PayloadTooLarge", blame=Blame.MESSAGE)
NO_TOKEN = Outcome(Ending.REFUSED, reason="BadTokenShape", blame=Blame.MESSAGE)
"""Ours, so without a status: the rows were not sent."""

_HEADERS = ((b"content-type", b"application/json"),)
_OPEN, _OPEN_DRY = b'{"message":', b'{"validate_only":true,"message":'
_TOKEN, _CLOSE = b',"token":"', b'"}}'


def origin(environment: Environment, port: int = 443) -> Origin:
    """`simulated` gives a host that never resolves: whoever connects puts the simulator's address in its place."""
    return Origin(SIMULATED_HOST if environment is Environment.SIMULATED else HOST, port)


def send_path(credential: Credential) -> bytes:
    return f"/v1/projects/{credential.facts['project_id']}/messages:send".encode()


def render(push: Push, credential: Credential, rows: Rows) -> list[Envelope]:
    """One envelope, for a push that `validate` let pass."""
    message = encode(payload(push))
    head = (_OPEN_DRY if validate_only(push) else _OPEN) + message[:-1]
    limit = len(head) - len(message) + LIMIT
    bodies, refused = _bodies(head, limit, rows)
    left_out = {row for row, _ in refused}
    keep = [row for row in range(len(rows)) if row not in left_out] if refused else None
    where = origin(push.environment)
    return [Envelope(where, _HEADERS, send_path(credential), bodies, len(bodies), keep, tuple(refused))]


def _bodies(head: bytes, limit: int, rows: Rows) -> tuple[list[bytes], list[tuple[int, Outcome]]]:
    """The bodies of the rows that can be sent, and the outcomes of the others. limit: bytes of a filled head."""
    tokens = rows.tokens
    if len(tokens) == 1 and tokens[0][:1] == b"/":
        return [head + _named(tokens[0].decode())], []
    heads = fill(head, rows) if columns(head) else None
    longest = len(head) if heads is None else max(map(len, heads), default=0)
    if longest <= limit and all(tokens) and not b"".join(tokens).translate(None, TOKEN_BYTES):
        if heads is None:
            return between(head + _TOKEN, tokens, _CLOSE), []
        return [filled + end for filled, end in zip(heads, between(_TOKEN, tokens, _CLOSE), strict=True)], []
    return _sorted_out(heads or [head] * len(rows), limit, tokens)


def _sorted_out(heads: list[bytes], limit: int, tokens: list[bytes]) -> tuple[list[bytes], list[tuple[int, Outcome]]]:
    bodies: list[bytes] = []
    refused: list[tuple[int, Outcome]] = []
    for row, (filled, token) in enumerate(zip(heads, tokens, strict=True)):
        verdict = _verdict(filled, limit, token)
        if verdict is None:
            bodies.append(filled + _TOKEN + token + _CLOSE)
        else:
            refused.append((row, verdict))
    return bodies, refused


def _verdict(filled: bytes, limit: int, token: bytes) -> Outcome | None:
    if len(filled) > limit:
        return TOO_LARGE
    return NO_TOKEN if not token or token.translate(None, TOKEN_BYTES) else None


def _named(member: str) -> bytes:
    """The end of a request to a topic or a condition."""
    kind = "topic" if member.startswith(TOPIC) else "condition"
    name = member.removeprefix(TOPIC if kind == "topic" else CONDITION)
    return b',"' + kind.encode() + b'":' + msgspec.json.encode(name) + b"}}"
