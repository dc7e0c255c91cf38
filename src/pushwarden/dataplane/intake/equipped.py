"""Step 2, which credential: what a push's type asks for, and which providers have it. Pure, from the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pushwarden.core.app import Credential, CredentialState, Snapshot
from pushwarden.core.errors import Invalid, NoCredential
from pushwarden.core.lane import CANARY
from pushwarden.core.push import PushType
from pushwarden.core.scope import Scope
from pushwarden.providers.port import Provider


@dataclass(frozen=True, slots=True)
class Equipped:
    """What pushes of a type are sent with. slots: provider → the slot they go by there.

    disabled: credentials that were switched off and have nothing in their stead: what goes by them waits.
    """

    slots: Mapping[str, str]
    disabled: tuple[Credential, ...] = ()

    @property
    def doubts(self) -> list[str]:
        return [
            f"The credential {one.id} of {one.provider} is disabled: this push waits until it is enabled or another "
            "is activated, or expires."
            for one in self.disabled
        ]


class Equipment:
    """Answers are kept for as long as the snapshot stays the same."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers
        self._snapshot: Snapshot | None = None
        self._known: dict[tuple[Scope, PushType], Equipped] = {}

    def of(self, snapshot: Snapshot, where: Scope, push_type: PushType) -> Equipped:
        """NoCredential when no provider has one for this type: such a push could only wait."""
        if snapshot is not self._snapshot:
            self._snapshot, self._known = snapshot, {}
        found = self._known.get((where, push_type))
        if found is None:
            found = self._known[where, push_type] = self._looked_up(snapshot, where, push_type)
        if not found.slots:
            raise NoCredential(self._why(snapshot, where, push_type))
        return found

    def canary(self, snapshot: Snapshot, where: Scope, push_type: PushType, credential: str) -> Equipped:
        """Equipped with this one alone, which is not active yet. Invalid when that cannot be."""
        found = next((one for one in _kept(snapshot, where) if one.id == credential), None)
        if found is None or found.provider not in self._providers:
            raise Invalid("There is no credential of this id here that could be tried.", field="credential")
        if found.state is CredentialState.ACTIVE:
            raise Invalid("This credential is active; send without naming it.", field="credential")
        if not found.covers(self._providers[found.provider].facts.slot(push_type)):
            raise Invalid(f"This credential is not for {push_type} pushes; it is {_extent(found)}.", field="credential")
        return Equipped({found.provider: CANARY + found.id}, () if found.enabled else (found,))

    def _looked_up(self, snapshot: Snapshot, where: Scope, push_type: PushType) -> Equipped:
        assert where.environment is not None
        slots, disabled = {}, []
        for name, provider in self._providers.items():
            slot = provider.facts.slot(push_type)
            found = snapshot.credential(where.organisation, where.app, where.environment, name, slot)
            if found is not None:
                slots[name] = slot
                disabled += [] if found.enabled else [found]
        return Equipped(slots, tuple(disabled))

    def _why(self, snapshot: Snapshot, where: Scope, push_type: PushType) -> str:
        active = [one for one in _kept(snapshot, where) if one.state is CredentialState.ACTIVE]
        if not active:
            return f"{where.app} has no active credential in {where.environment}; upload and activate one."
        app = snapshot.app(where.organisation, where.app)
        bundle = app.bundle_id if app is not None else ""
        suffixes = {self._providers[one.provider].facts.slots.get(push_type, "") for one in active}
        topics = " or ".join(sorted(bundle + suffix for suffix in suffixes)) if bundle else "its own topic"
        extents = "; ".join(f"{one.id} is {_extent(one)}" for one in active)
        return (
            f"No active credential of {where.app} in {where.environment} is for {push_type} pushes, which go to "
            f"{topics}: {extents}. Upload and activate a key, or a certificate that names this topic."
        )


def _kept(snapshot: Snapshot, where: Scope) -> list[Credential]:
    place = (where.organisation, where.app, where.environment)
    return [one for key, one in snapshot.credentials.items() if key[:3] == place]


def _extent(credential: Credential) -> str:
    """What it is for, in words."""
    topics = credential.facts.get("topics")
    return f"for {', '.join(topics)}" if topics else f"of {credential.provider}"
