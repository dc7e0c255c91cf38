"""6 connections: a lane's links, opened, replaced and retired as the pool decides."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pushwarden.core.lane import Lane
from pushwarden.dataplane.transport import pool
from pushwarden.dataplane.transport.dial import DialError, Target, dial
from pushwarden.dataplane.transport.grants import Trouble
from pushwarden.dataplane.transport.streams import Link
from pushwarden.http2.messages import Event
from pushwarden.providers.port import Authorization, Facts

SHORT_LIFE = 2.0
"""Seconds: a connection that ends sooner and has answered nothing counts as one that could not be opened."""


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Barrier:
    """How the links of a lane took a stop. cut: those that were silent and were aborted; named: their open requests."""

    links: int
    cut: int
    named: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What it takes to open a connection now: where, and as whom.

    authorization: None while its access token is still awaited; trouble: why that has not come. distrust: to be called
    when the provider refused the authorization, so that another access token is asked for.
    """

    target: Target
    authorization: Authorization | None
    trouble: Trouble | None = None
    distrust: Callable[[], None] = _nothing


class Owner(Protocol):
    """Who hears of a lane's answers and troubles."""

    def heard(self, lane: Lane, link: Link, events: Sequence[Event]) -> None: ...
    def troubled(
        self, lane: Lane, sentence: str, *, credential: bool, certain: bool = False, ours: bool = False
    ) -> None:
        """No connection could be opened, or one ended badly. credential: it is suspected; certain: it is to blame.

        ours: nobody was asked, so nobody refused it.
        """
        ...


class Connections:
    """The links of one lane. `entry` gives the current target and authorization, renewed as time goes on."""

    def __init__(self, lane: Lane, facts: Facts, entry: Callable[[], Entry], owner: Owner) -> None:
        self.lane, self.facts = lane, pool.watched(lane.klass, facts)
        self._entry, self._owner = entry, owner
        self._limits = pool.size(lane.klass, facts)
        self._dialling = pool.Dialling()
        self._opening: set[asyncio.Task[None]] = set()
        self._told: Trouble | None = None
        self._rotations = 0
        self.links: list[Link] = []

    def __repr__(self) -> str:
        return f"<connections {self.lane.key}: {len(self.links)} open, {len(self._opening)} opening>"

    @property
    def in_flight(self) -> int:
        return sum(link.in_flight for link in self.links)

    @property
    def reply_time(self) -> float:
        return max((link.reply_time for link in self.links), default=0.0)

    @property
    def room(self) -> int:
        """Requests that may be written now, all links together."""
        return sum(pool.worth(link) for link in self.links)

    def best(self, now: float) -> Link | None:
        """The link to write on now; None when every one is busy or none is open yet."""
        return pool.choose(self.links, now)

    def tend(self, now: float, under_way: int, *, one: bool = False) -> None:
        """Opens what is wanted, renews authorizations, retires what is old. under_way: requests it could carry now.

        one: no more than one connection is opened, for a single request is to show whether it works again.
        """
        for link in [*self.links]:
            link.tick()
        if not self.links and not under_way:
            return
        entry = self._entry()
        if entry.authorization is None:
            self._wait(entry.trouble)
            return
        for link in self.links:
            self._renew(link, entry.authorization, now)
        usable = [link for link in self.links if link.usable or link.in_flight]
        wanted = 1 if one else pool.wanted(usable, under_way, self._limits)
        missing = wanted - len(usable) - len(self._opening)
        if under_way and missing > 0 and self._dialling.may_dial(now):
            self._dialling.dialled(now)
            self._open(entry.target, entry.authorization)

    def rotate(self) -> None:
        """Retires every link: new ones are opened with the current credential, answers under way are still read."""
        self._rotations += 1
        for link in [*self.links]:
            link.retire()

    def distrust(self, authorization: Authorization) -> None:
        """The provider refused this authorization."""
        entry = self._entry()
        if entry.authorization is not None and entry.authorization.headers == authorization.headers:
            entry.distrust()

    async def barrier(self, patience: float) -> Barrier:
        """PING on every link; those that do not acknowledge it are aborted."""
        links = [*self.links]
        done = await asyncio.gather(
            *(asyncio.wait_for(link.barrier(), patience) for link in links), return_exceptions=True
        )
        silent = [link for link, result in zip(links, done, strict=True) if isinstance(result, BaseException)]
        named = sum(link.abort("It did not acknowledge the stop.") for link in silent)
        return Barrier(len(links), len(silent), named)

    def close(self) -> None:
        """Ends everything at once."""
        for task in self._opening:
            task.cancel()
        for link in [*self.links]:
            link.abort("The sender ends.")

    # --- streams.Listener

    def heard(self, link: Link, events: Sequence[Event]) -> None:
        self._owner.heard(self.lane, link, events)

    def closed(self, link: Link, reason: str, *, refused: bool) -> None:
        if link in self.links:
            self.links.remove(link)
        now = asyncio.get_running_loop().time()
        if link.answers == 0 and not link.retired and (refused or now - link.opened_at < SHORT_LIFE):
            self._dialling.failed(now, random.random())  # noqa: S311
            self._owner.troubled(self.lane, reason, credential=refused)

    # --- inside

    def _wait(self, trouble: Trouble | None) -> None:
        """Nothing may be written without an access token: what is open ends, nothing is opened, the reason is told."""
        self.rotate()
        if trouble is not None and trouble is not self._told:
            blamed, ours = trouble.credential, trouble.ours
            self._owner.troubled(self.lane, trouble.sentence, credential=blamed, certain=True, ours=ours)
        self._told = trouble

    def _renew(self, link: Link, authorization: Authorization, now: float) -> None:
        age = now - link.opened_at
        if authorization.identity != link.authorization.identity or age > self.facts.max_age * (
            1 + link.number % 8 / 16
        ):
            link.retire()
        elif authorization.headers != link.authorization.headers and time.time() >= link.authorization.renew_at:
            link.authorization = authorization

    def _open(self, target: Target, authorization: Authorization) -> None:
        task = asyncio.get_running_loop().create_task(self._dial(target, authorization))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _dial(self, target: Target, authorization: Authorization) -> None:
        authority, rotations = target.origin.authority, self._rotations
        try:
            link = await dial(target, lambda: Link(self.facts, authorization, authority, self))
        except DialError as error:
            self._dialling.failed(asyncio.get_running_loop().time(), random.random())  # noqa: S311
            self._owner.troubled(self.lane, str(error), credential=False)
            return
        self._dialling.succeeded()
        self.links.append(link)
        if rotations != self._rotations:  # it was opened as someone who is not to be used any more
            link.retire()
        self._owner.heard(self.lane, link, ())
