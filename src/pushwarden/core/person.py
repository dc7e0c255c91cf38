"""People: who they are, how they prove it, and what they were given where. Secrets are kept hashed or sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pushwarden.core.organisation import Organisation
from pushwarden.core.principal import ROLES, Binding, Grant, Permission, Principal, Role, granted
from pushwarden.core.scope import Scope


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Density(StrEnum):
    NORMAL = "normal"
    COMPACT = "compact"


@dataclass(frozen=True, slots=True)
class Person:
    """organisation: empty for the installation's own people. password: an argon2id hash, empty when there is none.

    totp: the sealed secret, empty when off; totp_step: the last step that was used, which is never taken again.
    recovery: SHA-256 of the codes that are left. Times are Unix milliseconds.
    """

    id: str
    organisation: str
    email: str
    name: str
    password: str = field(default="", repr=False)
    totp: bytes = field(default=b"", repr=False)
    totp_step: int = 0
    recovery: tuple[bytes, ...] = field(default=(), repr=False)
    theme: Theme = Theme.SYSTEM
    density: Density = Density.NORMAL
    shortcuts: bool = False
    disabled_at: int | None = None
    last_seen_at: int | None = None
    created_at: int = 0
    created_by: str = ""
    version: int = 1
    bindings: tuple[Binding, ...] = ()

    @property
    def admin(self) -> bool:
        """Of everything his organisation has."""
        own = Scope(self.organisation)
        return any(one.role is Role.ADMIN and one.scope.covers(own) for one in self.bindings)


@dataclass(frozen=True, slots=True)
class Passkey:
    """id: the credential's id, base64url. public_key: COSE, in CBOR. signs: the authenticator's counter."""

    id: str
    person: str
    name: str
    public_key: bytes = field(repr=False)
    signs: int = 0
    created_at: int = 0
    used_at: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. digest: SHA-256 of what its cookie holds. fresh_until: till then it need not prove again."""

    id: str
    person: str
    digest: bytes = field(repr=False)
    created_at: int
    seen_at: int
    fresh_until: int = 0
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time link. person: whom it signs in; empty when it makes a person of `organisation` with these roles.

    digest: SHA-256 of what the link holds.
    """

    id: str
    organisation: str
    digest: bytes = field(repr=False)
    expires_at: int
    email: str = ""
    name: str = ""
    person: str = ""
    bindings: tuple[Binding, ...] = ()
    created_at: int = 0
    created_by: str = ""


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def principal_of(person: Person, organisations: Collection[Organisation], *, fresh: bool = True) -> Principal:
    """organisations: all of them, for those that keep credentials to their admins."""
    grants = [grant for one in person.bindings for grant in _grants(one, organisations)]
    return Principal(person.id, person.name, person.organisation, tuple(grants), fresh=fresh)


def _grants(binding: Binding, organisations: Collection[Organisation]) -> list[Grant]:
    permissions = ROLES[binding.role]
    kept = {one.id for one in organisations if one.admin_credentials}
    if binding.role is not Role.OPERATOR or not kept:
        return [granted(permissions, binding.scope)]
    without = granted(permissions - {Permission.CREDENTIAL_WRITE}, binding.scope)
    if binding.scope.organisation:
        return [without if binding.scope.organisation in kept else granted(permissions, binding.scope)]
    free = (one.id for one in organisations if one.id not in kept)
    return [without, *(Grant(frozenset({Permission.CREDENTIAL_WRITE}), Scope(one)) for one in free)]


def without_app(person: Person, organisation: str, app: str) -> Person:
    """The same person after an app is gone: a later one of that name is another."""
    left = tuple(one for one in person.bindings if (one.scope.organisation, one.scope.app) != (organisation, app))
    return replace(person, bindings=left)
