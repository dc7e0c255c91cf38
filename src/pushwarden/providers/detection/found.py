"""What an uploaded file can be: one of the things that send, or one of those often taken for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

UNKNOWN = "file.unknown"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Nothing that sends. id: what is said of it; values: what its words need."""

    id: str
    values: Mapping[str, object] = field(default_factory=dict)
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """A private key alone, as Apple's `.p8`. der: PKCS#8 or SEC 1; closed: under a password."""

    der: bytes = field(repr=False)
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Store:
    """A `.p12`."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Certificates, with their keys or without. Both in DER."""

    certificates: tuple[bytes, ...]
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """The JSON of a Google service account."""

    fields: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EntraSecret:
    """What Entra ID gives for sending to Windows; empty what is not in the file."""

    tenant: str
    client: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HubString:
    """An Azure connection string in its parts, their names in lower case."""

    parts: Mapping[str, str] = field(repr=False)


What = Wrong | Key | Store | Certificates | Account | EntraSecret | HubString


@dataclass(frozen=True, slots=True)
class Found:
    """What the file is, and in sentences what had to be put right to read it."""

    what: What
    repaired: tuple[str, ...] = ()

    def after(self, *repaired: str) -> Found:
        """The same, with what was put right before it could be seen."""
        return Found(self.what, (*repaired, *self.repaired))
