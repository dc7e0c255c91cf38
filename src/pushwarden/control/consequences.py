"""What a change of credentials would take from whom: told before it is made, and only made when confirmed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from pushwarden.core.app import Credential, CredentialState, choose
from pushwarden.core.device import Audience, slot_of
from pushwarden.core.health import Health, Record, standing
from pushwarden.core.scope import Environment
from pushwarden.providers.port import Facts

OWNERS = {"team": ("team_id", "Apple team"), "project": ("project_id", "Firebase project")}
"""What a token belongs to besides the app, the fact that says so, and its name."""


class Consequence(msgspec.Struct, frozen=True):
    """what: topics, team, project or unproven; devices: how many it concerns."""

    what: str
    sentence: str
    devices: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One credential is to be active in a slot. kept: all of its app and environment."""

    kept: Sequence[Credential]
    chosen: Credential
    slot: str
    facts: Facts
    audiences: Iterable[Audience]
    health: Record | None
    now_ms: int

    def consequences(self) -> list[Consequence]:
        """In the order in which they are told."""
        before = {one.slot: one for one in self.kept if self._beside(one) and one.state is CredentialState.ACTIVE}
        devices = self._devices()
        found = [*self._topics(before, devices), *self._owners(before, devices)]
        return found + self._unproven(sum(devices.get(slot, 0) for slot in self._served()))

    def _beside(self, one: Credential) -> bool:
        return one.provider == self.chosen.provider

    def _devices(self) -> dict[str, int]:
        """Slot → devices whose pushes ask for it."""
        counts: dict[str, int] = {}
        for audience in self.audiences:
            if audience.provider == self.facts.name:
                slot = self.facts.slot(slot_of(audience.token_kind))
                counts[slot] = counts.get(slot, 0) + audience.size
        return counts

    def _served(self) -> list[str]:
        """The slots whose pushes it would send, or could."""
        every = ("", *self.facts.slots) if not self.slot else ()
        return [self.slot, *(slot for slot in every if slot and self.chosen.covers(slot))]

    def _topics(self, before: Mapping[str, Credential], devices: Mapping[str, int]) -> list[Consequence]:
        after = {**before, self.slot: self.chosen}
        lost = {
            slot: count
            for slot, count in devices.items()
            if count and _serves(before, slot) and not _serves(after, slot)
        }
        if not self.chosen.covers(self.slot):
            lost[self.slot] = devices.get(self.slot, 0)
        return [Consequence("topics", _untopical(slot, count), count) for slot, count in lost.items()]

    def _owners(self, before: Mapping[str, Credential], devices: Mapping[str, int]) -> list[Consequence]:
        active = choose(before.get(self.slot), before.get(""), self.slot)
        known = active.facts if active is not None else {}
        count = sum(devices.get(slot, 0) for slot in self._served())
        return [
            Consequence(what, _foreign(name, known[fact], self.chosen.facts[fact], count), count)
            for what, (fact, name) in OWNERS.items()
            if known.get(fact) and self.chosen.facts.get(fact) not in (None, "", known[fact])
        ]

    def _unproven(self, devices: int) -> list[Consequence]:
        """A simulator proves nothing, so nothing waits for it."""
        if self.health is None or self.chosen.environment is Environment.SIMULATED:
            return []
        match standing(self.chosen, self.health, self.now_ms).health:
            case Health.UNPROVEN:
                return [Consequence("unproven", "No answer of the provider has proven it yet.", devices)]
            case Health.FAILING:
                return [Consequence("unproven", "The provider refuses it.", devices)]
            case _:
                return []


def _untopical(slot: str, count: int) -> str:
    return f"It does not name the topic of {slot or 'alert'} pushes, for which {count} devices are registered."


def _foreign(name: str, was: str, will: str, count: int) -> str:
    return f"It belongs to the {name} {will} and the active one to {was}, as the tokens of {count} devices do."


def _serves(active: Mapping[str, Credential], slot: str) -> bool:
    return choose(active.get(slot), active.get(""), slot) is not None
