"""What the control plane works with, handed in by wiring."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pushwarden.control.machine import Installation
from pushwarden.control.people.roll import Roll
from pushwarden.control.post import Post
from pushwarden.control.situation import Situation
from pushwarden.core.app import Snapshot
from pushwarden.core.chain import Anchor
from pushwarden.core.device import Audience
from pushwarden.core.scope import Scope
from pushwarden.core.secret import Secret
from pushwarden.ports.catalog import Catalog
from pushwarden.ports.clock import Clock
from pushwarden.ports.vault import SealingVault
from pushwarden.providers.port import Provider, Report
from pushwarden.web.access import KeyRing

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

Inspect = Callable[[str, bytes, Secret | None, Mapping[str, str]], Awaitable[Report]]
"""(provider, file, password, hints) → its report. Wiring runs `check` in a limited child process."""


def no_text() -> str:
    return ""


def nothing_here(_: Scope) -> Sequence[Mapping[str, Any]]:
    return ()


async def no_audiences(_: Scope) -> Sequence[Audience]:
    return ()


async def no_sizes(_: str) -> Mapping[tuple[str, str, str], int]:
    return {}


def nothing_yet() -> Snapshot:
    return Snapshot(0)


def nowhere(_: Scope) -> bool:
    return False


def unanchored(_: str) -> Sequence[Anchor]:
    return ()


def ready() -> Mapping[str, bool]:
    return {}


NOWHERE = Installation()
NO_POST = Post()


@dataclass(frozen=True, slots=True)
class Services:
    """ring: the keys. roll: the people who are signed in. metrics: Prometheus text. health: part → does it work.

    senders: what each one that serves a scope has loaded.
    audiences: the devices of an environment, counted.
    stopped: whether a stop covers the scope now. sizes: of an organisation, by app, environment and provider.
    snapshot: the configuration in effect. situation: what runs, as of a second ago.
    installation: the machine and the processes.
    anchors: heads of an organisation's audit that are kept outside the store. post: mails somebody waits for.
    """

    catalog: Catalog
    ring: KeyRing
    roll: Roll
    clock: Clock
    vault: SealingVault
    callback_vault: SealingVault
    providers: Mapping[str, Provider]
    inspect: Inspect
    metrics: Callable[[], str] = no_text
    health: Callable[[], Mapping[str, bool]] = ready
    senders: Callable[[Scope], Sequence[Mapping[str, Any]]] = nothing_here
    audiences: Callable[[Scope], Awaitable[Sequence[Audience]]] = no_audiences
    stopped: Callable[[Scope], bool] = nowhere
    sizes: Callable[[str], Awaitable[Mapping[tuple[str, str, str], int]]] = no_sizes
    snapshot: Callable[[], Snapshot] = nothing_yet
    situation: Callable[[], Situation] = Situation
    installation: Installation = NOWHERE
    anchors: Callable[[str], Sequence[Anchor]] = unanchored
    post: Post = NO_POST


def new_id(letters: int = 12) -> str:
    """Random, lower case, safe in a path: five bits a letter and a little."""
    return "".join(secrets.choice(_LETTERS) for _ in range(letters))
