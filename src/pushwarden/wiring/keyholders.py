"""Who holds private keys: each such process answers `vault` on its ring, and shows with a canary that they open."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pushwarden.adapters.ring_line import RingLine
from pushwarden.adapters.seats import connect, seats
from pushwarden.adapters.vault.hpke import Opening
from pushwarden.adapters.vault.keys import CALLBACKS, VAULT, Pair, private_keys
from pushwarden.core.errors import VaultRefused
from pushwarden.core.secret import Secret
from pushwarden.ports.vault import SealingVault
from pushwarden.settings import Settings

CANARY = "canary"
"""The label of canaries; no credential has it, so this door opens nothing else."""
API = "api-vault"
"""The seat at which the api answers to the same op, with canaries it has sealed."""
PATIENCE = 15.0
"""Seconds a holder has to read its keys: a command may take ten."""
_HOLDERS = {VAULT: "sender-*", CALLBACKS: "chores"}


class Holder:
    """A pair's private keys in the process that opens with them."""

    def __init__(self, settings: Settings, pair: Pair) -> None:
        self._directory, self._pair = settings.keys, pair
        self.opening = Opening(*private_keys(settings.keys, os.environ, pair))

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The op `vault`: reads the keys anew. heads: how blobs begin that open; digests: SHA-256 of opened canaries.

        says: why the keys could not be read; those from before stay.
        """
        try:
            self.opening.use(*await asyncio.to_thread(private_keys, self._directory, os.environ, self._pair))
        except VaultRefused as error:
            return {"says": error.detail}
        sealed = [bytes.fromhex(one) for one in request.get("canaries", ())]
        return {"heads": [head.hex() for head in self.opening.heads], "digests": [self._digest(one) for one in sealed]}

    async def held(self, name: str, bird: Canary) -> Held:
        """As if it had been asked over the ring."""
        return _held(name, await self.answer({"canaries": [bird.sealed.hex()]}), bird)

    def _digest(self, sealed: bytes) -> str:
        try:
            return _digest(self.opening.open(sealed, CANARY))
        except VaultRefused:
            return ""


@dataclass(frozen=True, slots=True)
class Canary:
    """Something sealed that is worth nothing. digest: what whoever opened it can say."""

    sealed: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a holder said. proven: it opened the canary; heads: how blobs begin that it can open; says: why not."""

    name: str
    proven: bool
    heads: frozenset[bytes] = frozenset()
    says: str = ""


def canary(sealing: SealingVault) -> Canary:
    """A fresh one."""
    bird = Secret(secrets.token_bytes(32))
    return Canary(sealing.seal(bird, CANARY), _digest(bird))


async def holders(settings: Settings, pair: Pair, bird: Canary) -> list[Held]:
    """Each running process that holds the pair's private keys, asked at once to read them anew and to open one."""
    names = [seat.sender for seat in seats(settings.run, _HOLDERS[pair])]
    replies = await asyncio.gather(*(ask(settings, name, {"canaries": [bird.sealed.hex()]}) for name in names))
    return [_held(name, reply, bird) for name, reply in zip(names, replies, strict=True)]


async def ask(settings: Settings, name: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a process on this machine answers to the op `vault`; None when it does not."""
    try:
        sock = connect(settings.run, name)
    except OSError:
        return None
    _, line = await asyncio.get_running_loop().create_unix_connection(RingLine, sock=sock)
    try:
        return await line.ask({"op": "vault", **request}, PATIENCE)
    finally:
        line.abort()


def seals(pairs: Mapping[Pair, SealingVault], in_sight: Sequence[Path]) -> dict[str, Any]:
    """What the api answers to the op `vault`: a canary by each pair, and the private keys it could read."""
    birds = {pair.public: canary(sealing) for pair, sealing in pairs.items()}
    said = {name: {"sealed": bird.sealed.hex(), "digest": bird.digest} for name, bird in birds.items()}
    return {"canaries": said, "in_sight": [str(path) for path in in_sight]}


def _held(name: str, reply: Mapping[str, Any] | None, bird: Canary) -> Held:
    if reply is None:
        return Held(name, False, says="it does not answer")
    heads = frozenset(bytes.fromhex(head) for head in reply.get("heads", ()))
    return Held(name, bird.digest in reply.get("digests", ()), heads, str(reply.get("says", "")))


def _digest(opened: Secret) -> str:
    return hashlib.sha256(opened.reveal()).hexdigest()
