"""The rows of a shard that are being written, and how an answer finds its way back to them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushwarden.core.app import Credential
from pushwarden.http2.messages import Requests
from pushwarden.providers.port import Authorization, Envelope

if TYPE_CHECKING:
    from pushwarden.dataplane.lanes.work import Work


@dataclass(slots=True)
class Slice:
    """Rows read together and rendered. Row i stands at shard offset base+i, or offsets[i] when there are holes."""

    work: Work
    envelope: Envelope
    read_at: float
    base: int
    offsets: Sequence[int] | None
    tokens: list[bytes] = field(repr=False)
    credential: Credential | None = None  # whose it was rendered as
    again: bool = False  # rows that were written before and are not processed
    written: int = 0  # rows of the envelope written so far
    requests: Requests | None = None
    authorization: Authorization | None = None

    @property
    def left(self) -> int:
        return self.envelope.count - self.written

    def offset(self, row: int) -> int:
        """The shard offset of the envelope's row."""
        if self.envelope.rows is not None:
            row = self.envelope.rows[row]
        return self.base + row if self.offsets is None else self.offsets[row]

    def token(self, row: int) -> bytes:
        return self.tokens[row if self.envelope.rows is None else self.envelope.rows[row]]

    def writable(self, issued: int) -> int:
        """Rows of the envelope that the journal has issued: a prefix. Rows written before are issued already."""
        if self.again:
            return self.envelope.count
        if self.offsets is None and self.envelope.rows is None:
            return min(self.envelope.count, issued - self.base)
        return bisect_left(range(self.envelope.count), issued, key=self.offset)

    def addressed(self, authorization: Authorization, authority: bytes) -> Requests:
        """The envelope as requests that carry this authorization; built once for as long as it stays the same."""
        if self.requests is None or self.authorization is not authorization:
            envelope = self.envelope
            headers = envelope.headers + authorization.headers
            self.requests = Requests(envelope.count, authority, envelope.path, envelope.body, headers)
            self.authorization = authorization
        return self.requests


@dataclass(frozen=True, slots=True)
class Burst:
    """The tag of rows written in one go: which slice they are of, and when they left."""

    slice: Slice
    at: float

    @property
    def retry(self) -> bool:
        """Whether they were refused before."""
        return self.slice.work.shard.attempt > 0

    def parts(self, rows: Sequence[int]) -> Sequence[tuple[Slice, Sequence[int]]]:
        """These rows of the requests by slice, each with its own rows."""
        return ((self.slice, rows),)


@dataclass(frozen=True, slots=True)
class Bundle:
    """The tag of slices written together, all for the first time. owners: of each row the slice and its row there."""

    owners: Sequence[tuple[Slice, int]]
    at: float
    retry: bool = False

    def parts(self, rows: Sequence[int]) -> Sequence[tuple[Slice, Sequence[int]]]:
        """As of a Burst."""
        return [(part, (own,)) for part, own in [self.owners[row] for row in rows]]
