"""`pushwarden vault rotate`: another key pair while everything runs, all that is sealed opened and sealed anew.

Each step can be repeated, and the files say how far the last one came: a rotation that was killed goes on when it is
asked for again.
"""

from __future__ import annotations

import getpass
import itertools
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.vault import turning
from pushwarden.adapters.vault.hpke import Opening, Sealing, head_of, key_name
from pushwarden.adapters.vault.keys import Pair, parted, private_keys, public_key
from pushwarden.control.publish import publish
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import PushwardenError, VaultRefused
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables
from pushwarden.ports.sealed import HEAD, Blob, Place
from pushwarden.ports.vault import SealingVault
from pushwarden.settings import Settings
from pushwarden.wiring.keyholders import canary, holders
from pushwarden.wiring.sealed import AT_ONCE, FIRST, PLACES, Lot, elsewhere, lots
from pushwarden.wiring.stores import require_current, stores_of

Say = Callable[[str], None]


class NotEveryone(PushwardenError):
    """A process that opens what is sealed does not have the new key; nothing is sealed to it yet."""

    code, status = "key_not_everywhere", 409


@dataclass(slots=True)
class Rotation:
    """One pair's. say: told a sentence a step."""

    settings: Settings
    pair: Pair
    say: Say
    _resealed: Counter[Place] = field(default_factory=Counter)
    _shut: set[Blob] = field(default_factory=set)  # what does not open although its key is here: it was spoilt before

    async def run(self) -> dict[str, Any]:
        """What was done. VaultRefused, Turning and NotEveryone say what to do; the old key then stays in use."""
        folder, pair = self.settings.keys, self.pair
        require_current(self.settings)
        with turning.alone(folder, pair):
            keys = turning.begin(folder, os.environ, pair)
            newest, *older = (head_of(key.public_key()) for key in keys)
            self.say(f"From key {', '.join(map(key_name, older))} to {key_name(newest)}.")
            await self._everyone_opens(Sealing(keys[0].public_key))
            turning.publish(folder, pair, keys)
            self.say(f"New material is sealed to {key_name(newest)} from now on.")
            others = await self._seal_anew(Opening(*keys), newest, older)
            aside = turning.retire(folder, os.environ, pair, keys)
            late = [one.name for one in await holders(self.settings, pair, canary(self._sealing)) if not one.proven]
        return {
            "key": key_name(newest),
            "before": [key_name(head) for head in older],
            "sealed_anew": {str(place): self._resealed[place] for place in PLACES[pair]},
            "spoilt": sorted(f"{blob.place} {'/'.join(blob.row)}" for blob in self._shut),
            "sealed_to_other_keys": [str(lot) for lot in others],
            "aside": [str(path) for path in aside],
            "source": pair.given(os.environ),
            "not_confirmed": late,
        }

    @property
    def _sealing(self) -> Sealing:
        return Sealing(partial(public_key, self.settings.keys, self.pair))

    async def _everyone_opens(self, sealing: SealingVault) -> None:
        held = await holders(self.settings, self.pair, canary(sealing))
        for one in held:
            if not one.proven:
                raise NotEveryone(
                    f"{one.name} does not open with the new key{one.says and f' ({one.says})'}; nothing is sealed to "
                    "it yet. If its key comes from a variable, start `serve` anew; then rotate again."
                )
        self.say(f"{', '.join(one.name for one in held) or 'No running process'} opened a canary sealed to it.")

    async def _seal_anew(self, opening: Opening, newest: bytes, older: list[bytes]) -> list[Lot]:
        """Until one transaction, beside which nobody writes, finds nothing left; what other keys are needed for."""
        stores = stores_of(self.settings, "vault")
        try:
            left = True
            while left:
                for place, head in itertools.product(PLACES[self.pair], older):
                    await self._place(stores.catalog, place, head, opening)
                left = await self._left(stores.catalog, newest, older)
            return await stores.catalog.browse(partial(elsewhere, pair=self.pair, known={newest, *older}))
        finally:
            await stores.close()

    async def _place(self, catalog: Catalog, place: Place, head: bytes, opening: Opening) -> None:
        after = FIRST
        while blobs := await catalog.browse(partial(_page, place, head, after)):
            anew = [(blob, again) for blob in blobs if (again := self._again(blob, opening))]
            self._resealed[place] += await catalog.note(partial(_replaced, anew))
            self.say(f"{place}: {self._resealed[place]} sealed anew.")
            after = blobs[-1].row

    def _again(self, blob: Blob, opening: Opening) -> bytes:
        try:
            return self._sealing.seal(opening.open(blob.sealed, blob.label), blob.label)
        except VaultRefused:
            self._shut.add(blob)
            return b""

    async def _left(self, catalog: Catalog, newest: bytes, older: list[bytes]) -> bool:
        """Whether something was sealed to an older key meanwhile; if not, what is sealed anew is published."""
        now_ms = SystemClock().now_ms()
        entry = AuditEntry(now_ms, f"{getpass.getuser()} on this machine", "vault.rotate", Scope(), self.pair.public)
        spoilt = Counter((blob.place, blob.sealed[:HEAD]) for blob in self._shut)

        def work(tables: Tables) -> Changed[None]:
            if any(lot.head in older and lot.count > spoilt[lot.place, lot.head] for lot in lots(tables, self.pair)):
                raise _Left
            publish(tables, entry)
            return Changed(None, after={"key": key_name(newest), "before": [key_name(head) for head in older]})

        try:
            await catalog.change(entry, work)
        except _Left:
            return True
        return False


class _Left(Exception):
    """Something was sealed to an older key meanwhile."""


def _page(place: Place, head: bytes, after: tuple[str, str, str], tables: Tables) -> list[Blob]:
    return tables.sealed.page(place, head, after, AT_ONCE)


def _replaced(anew: list[tuple[Blob, bytes]], tables: Tables) -> int:
    return sum(tables.sealed.replace(*one) for one in anew)


async def plan(settings: Settings, pair: Pair) -> dict[str, Any]:
    """What a rotation would do; nothing is changed."""
    require_current(settings)
    if sentence := parted(settings.keys, os.environ, pair):
        raise VaultRefused(sentence)
    keys = private_keys(settings.keys, os.environ, pair)
    stores = stores_of(settings, "vault")
    try:
        found = await stores.catalog.browse(partial(lots, pair=pair))
    finally:
        await stores.close()
    held = await holders(settings, pair, canary(Sealing(partial(public_key, settings.keys, pair))))
    return {
        "key": key_name(head_of(public_key(settings.keys, pair))),
        "under_way": len(keys) > 1,
        "would_seal_anew": {str(one): sum(lot.count for lot in found if lot.place is one) for one in PLACES[pair]},
        "told": [one.name for one in held],
    }
