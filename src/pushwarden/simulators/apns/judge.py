"""Judges whole batches of requests on one connection: constant headers once, ids and tokens by the column.

A template is the header list of an earlier request with holes for what differs; one list comparison says that a
request's other headers are known. Whatever does not fit is judged header by header and becomes a new template.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from pushwarden.simulators.common.batch import Batch

from . import columns, rules
from .answers import Refusal, refusal
from .client_certificate import Peer
from .provider_token import Binding, ProviderTokens
from .rules import Kind

Header = tuple[bytes, bytes, bool]
Judged = Batch[Kind, Refusal]
HOLE: Final[Header] = (b"", b"", False)
UNKNOWN: Final = Kind("", "", rules.LIMIT)
EXACT: Final = 6  # templates with their own expiration and collapse id, before those become holes too
HOLED: Final = 16
ALWAYS: Final = frozenset({b":path", b"apns-id"})
OFTEN: Final = ALWAYS | {b"apns-expiration", b"apns-collapse-id"}


@dataclass(frozen=True, slots=True)
class Template:
    """kind: what its headers say until `expires` (epoch seconds). apns_id: a position, −1 when absent."""

    size: int
    path: int
    apns_id: int
    holes: frozenset[bytes]
    rest: list[Header]
    kind: Kind
    expires: float
    token: bytes  # the provider token, empty on a certificate connection


class Judge:
    """One connection's. peer: the holder of its client certificate, None when it gave none."""

    def __init__(self, provider_tokens: ProviderTokens, peer: Peer | None) -> None:
        self._provider_tokens = provider_tokens
        self._peer = peer
        self._binding = Binding()
        self._exact: list[Template] = []
        self._holed: list[Template] = []
        self._prefix = os.urandom(4).hex().encode() + b"-5057-4000-8000-"
        self._serial = itertools.count(1)

    @property
    def trusted(self) -> bool:
        """A request with a good provider token was seen: APNs raises the stream limit then."""
        return self._binding.current is not None

    def batch(self, streams: list[int], headers: list[list[Header]], bodies: list[bytes], now: float) -> Judged:
        """now: epoch seconds. The header lists are left as they were."""
        found: Judged = Batch(streams, [], [], bodies, [])
        ids, paths, kinds = found.names.append, found.tokens.append, found.kinds.append
        self._forget(now)
        template = self._usual()
        for row, fields in enumerate(headers):
            if template is not None and template.size == len(fields):
                path, name = template.path, template.apns_id
                taken, identified = fields[path], fields[name]
                fields[path] = fields[name] = HOLE
                same = fields == template.rest
                fields[path], fields[name] = taken, identified
                if same and taken[0] == b":path" and identified[0] == b"apns-id":
                    paths(taken[1])
                    ids(identified[1])
                    kinds(template.kind)
                    continue
            kind, refused = self._one(fields, found, now)
            kinds(kind)
            if refused:
                found.refusals[row] = refused
            template = self._usual()
        self._columns(found)
        return found

    def _usual(self) -> Template | None:
        return self._exact[0] if self._exact and self._exact[0].apns_id >= 0 else None

    def _forget(self, now: float) -> None:
        if any(now > template.expires for template in (*self._exact[:1], *self._holed[:1])):
            self._exact, self._holed = [], []

    def _one(self, fields: list[Header], found: Judged, now: float) -> tuple[Kind, Refusal | None]:
        values = {name: value for name, value, _ in fields}
        found.tokens.append(values.get(b":path", b""))
        given = values.get(b"apns-id")
        found.names.append(self._make_id() if given is None else given)
        for templates in (self._exact, self._holed):
            for at, template in enumerate(templates):
                if _fits(template, fields):
                    templates.insert(0, templates.pop(at))
                    return _dated(template, values)
        return self._afresh(fields, values, now)

    def _afresh(self, fields: list[Header], values: dict[bytes, bytes], now: float) -> tuple[Kind, Refusal | None]:
        names = Counter(name for name, _, _ in fields)
        if max(names.values(), default=0) > 1:
            return UNKNOWN, refusal("DuplicateHeaders")
        refused = self._credential(values, now) or rules.varying(values)
        kind = refused or rules.kind(values, self._allowed())
        if isinstance(kind, Refusal):
            return UNKNOWN, kind
        self._learn(fields, kind)
        return kind, None

    def _credential(self, values: dict[bytes, bytes], now: float) -> Refusal | None:
        if values.get(b":method") != b"POST":
            return refusal("MethodNotAllowed")
        if not values.get(b":path", b"").startswith(rules.TOKEN_PREFIX):
            return refusal("BadPath")
        if self._peer is not None:
            return self._peer.refused
        token = self._provider_tokens.verify(values.get(b"authorization", b""), now)
        if isinstance(token, Refusal):
            return token
        held = self._binding.current
        if held is not None and held.raw != token.raw:
            # A template of the other token would let this change of tokens, and its refusal, pass unseen.
            self._exact, self._holed = [], []
        return self._binding.admit(token, now)

    def _allowed(self) -> rules.Allowed:
        if self._peer is not None:
            return self._peer.allowed
        held = self._binding.current
        return rules.Allowed(held.topics if held else frozenset())

    def _learn(self, fields: list[Header], kind: Kind) -> None:
        at = {name: position for position, (name, _, _) in enumerate(fields)}
        held = self._binding.current if self._peer is None else None
        holes = (ALWAYS if len(self._exact) < EXACT else OFTEN) & at.keys()
        rest = [HOLE if header[0] in holes else header for header in fields]
        expires = held.expires if held else float("inf")
        token = held.raw if held else b""
        made = Template(len(fields), at[b":path"], at.get(b"apns-id", -1), holes, rest, kind, expires, token)
        if len(self._exact) < EXACT:
            self._exact.insert(0, made)
        else:
            self._holed = [made, *self._holed][:HOLED]

    def _make_id(self) -> bytes:
        return self._prefix + b"%012x" % next(self._serial)

    def _columns(self, found: Judged) -> None:
        if not columns.paths_are_good(found.tokens) or rules.NOBODYS in found.tokens:
            for row, path in enumerate(found.tokens):
                if refused := rules.path(path):
                    found.refusals.setdefault(row, refused)
        found.tokens = [path[columns.PATH_SIZE :] for path in found.tokens]
        if not columns.ids_are_good(found.names):
            for row, given in enumerate(found.names):
                if refused := rules.apns_id(given):
                    found.names[row] = self._make_id()
                    found.refusals.setdefault(row, refused)
        found.raw = columns.raw_ids(found.names)
        sizes = list(map(len, found.bodies))
        if sizes and not (min(sizes) > 0 and max(sizes) <= rules.LIMIT):
            for row, size in enumerate(sizes):
                if refused := rules.payload(size, found.kinds[row].limit):
                    found.refusals.setdefault(row, refused)


def _fits(template: Template, fields: list[Header]) -> bool:
    if len(fields) != template.size:
        return False
    holes = template.holes
    return all(
        held == header or (held is HOLE and header[0] in holes)
        for header, held in zip(fields, template.rest, strict=True)
    ) and len({header[0] for header in fields}) == len(fields)


def _dated(template: Template, values: dict[bytes, bytes]) -> tuple[Kind, Refusal | None]:
    if template.holes <= ALWAYS:
        return template.kind, None
    if refused := rules.varying(values):
        return template.kind, refused
    expires = values.get(b"apns-expiration")
    return replace(template.kind, expiration=None if expires is None else int(expires)), None
