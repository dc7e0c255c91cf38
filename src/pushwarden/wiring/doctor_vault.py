"""What `doctor` looks at in the vault: that what is sealed opens where it must, and only there."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from functools import partial

from pushwarden.adapters.vault.hpke import Sealing, head_of, key_name
from pushwarden.adapters.vault.keys import PAIRS, Pair, parted, public_key
from pushwarden.core.errors import VaultRefused
from pushwarden.settings import Settings
from pushwarden.wiring.finding import Finding
from pushwarden.wiring.keyholders import API, Canary, Held, Holder, ask, canary, holders
from pushwarden.wiring.sealed import Lot, elsewhere, lots
from pushwarden.wiring.stores import keeping_of, stores_of

DAY_S = 86_400


async def examine(settings: Settings) -> list[Finding]:
    """Both pairs, and what the api process sees of them."""
    said = await ask(settings, API, {}) or {}
    found = [_sight(said["in_sight"])] if said else []
    for pair in PAIRS:
        try:
            found += await _pair(settings, pair, said.get("canaries", {}).get(pair.public))
        except VaultRefused as error:
            found.append(Finding(pair.name, False, error.detail))
    return found


async def _pair(settings: Settings, pair: Pair, sealed_by_api: Mapping[str, str] | None) -> list[Finding]:
    public = head_of(public_key(settings.keys, pair))
    bird = canary(Sealing(partial(public_key, settings.keys, pair)))
    if sealed_by_api:
        bird = Canary(bytes.fromhex(sealed_by_api["sealed"]), sealed_by_api["digest"])
    held = await holders(settings, pair, bird) or [await _here(settings, pair, bird)]
    known = frozenset[bytes]().union(*(one.heads for one in held))
    found = [*_file(settings, pair, public)]
    found += [_opens(pair, one, "the api" if sealed_by_api else "this command") for one in held]
    found += _stored(pair, known, *await _kept(settings, pair, known))
    return [*found, *_unfinished(pair, public, known)]


def _sight(paths: Collection[str]) -> Finding:
    if not paths:
        return Finding("api_sight", True, "The api process sees no private key.")
    return Finding(
        "api_sight",
        False,
        f"The api process could read {', '.join(paths)}: the log of its start says why; docs/vault.md has other ways "
        "to keep keys from it.",
    )


async def _here(settings: Settings, pair: Pair, bird: Canary) -> Held:
    """Nothing runs that has the keys: what it would do when it did, from here."""
    if sentence := parted(settings.keys, os.environ, pair):
        raise VaultRefused(sentence)
    return await Holder(settings, pair).held("this command", bird)


def _file(settings: Settings, pair: Pair, public: bytes) -> Iterator[Finding]:
    path, source = pair.file(settings.keys), pair.given(os.environ)
    if path.exists():
        private = stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        words = "only its owner reads it" if private else f"others can read it; chmod 600 {path}"
        yield Finding(f"{pair.name}_file", private, f"The private key {path.name}: {words}.")
        source = source or str(path)
    days = int(time.time() - (settings.keys / pair.public).stat().st_mtime) // DAY_S
    whence = source or f"a {pair.variable}… that this command was not given"
    yield Finding(
        f"{pair.name}_key", True, f"Key {key_name(public)} is sealed to for {days} days; it comes from {whence}."
    )


def _opens(pair: Pair, held: Held, sealer: str) -> Finding:
    seal = f"what {sealer} seals with {pair.public}"
    if held.proven:
        return Finding(f"{pair.name} {held.name}", True, f"{held.name} opens {seal}.")
    why = f" ({held.says})" if held.says else ""
    return Finding(
        f"{pair.name} {held.name}",
        False,
        f"{held.name} does not open {seal}{why}: give it the private key {pair.private} that belongs to it and start "
        "it anew.",
    )


async def _kept(settings: Settings, pair: Pair, known: Collection[bytes]) -> tuple[list[Lot], list[Lot]]:
    if None in keeping_of(settings).revisions().values():
        return [], []  # said already; opening them would make them
    stores = stores_of(settings, "doctor")
    try:
        return await stores.catalog.browse(lambda tables: (lots(tables, pair), elsewhere(tables, pair, known)))
    finally:
        await stores.close()


def _stored(pair: Pair, known: Collection[bytes], stored: list[Lot], strange: list[Lot]) -> Iterator[Finding]:
    count = sum(lot.count for lot in stored if lot.head in known)
    yield Finding(f"{pair.name}_sealed", True, f"{count} stored secrets are sealed to keys that open here.")
    for lot in strange:
        key = key_name(lot.head)
        yield Finding(
            f"{pair.name}_sealed {key}",
            False,
            f"{lot}, a key that nobody here has: put {pair.aside(lot.head)} below the key in {pair.private} and run "
            f"`pushwarden vault rotate`, or {pair.anew}.",
        )


def _unfinished(pair: Pair, public: bytes, known: frozenset[bytes]) -> Iterator[Finding]:
    if older := known - {public}:
        yield Finding(
            f"{pair.name}_rotation",
            False,
            f"Older keys open too ({', '.join(sorted(map(key_name, older)))}): run `pushwarden vault rotate"
            f"{pair.option}` to the end, or take them out of where the key comes from.",
        )
