"""6 grants: access tokens, asked for once at a time for each credential and renewed before they end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pushwarden.core.errors import VaultRefused
from pushwarden.core.outcome import Blame, Outcome
from pushwarden.dataplane.transport.dial import DialError
from pushwarden.dataplane.transport.post import Errand
from pushwarden.providers.port import Grant, Heard, Hitch, Reply, Unreached

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before an endpoint that gave no token for its own reasons is asked again; doubling."""
FIRST_REST, LONGEST_REST = 15.0, 300.0
"""The same after it refused the credential: only a person can mend that, and brings another credential."""
LEAST_AGE = 60.0
"""Seconds a token must have been in use before a provider's 401 is a reason to ask for another one."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no access token. credential: the endpoint refused it; otherwise the endpoint is not well.

    found: what that was told from.
    """

    sentence: str
    credential: bool
    found: Heard | None = field(default=None, repr=False)

    @property
    def ours(self) -> bool:
        """Whether nobody was asked: it has ended, or does not open here."""
        return self.found is not None and isinstance(self.found.answer, Unreached)


@dataclass(slots=True)
class _Standing:
    """One credential's token and the attempts to get the next. Times are Unix seconds."""

    grant: Grant | None = None
    granted_at: float = 0.0
    asking: asyncio.Task[None] | None = None
    not_before: float = 0.0
    failures: int = 0
    trouble: Trouble | None = None
    plain: bool = False  # its provider needs no access token

    def due(self, now: float) -> bool:
        if self.plain or self.asking is not None or now < self.not_before:
            return False
        return self.grant is None or now >= self.grant.renew_at

    def usable(self, now: float) -> Grant | None:
        return self.grant if self.grant is not None and now < self.grant.expires_at else None


@dataclass(frozen=True, slots=True)
class Asks:
    """How one credential's token is got. errand: None when it needs none."""

    errand: Callable[[float], Errand | None]
    read: Callable[[Reply, float], Grant | Outcome]


class Grants:
    """By a credential's name. post: sends an errand; DialError when there was no answer."""

    def __init__(self, post: Callable[[Errand], Awaitable[Reply]], clock: Callable[[], float] = time.time) -> None:
        self._post, self._clock = post, clock
        self._standings: dict[str, _Standing] = {}

    def current(self, name: str, asks: Asks) -> tuple[bool, Grant | None, Trouble | None]:
        """(can it be sent with now?, the token if one is needed, else why there is none yet). Asks when one is due."""
        now = self._clock()
        standing = self._standings.setdefault(name, _Standing())
        if standing.due(now):
            self._ask(standing, asks, now)
        grant = standing.usable(now)
        return standing.plain or grant is not None, grant, standing.trouble

    def anew(self, name: str) -> None:
        """Somebody asks for a proof: what was refused may be asked for again at once, its trouble is forgotten."""
        standing = self._standings.get(name)
        if standing is not None and standing.asking is None:
            standing.not_before, standing.trouble = 0.0, None

    def distrust(self, name: str, grant: Grant) -> None:
        """A provider refused this token: another one is asked for, unless this one is fresh and so not the reason."""
        standing = self._standings.get(name)
        if standing is not None and standing.grant is grant and self._clock() - standing.granted_at >= LEAST_AGE:
            standing.grant = None

    def _ask(self, standing: _Standing, asks: Asks, now: float) -> None:
        try:
            errand = asks.errand(now)
        except VaultRefused as error:
            found = Heard(Unreached(Hitch.SEALED, str(error)), now)
            _failed(standing, Trouble(str(error), credential=True, found=found), 0.0, now)
            return
        if errand is None:
            standing.plain = True
            return
        standing.asking = asyncio.get_running_loop().create_task(self._exchange(standing, errand, asks))

    async def _exchange(self, standing: _Standing, errand: Errand, asks: Asks) -> None:
        try:
            reply = await self._post(errand)
            answer = asks.read(reply, self._clock())
        except DialError as error:
            found = Heard(error.unreached, self._clock(), errand.target.origin)
            _failed(standing, Trouble(f"No access token: {error}", credential=False, found=found), 0.0, found.now)
        else:
            if isinstance(answer, Grant):
                standing.grant, standing.granted_at = answer, self._clock()
                standing.failures, standing.not_before, standing.trouble = 0, 0.0, None
            else:
                found = Heard(reply, self._clock(), errand.target.origin)
                _failed(standing, _trouble(errand, answer, found), answer.retry_after or 0.0, found.now)
        finally:
            standing.asking = None


def _trouble(errand: Errand, answer: Outcome, found: Heard) -> Trouble:
    credential = answer.blame is Blame.CREDENTIAL
    host = errand.exchange.origin.host
    sentence = answer.reason if credential else f"{host} gives no access token: {answer.reason}."
    return Trouble(sentence, credential, found)


def _failed(standing: _Standing, trouble: Trouble, floor: float, now: float) -> None:
    first, longest = (FIRST_REST, LONGEST_REST) if trouble.credential else (FIRST_WAIT, LONGEST_WAIT)
    wait = max(floor, min(first * 2.0 ** min(standing.failures, 10), longest))
    standing.failures += 1
    standing.trouble = trouble
    standing.not_before = now + wait * (1 + random.random() / 4)  # noqa: S311  spreads senders, guards nothing
