"""What `doctor` looks at: the machine, the files, the keys, the processes. Each finding is one sentence."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pushwarden.adapters import migrations
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.seats import seats
from pushwarden.adapters.vault.hpke import Opening, Sealing
from pushwarden.adapters.vault.keys import PAIRS, parted, private_key, public_key
from pushwarden.core.callback import failing, says
from pushwarden.core.errors import PushwardenError
from pushwarden.core.secret import Secret
from pushwarden.ports.catalog import Tables
from pushwarden.settings import Settings
from pushwarden.wiring.stores import keeping_of, stores_of

LEAST_FREE = 256 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    good: bool
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Every finding, good ones too. Nothing is changed."""
    found: list[Finding] = []
    for look in (_store, _disk, _databases, _vault, _callbacks, _fence, _senders):
        try:
            found += look(settings)
        except (PushwardenError, OSError) as error:
            found.append(Finding(look.__name__.strip("_"), False, str(error)))
    return found


def _store(settings: Settings) -> Iterator[Finding]:
    for name, good, sentence in keeping_of(settings).health():
        yield Finding(name, good, sentence)


def _disk(settings: Settings) -> Iterator[Finding]:
    if not settings.data.exists():
        yield Finding("data", False, f"{settings.data} does not exist; `pushwarden serve` makes it.")
        return
    free = shutil.disk_usage(settings.data).free
    yield Finding("disk", free > LEAST_FREE, f"{free >> 20} MiB free below {settings.data}.")


def _databases(settings: Settings) -> Iterator[Finding]:
    for database, stored in keeping_of(settings).revisions().items():
        newest = migrations.target(database)
        if stored is None:
            yield Finding(database, False, f"The database `{database}` does not exist; `pushwarden migrate` makes it.")
            continue
        words = f"is at revision {stored}" + ("." if stored == newest else f", not {newest}; run `pushwarden migrate`.")
        yield Finding(database, stored == newest, f"The database `{database}` {words}")


def _vault(settings: Settings) -> Iterator[Finding]:
    for pair in PAIRS:
        path, name = settings.keys / pair.private, pair.private.removesuffix(".key")
        if path.exists():
            private = stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
            words = "only its owner reads it" if private else f"others can read it; chmod 600 {path}"
            yield Finding(f"{name}_key", private, f"The private key {pair.private}: {words}.")
        if sentence := parted(settings.keys, os.environ, pair):
            yield Finding(name, False, sentence)
            continue
        sealed = Sealing(public_key(settings.keys, pair)).seal(Secret(b"doctor"), "doctor")
        opened = Opening(private_key(settings.keys, os.environ, pair)).open(sealed, "doctor")
        good = opened.reveal() == b"doctor"
        yield Finding(name, good, f"What is sealed with {pair.public} opens with {pair.private}.")


def _callbacks(settings: Settings) -> Iterator[Finding]:
    """Only what needs a person."""
    for callback, sentence in asyncio.run(_stuck_callbacks(settings)):
        yield Finding(f"callback {callback}", False, sentence)


async def _stuck_callbacks(settings: Settings) -> list[tuple[str, str]]:
    def work(tables: Tables) -> list[tuple[str, str]]:
        found = [(one, tables.courses.get(one)) for one in tables.callbacks.all()]
        return [(one.id, says(one, course)) for one, course in found if failing(one, course)]

    if None in keeping_of(settings).revisions().values():
        return []  # said already; opening them would make them
    stores = stores_of(settings, "doctor")
    try:
        return await stores.catalog.read(work)
    finally:
        await stores.close()


def _fence(settings: Settings) -> Iterator[Finding]:
    if not settings.fence_file.exists():  # opening it would make one
        yield Finding("fence", False, "There is no fence file; the next `pushwarden serve` makes it.")
        return
    with contextlib.closing(FenceFile(settings.fence_file)) as fence:
        stops, damage = fence.stops(), fence.damage()
    for sentence in damage:
        yield Finding("fence", False, sentence)
    words = ", ".join(str(stop.scope) for stop in stops) or "nothing"
    yield Finding("stops", True, f"Stopped now: {words}.")


def _senders(settings: Settings) -> Iterator[Finding]:
    here = [seat.sender for seat in seats(settings.run)] if settings.run.exists() else []
    yield Finding("senders", bool(here), f"Senders here: {', '.join(here) or 'none; start `pushwarden serve`'}.")
