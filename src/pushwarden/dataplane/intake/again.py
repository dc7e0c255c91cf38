"""Sending a push again to those whom a second try may reach, and never to one who may have got it. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pushwarden.core.lane import Class
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push, PushState, PushType
from pushwarden.core.reasons import known
from pushwarden.core.shard import Failure
from pushwarden.core.signal import FIELD, asks, nonce_of
from pushwarden.dataplane.intake.plan import USERS_ARE_BULK, push_id

MOST = 10_000
"""Recipients; to more a new push is the better way."""


@dataclass(slots=True)
class Choice:
    """again: failures whose recipients are tried once more. left: (fate, reason) → how many are not."""

    again: list[Failure] = field(default_factory=list)
    left: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def key(self) -> str:
        """The same for the same recipients: whoever presses twice sends once."""
        said = ",".join(sorted(f"{one.audience}/{one.seq}" for one in self.again))
        return "retry " + hashlib.sha256(said.encode()).hexdigest()[:32]


def choose(push: Push, failures: Iterable[Failure], reasons: frozenset[str] = frozenset()) -> Choice:
    """reasons: only these; empty for all. What got no answer is tried again only by types that bear a double."""
    choice = Choice()
    for one in failures:
        safe = one.fate is Fate.REFUSED or (one.fate is Fate.UNKNOWN and push.type.repeatable)
        if safe and known(one.reason).again and (not reasons or one.reason in reasons):
            choice.again.append(one)
        else:
            choice.left[str(one.fate), one.reason] += 1
    return choice


def anew(push: Push, now_ms: int, count: int) -> Push:
    """The same message for as long as it was to live, under the same collapse id, so that no phone shows it twice."""
    name = push_id(now_ms)
    life = max(0, push.expires_at - max(push.accepted_at, push.not_before))
    data: dict[str, Any] = push.message.data
    if nonce_of(data):
        data = {key: value for key, value in data.items() if key != FIELD} | asks(name)
    klass = Class.BULK if push.klass is not Class.URGENT and count > USERS_ARE_BULK else push.klass
    return replace(
        push,
        id=name,
        message=replace(push.message, data=data),
        klass=klass if klass is not Class.BULK or count > USERS_ARE_BULK else Class.NORMAL,
        accepted_at=now_ms,
        expires_at=now_ms + life,
        not_before=0,
        collapse_id=push.collapse_id or (push.id if push.type is PushType.ALERT else ""),
        tags="",
        state=PushState.OPEN,
    )
