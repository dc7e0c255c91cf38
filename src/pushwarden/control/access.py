"""The key ring and the roll of people kept in step with the catalog, the first key, and what a new key may be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pushwarden.control.people.roll import Roll
from pushwarden.control.services import Services, new_id
from pushwarden.core import apikey
from pushwarden.core.apikey import ApiKey
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import Busy, StoreFull
from pushwarden.core.organisation import Organisation
from pushwarden.core.principal import KeyKind
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables
from pushwarden.ports.clock import Clock
from pushwarden.web.access import DEFAULT_ORGANISATION, KeyRing

YEAR_MS = 365 * apikey.DAY_MS
POLL_SECONDS = 0.3
"""A key revoked by another process is refused well within a second."""
_USED_EVERY = 200  # polls: once a minute


def minted(name: str, kind: KeyKind, scope: Scope, *, now_ms: int, expires_at: int, by: str = "") -> tuple[ApiKey, str]:
    """A new key and its text, which is kept nowhere."""
    key_id = new_id()
    text = apikey.compose(key_id, secrets.token_bytes(32))
    parsed = apikey.parse(text)
    assert parsed is not None
    return ApiKey(key_id, name, kind, scope, apikey.digest(parsed[1]), now_ms, expires_at, by), text


async def load(catalog: Catalog, ring: KeyRing, roll: Roll) -> int:
    """Fills both from the catalog; the version they are of."""
    version = await catalog.version()
    keys, organisations, enrolled = await catalog.read(
        lambda tables: (
            tables.keys.all(),
            [organisation.id for organisation in tables.organisations.all()],
            roll.look(tables),
        )
    )
    ring.replace(keys, organisations)
    roll.adopt(enrolled)
    return version


async def reload(services: Services) -> None:
    """After a change of who may do what: at once in this process; others follow within their poll."""
    await load(services.catalog, services.ring, services.roll)


async def follow(catalog: Catalog, ring: KeyRing, roll: Roll) -> None:
    """Runs until cancelled. A store that cannot be read leaves both as they were: a stop still authenticates."""
    version, polls = -1, 0
    while True:
        with contextlib.suppress(Busy, StoreFull):
            if await catalog.version() != version:
                version = await load(catalog, ring, roll)
        polls += 1
        if polls % _USED_EVERY == 0:
            with contextlib.suppress(Busy, StoreFull):
                await catalog.note_used(ring.take_used())
                await catalog.note(partial(_note_seen, *roll.take_seen()))
        await asyncio.sleep(POLL_SECONDS)


def _note_seen(sessions: Mapping[str, int], people: Mapping[str, int], tables: Tables) -> None:
    tables.sessions.seen(sessions)
    tables.people.seen(people)


async def bootstrap(catalog: Catalog, clock: Clock, key_file: Path) -> Path | None:
    """Makes the organisation `default` and the installation's admin key where no such key works; its file (0600).

    None when one does. Who can restart the process on its machine can so come back in after the last key ended.
    """
    now = clock.now_ms()
    key, text = minted("installation", KeyKind.ADMIN, Scope(), now_ms=now, expires_at=now + YEAR_MS, by="bootstrap")

    def work(tables: Tables) -> Changed[bool]:
        if tables.organisations.get(DEFAULT_ORGANISATION) is None:
            tables.organisations.insert(Organisation(DEFAULT_ORGANISATION, "Default", created_at=now))
        tables.keys.insert(key)
        _write(key_file, text)
        return Changed(True, target=key.id, after={"kind": key.kind, "expires_at": key.expires_at})

    if await catalog.read(lambda tables: _has_admin(tables, now)):
        return None
    await catalog.change(AuditEntry(now, "bootstrap", "key.create", Scope()), work)
    return key_file


def _has_admin(tables: Tables, now_ms: int) -> bool:
    keys = tables.keys.all()
    return any(key.kind is KeyKind.ADMIN and key.scope == Scope() and key.usable(now_ms) for key in keys)


def _write(path: Path, text: str) -> None:
    """Before the commit: a key that no one can read would be worse than a file with a key that is no key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write(text + "\n")
