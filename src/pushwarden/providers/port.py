"""What a provider is: a table of facts and four pure functions. Columns, not objects: one payload, many recipients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pushwarden.core.app import App, Credential
from pushwarden.core.check import Check
from pushwarden.core.device import Rows
from pushwarden.core.outcome import Outcome
from pushwarden.core.push import Push
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret

Cell = bytes | list[bytes]
"""The same for all rows, or a column with one value a row."""


@dataclass(frozen=True, slots=True)
class Origin:
    host: str
    port: int

    @property
    def authority(self) -> bytes:
        return self.host.encode() if self.port == 443 else f"{self.host}:{self.port}".encode()


@dataclass(frozen=True, slots=True)
class Envelope:
    """Requests as columns. Row i of every column belongs to rows[i] of the slice that was rendered.

    refused: rows this provider cannot take (body too large after templating); they have no place in the columns'
    requests and their outcomes are final. When it is not empty, `rows` lists the row numbers that remain.
    """

    origin: Origin
    headers: tuple[tuple[bytes, Cell], ...]
    path: Cell
    body: Cell
    count: int
    rows: Sequence[int] | None = None  # None: 0 … count-1
    refused: tuple[tuple[int, Outcome], ...] = ()


@dataclass(frozen=True, slots=True)
class Plain:
    """When a message needs no `validate` of its own: another push of the same form has passed it, and this one differs
    only in its texts, numbers and data, has no override and no placeholder, names in its data nothing of `reserved` and
    nothing that begins like one of `starts`, and is at most `limit` bytes of JSON. Form: type, priority, whether the
    ttl is 0, which fields are given.
    """

    reserved: frozenset[str]
    limit: int
    starts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a provider. `sources` names where each figure comes from, or "observed"."""

    name: str
    connections: tuple[int, int]  # bulk lane: least, most
    streams: int  # what to expect until SETTINGS says otherwise
    deadline: float  # seconds an answer may take
    urgent_deadline: float
    ping_after: float  # seconds without inbound bytes while streams are open
    ping_timeout: float
    max_age: float  # seconds a connection is used before it is replaced, so that addresses are resolved anew
    payload_limit: Mapping[str, int]  # push type → bytes of body
    urgent_ping_after: float = 1.0  # the same for calls: with the next, a dead connection is found within 3 s
    urgent_ping_timeout: float = 1.5
    pings_in_row: int = 0  # PINGs the peer takes without a request between; 0: no limit is known
    sources: Mapping[str, str] = field(default_factory=dict)
    plain: Mapping[str, Plain] = field(default_factory=dict)  # push type → what is certainly valid; absent: nothing is
    topic_limit: int = 0  # bytes of a body to a topic above which the sender is warned; 0: none is known
    slots: Mapping[str, str] = field(default_factory=dict)  # push types a credential may be for alone → topic's suffix

    def slot(self, push_type: str) -> str:
        """Whose credential it asks for first: its own slot's, or the main one's, which has no name."""
        return str(push_type) if push_type in self.slots else ""


@dataclass(frozen=True, slots=True)
class Report:
    kind: str
    checks: tuple[Check, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    material: Secret | None = field(default=None, repr=False)  # normalised, ready to seal; None when unusable
    provider: str = ""  # whose file it is; empty when nobody's

    @property
    def usable(self) -> bool:
        return self.material is not None and all(check.result != "failed" for check in self.checks)


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What a provider's authority makes a certificate from. pem: PKCS#10. key: PEM (PKCS#8, unencrypted).

    public_key: SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
    """

    pem: str
    public_key: str
    key: Secret


class Requesting(Protocol):
    """How a certificate is asked for, where a credential may be one. page: the provider's, where a request is given."""

    page: str

    def make(self, name: str, email: str) -> SigningRequest:
        """With a new key: some 75 ms of CPU, and other threads run. name: 1 … 64 characters; email: may be empty."""
        ...

    def steps(self, bundle_id: str, slot: str, file_name: str) -> tuple[str, ...]:
        """What a person does there, in order, in the words of the page."""
        ...


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM of certificate chain and private key, for the TLS handshake."""

    pem: Secret


@dataclass(frozen=True, slots=True)
class Authorization:
    """Headers to add to every request until `renew_at`, and/or a client certificate for the handshake.

    identity: connections are shared only by equal identities (one team, one key, one environment).
    """

    identity: str
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    certificate: ClientCertificate | None = None
    renew_at: float = float("inf")  # Unix seconds


@dataclass(frozen=True, slots=True)
class Exchange:
    """One POST that brings an access token for the credential. body: form fields, secret."""

    origin: Origin
    path: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token. Times are Unix seconds; from renew_at on the next one is asked for."""

    token: Secret
    renew_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer that is not a plain 200 of a push. headers: lower-case names. body: at most 8 KiB."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


class Hitch(StrEnum):
    """Where it went wrong when a provider gave no answer."""

    NAME = "name"  # its name is not known
    BLOCKED = "blocked"  # nobody could be connected to
    SILENT = "silent"  # connected or not, no answer came in time
    TRUST = "trust"  # its certificate is not trusted here
    ALERT = "alert"  # it ended TLS with an alert, which points at the client certificate
    HTTP2 = "http2"  # what answers does not speak HTTP/2
    BROKEN = "broken"  # it ended the connection, or the request, without an answer
    ENDED = "ended"  # nothing was asked: the certificate has ended
    SEALED = "sealed"  # nothing was asked: what the vault holds does not open, or is no such credential


@dataclass(frozen=True, slots=True)
class Unreached:
    """Why no answer came. said: the same in a few words: the system's, the proxy's, OpenSSL's for a peer's alert, the
    peer's own when it said goodbye; with TRUST who issued the certificate."""

    hitch: Hitch
    sentence: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """A request that reaches no device, and by whose answer a credential is known. about: a topic, a project."""

    about: str
    path: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


NOWHERE = Origin("", 0)
"""Where nothing was asked."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a probe's request, or of the exchange before it.

    now: when, Unix seconds by our clock. origin: where it went. ms: how long it took. issuer: of the certificate shown.
    """

    answer: Reply | Unreached
    now: float
    origin: Origin = NOWHERE
    ms: int = 0
    issuer: str = ""


class Provider(Protocol):
    """Everything pure. `material` is what `check` normalised, opened by the vault."""

    facts: Facts
    requesting: Requesting | None

    def origin(self, environment: Environment, port: int = 443) -> Origin: ...

    def validate(self, push: Push, app: App) -> int:
        """What intake asks before a push is accepted: the bytes of its body without a target, placeholders empty.

        Invalid names the `field`; TooLarge has `bytes` and `limit`.
        """
        ...

    def columns(self, push: Push) -> tuple[str, ...]:
        """The `Rows.values` its templates need; empty when the body is the same for all."""
        ...

    def render(self, push: Push, app: App, credential: Credential, rows: Rows) -> list[Envelope]: ...

    def classify(self, reply: Reply) -> Outcome:
        """Total: every (status, body) has an outcome; an unlisted reason is kept verbatim and touches no token."""
        ...

    def exchange(self, credential: Credential, material: Secret, now: float) -> Exchange | None:
        """What to ask for before `authorization` can be given; None when it needs no access token, now or ever."""
        ...

    def grant(self, reply: Reply, now: float) -> Grant | Outcome:
        """What the exchange's answer brings. A refusal blames the credential or the provider, its reason a sentence."""
        ...

    def authorization(
        self, credential: Credential, material: Secret, now: float, grant: Grant | None = None
    ) -> Authorization:
        """now: Unix seconds. Where no grant is needed, the same for every sender that asks within the same half hour.

        Without a grant where one is needed it has the identity alone.
        """
        ...

    def probe(self, credential: Credential, app: App) -> tuple[ProbeRequest, ...]:
        """What to ask, one after another on one connection, to see whether it may send for this app."""
        ...

    def proof(self, credential: Credential, app: App, asked: ProbeRequest | None, heard: Heard) -> tuple[Check, ...]:
        """What the answer shows, or that there was none. asked None: it was the exchange. Total."""
        ...
