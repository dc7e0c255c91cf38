"""Judges whole batches of requests on one connection: headers alike once, bodies by what stands around the token."""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import dataclass
from typing import Final

from pushwarden.http2.hpack import Header
from pushwarden.simulators.common.batch import Batch

from .answers import Refusal, over_quota, page
from .oauth import Exchange
from .projects import Projects
from .rules import UNREADABLE, Kind, Message
from .shapes import Shape, Shapes

PATH: Final = re.compile(rb"/v1/projects/([A-Za-z0-9:.-]{1,100})/messages:send")
TOKEN_PATH: Final = b"/token"
NOTHING: Final = Shape(Message(UNREADABLE), b"", b"")
KEPT: Final = 64
NAME_BYTES: Final = 12
Judged = Batch[Kind, Refusal]


@dataclass(frozen=True, slots=True)
class Gate:
    """What a request's headers say until `expires` (epoch seconds). exchange: it asks for an access token."""

    project: str = ""
    refused: Refusal | None = None
    expires: float = float("inf")
    exchange: bool = False


class Judge:
    """One connection's."""

    def __init__(self, exchange: Exchange, projects: Projects, shapes: Shapes) -> None:
        self._exchange, self._projects, self._shapes = exchange, projects, shapes
        self._gates: dict[tuple[Header, ...], Gate] = {}
        self._usual: list[Header] | None = None
        self._gate = Gate()
        self._age = exchange.age
        self._shape = NOTHING
        self._serial = itertools.count(time.time_ns() // 1000)

    def asks_exchange(self, headers: list[list[Header]], now: float) -> list[int]:
        """Rows that are for the token endpoint."""
        if self._are_usual(headers, now):
            return []
        return [row for row, fields in enumerate(headers) if self._find(fields, now).exchange]

    def batch(self, streams: list[int], headers: list[list[Header]], bodies: list[bytes], now: float) -> Judged:
        """now: epoch seconds."""
        if self._are_usual(headers, now) and (found := self._alike(streams, bodies)):
            self._ration(found, now)
            return found
        found = Batch(streams, [], [], bodies, [])
        raw = []
        for row, (fields, body) in enumerate(zip(headers, bodies, strict=True)):
            gate = self._find(fields, now)
            shape, target = self._shapes.find(body) if gate.refused is None else (NOTHING, b"")
            refused = gate.refused or shape.message.refused
            if refused:
                found.refusals[row] = refused
            found.tokens.append(target)
            found.kinds.append(shape.kind(gate.project))
            raw.append(named(shape, target))
        found.raw = b"".join(raw)
        found.names = self._names(found.kinds)
        self._ration(found, now)
        return found

    def raw(self, body: bytes) -> bytes:
        """The name of a body in the log."""
        return named(*self._shapes.find(body))

    def _alike(self, streams: list[int], bodies: list[bytes]) -> Judged | None:
        if self._gate.refused or not bodies:
            return None
        tokens = self._shape.tokens(bodies) if self._shape.after else None
        if tokens is None:
            self._shape, _ = self._shapes.find(bodies[0])
            tokens = self._shape.tokens(bodies) if self._shape.after else None
        if tokens is None:
            return None
        shape, count = self._shape, len(bodies)
        kinds = [shape.kind(self._gate.project)] * count
        refused = shape.message.refused
        refusals = dict.fromkeys(range(count), refused) if refused else {}
        mark = shape.mark
        raw = b"".join([mark + token[-NAME_BYTES:] for token in tokens])
        return Batch(streams, self._names(kinds), tokens, bodies, kinds, raw, refusals)

    def _names(self, kinds: list[Kind]) -> list[bytes]:
        if kinds.count(kinds[0]) == len(kinds) and not kinds[0].dry:
            form = f"projects/{kinds[0].topic}/messages/0:%d%%31bd1c9631bd1c96".encode()
            return [form % next(self._serial) for _ in kinds]
        return [
            b"projects/%b/messages/fake_message_id" % kind.topic.encode()
            if kind.dry
            else b"projects/%b/messages/0:%d%%31bd1c9631bd1c96" % (kind.topic.encode(), next(self._serial))
            for kind in kinds
        ]

    def _are_usual(self, headers: list[list[Header]], now: float) -> bool:
        if now > self._gate.expires or self._age != self._exchange.age:
            self._gates, self._usual, self._age = {}, None, self._exchange.age
        if self._usual is None or self._gate.exchange:
            return False
        return headers.count(self._usual) == len(headers)

    def _find(self, fields: list[Header], now: float) -> Gate:
        key = tuple(fields)
        gate = self._gates.get(key)
        if gate is None or now > gate.expires:
            if len(self._gates) >= KEPT:
                self._gates = {}
            gate = self._gates[key] = self._open(fields, now)
        if not gate.refused and not gate.exchange:
            self._usual, self._gate = list(fields), gate
        return gate

    def _open(self, fields: list[Header], now: float) -> Gate:
        values = {name: value for name, value, _ in fields}
        path = values.get(b":path", b"").partition(b"?")[0]
        if not values.get(b":authority"):
            return Gate(refused=page(400))
        if values.get(b":method") == b"POST" and path == TOKEN_PATH:
            return Gate(exchange=True)
        matched = PATH.fullmatch(path)
        if matched is None or values.get(b":method") != b"POST":
            return Gate(refused=page(404))
        access = self._exchange.verify(values.get(b"authorization", b""), now)
        project = matched[1].decode()
        if isinstance(access, Refusal):
            return Gate(project, access, now)
        return Gate(project, self._projects.refusal(project, access.projects), access.expires)

    def _ration(self, found: Judged, now: float) -> None:
        """The project's quota; refused requests count too."""
        if not self._projects.rationed:
            return
        for project in {kind.topic for kind in found.kinds}:
            rows = [row for row, kind in enumerate(found.kinds) if kind.topic == project]
            passed, wait_s = self._projects.take(project, len(rows), now)
            for row in rows[passed:]:
                found.refusals[row] = over_quota(wait_s)


def named(shape: Shape, target: bytes) -> bytes:
    """16 bytes: 4 for all that is not the target, 12 of the target's end."""
    return shape.mark + target[-NAME_BYTES:].rjust(NAME_BYTES, b"\0")
