"""The versions of a slot: one active, those it was, for a week, and those on standby. Pure.

Whatever changes one of them gives all of them the next revision, so that two who change a slot at once are told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

from pushwarden.core.app import Credential, CredentialState

WEEK_MS = 7 * 86_400_000


class Step(StrEnum):
    ACTIVATE = "activate"
    SWITCH_BACK = "switch_back"
    REPLACE = "replace"  # another became active
    RETIRE = "retire"  # nobody switched back within a week


_S = CredentialState
TABLE: dict[Step, tuple[CredentialState, CredentialState]] = {
    Step.ACTIVATE: (_S.STANDBY, _S.ACTIVE),
    Step.SWITCH_BACK: (_S.PREVIOUS, _S.ACTIVE),
    Step.REPLACE: (_S.ACTIVE, _S.PREVIOUS),
    Step.RETIRE: (_S.PREVIOUS, _S.RETIRED),
}
"""Step → from which state, to which. There are no others."""


def members(kept: Iterable[Credential], provider: str, slot: str) -> list[Credential]:
    """Those of a slot that still have their material."""
    return [one for one in kept if (one.provider, one.slot) == (provider, slot) and one.state is not _S.RETIRED]


def revised(slot: Iterable[Credential]) -> list[Credential]:
    """All of a slot with their next revision."""
    every = list(slot)
    revision = 1 + max((one.revision for one in every), default=0)
    return [replace(one, revision=revision) for one in every]


def switched(kept: Sequence[Credential], chosen: Credential, slot: str, now_ms: int) -> list[Credential]:
    """All of the slot once `chosen` is active there. It stands last: stored in this order, two are never active."""
    others = [one for one in members(kept, chosen.provider, slot) if one.id != chosen.id]
    stepped = [_replaced(one, now_ms) if one.state is _S.ACTIVE else one for one in others]
    active = replace(chosen, slot=slot, state=_S.ACTIVE, activated_at=now_ms, previous_until=0)
    return revised([*stepped, active])


def is_over(credential: Credential, now_ms: int) -> bool:
    """Whether its week has passed."""
    return credential.state is _S.PREVIOUS and 0 < credential.previous_until <= now_ms


def dated(credential: Credential, now_ms: int) -> Credential:
    """One that was replaced before that was written down: its week begins now."""
    return replace(credential, previous_until=now_ms + WEEK_MS)


def retired(credential: Credential) -> Credential:
    """What is left of it: no material, for ever."""
    return replace(credential, state=TABLE[Step.RETIRE][1], sealed=b"")


def _replaced(credential: Credential, now_ms: int) -> Credential:
    return dated(replace(credential, state=TABLE[Step.REPLACE][1]), now_ms)
