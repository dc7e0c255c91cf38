"""Who asks, decided from memory alone: a stop is authenticated while the database is locked."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from pushwarden.core import apikey
from pushwarden.core.apikey import ApiKey
from pushwarden.core.errors import Forbidden, NotFound, Unauthenticated
from pushwarden.core.principal import Permission, Principal
from pushwarden.core.scope import Scope
from pushwarden.ports.clock import Clock
from pushwarden.web.body import RawHeaders, header

DEFAULT_ORGANISATION = "default"
ORGANISATION_HEADER = b"pushwarden-organisation"
_NOBODY = bytes(32)


class KeyRing:
    """Every key's digest and every organisation's id, replaced whole whenever the catalog's version moves."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: dict[str, tuple[ApiKey, Principal]] = {}
        self._organisations: frozenset[str] = frozenset()
        self._used: dict[str, int] = {}
        self._proven: dict[bytes, tuple[ApiKey, Principal]] = {}  # by SHA-256 of the header that proved it

    def __repr__(self) -> str:
        return f"<{len(self._keys)} keys of {len(self._organisations)} organisations>"

    def replace(self, keys: Iterable[ApiKey], organisations: Iterable[str]) -> None:
        self._keys = {key.id: (key, key.principal) for key in keys}
        self._organisations = frozenset(organisations)
        self._proven = {}

    def authenticate(self, headers: RawHeaders) -> Principal:
        """The principal of `Authorization: Bearer pwk_…`; Unauthenticated says nothing about why."""
        value = header(headers, b"authorization")
        if value is None or value[:7].lower() != b"bearer ":
            raise Unauthenticated("Send an API key as `Authorization: Bearer pwk_…`.")
        proof = hashlib.sha256(value).digest()
        known = self._proven.get(proof) or self._prove(value)
        now = self._clock.now_ms()
        if known is None or not known[0].usable(now):
            raise Unauthenticated("This API key is unknown, expired or revoked; ask for a new one.")
        self._proven[proof] = known
        self._used[known[0].id] = now
        return known[1]

    def _prove(self, value: bytes) -> tuple[ApiKey, Principal] | None:
        found = apikey.parse(value[7:].decode("latin-1"))
        if found is None:
            raise Unauthenticated("This is not an API key of Pushwarden, or a part of it is missing.")
        key_id, secret = found
        known = self._keys.get(key_id)
        same = hmac.compare_digest(apikey.digest(secret), known[0].digest if known else _NOBODY)
        return known if same else None

    def name(self, key: str) -> str:
        """What people call a key, by its id; empty when there is none."""
        known = self._keys.get(key)
        return known[0].name if known else ""

    def organisation(self, principal: Principal, headers: RawHeaders) -> str:
        """The organisation a request is about: the key's own, or the one an installation-wide key names."""
        named = header(headers, ORGANISATION_HEADER)
        organisation = named.decode("latin-1") if named else principal.home or DEFAULT_ORGANISATION
        if organisation not in self._organisations or principal.home not in ("", organisation):
            raise NotFound("There is no such organisation, or it is not yours.")
        return organisation

    def take_used(self) -> dict[str, int]:
        """Key id → when it was last used (Unix ms), since the last call: for one batched write a minute."""
        used, self._used = self._used, {}
        return used


def require(principal: Principal, permission: Permission, where: Scope) -> None:
    """Forbidden when it may never, or may other things there; NotFound otherwise: nothing foreign is confirmed."""
    if principal.may(permission, where):
        return
    if principal.ever(permission) and not principal.within(where):
        raise NotFound
    who = f"A key of kind {principal.kind} may not" if principal.kind else "Your role does not let you"
    raise Forbidden(f"{who} do this; it needs {permission}.", permission=str(permission))
