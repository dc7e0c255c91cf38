"""A lane as one sender runs it: its connections, its credential's health, its reports of dead tokens."""

from __future__ import annotations

from collections.abc import Callable

from pushwarden.core.app import Credential
from pushwarden.core.lane import Lane
from pushwarden.dataplane.feedback.health import Health
from pushwarden.dataplane.feedback.tombstones import Tally
from pushwarden.dataplane.transport.connections import Connections, Entry, Owner
from pushwarden.providers.port import Provider


class Station:
    """Made when the lane's first shard is claimed; keeps its connections until the sender ends."""

    def __init__(
        self, lane: Lane, provider: Provider, credential: Credential, entry: Callable[[Credential], Entry], owner: Owner
    ) -> None:
        self.lane, self.provider, self.credential = lane, provider, credential
        self.health = Health(self._name)
        self.tally = Tally()
        self.hold_opened = False
        self.connections = Connections(lane, provider.facts, lambda: entry(self.credential), owner)

    def __repr__(self) -> str:
        return f"<station {self.connections!r} {self.health.sentence or 'healthy'}>"

    @property
    def _name(self) -> str:
        return f"{self.credential.id}/{self.credential.fingerprint}"

    def use(self, credential: Credential) -> None:
        """Another credential is active: old connections drain, new ones use it."""
        if (credential.id, credential.fingerprint) == (self.credential.id, self.credential.fingerprint):
            return
        self.credential = credential
        self.health.changed(self._name)
        self.connections.rotate()

    def refused(self, reason: str, now: float, *, certain: bool = False) -> None:
        self.health.refused(self._name, reason, now, certain=certain)
