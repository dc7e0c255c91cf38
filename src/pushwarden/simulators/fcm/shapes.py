"""Bodies that differ only in their token: one is judged, the others are recognised by what stands around it."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from .rules import TOKEN_BYTES, TOKEN_SIZES, Kind, Message, message

KEPT: Final = 1024
TOKEN_FIELD: Final = re.compile(rb'"token"\s*:\s*"([A-Za-z0-9_:%-]{32,4096})"')

ESCAPED: Final = re.compile(rb"\\u00[2-7]")  # of an ASCII letter, which nobody needs to escape


class Shape:
    """before, after: the octets around the token. mark: 4 bytes that stand for both in the log."""

    __slots__ = ("_kinds", "after", "before", "mark", "message")

    def __init__(self, message: Message, before: bytes, after: bytes) -> None:
        self.message, self.before, self.after = message, before, after
        self.mark = hashlib.blake2b(before + b"\0" + after, digest_size=4, usedforsecurity=False).digest()
        self._kinds: dict[str, Kind] = {}

    def kind(self, project: str) -> Kind:
        found = self._kinds.get(project)
        if found is None:
            said = self.message
            found = self._kinds[project] = Kind(project, said.push_type, said.collapse, said.ttl, said.dry)
        return found

    def tokens(self, bodies: list[bytes]) -> list[bytes] | None:
        """The tokens when all bodies are of this shape. Sizes and the whole say so, without a look at each."""
        before, after = len(self.before), len(self.after)
        tokens = [body[before:-after] for body in bodies]
        joined = (self.after + self.before).join(tokens)
        same = b"".join((self.before, joined, self.after)) == b"".join(bodies)
        return tokens if same and well_formed(tokens) else None


class Shapes:
    """Those seen lately, by what stands around their token; shared by all connections."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], Shape] = {}

    def find(self, body: bytes) -> tuple[Shape, bytes]:
        """(shape, target) of any body; what is new is judged."""
        spot = TOKEN_FIELD.search(body)
        around = (body[: spot.start(1)], body[spot.end(1) :]) if spot else (body, b"")
        shape = self._known.get(around)
        if shape is not None and spot is not None:
            return shape, spot[1]
        said = message(body)
        # Only where the token is written once and as it is: no other field can then be taken for it.
        plain = body.count(said.target) == 1 and not ESCAPED.search(body)
        if said.push_type != "token" or spot is None or spot[1] != said.target or not plain:
            return Shape(said, body, b""), said.target
        if len(self._known) >= KEPT:
            self._known.clear()
        shape = self._known[around] = Shape(said, *around)
        return shape, said.target


def well_formed(tokens: list[bytes]) -> bool:
    """All could be registration tokens."""
    sizes = set(map(len, tokens))
    least, most = TOKEN_SIZES
    return min(sizes) >= least and max(sizes) <= most and not b"".join(tokens).translate(None, TOKEN_BYTES)
