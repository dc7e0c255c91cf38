"""A lane as one sender runs it: its connections, its pace, its reports of dead tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pushwarden.core.app import Credential
from pushwarden.core.lane import Lane
from pushwarden.dataplane.feedback.tombstones import Tally
from pushwarden.dataplane.lanes.flow import Bucket, Load
from pushwarden.dataplane.lanes.pace import Pace
from pushwarden.dataplane.transport.connections import Connections, Entry, Owner
from pushwarden.dataplane.transport.streams import Link
from pushwarden.providers.port import Provider


class Station:
    """Made when the lane's first shard is claimed; keeps its connections until the sender ends."""

    def __init__(
        self, lane: Lane, provider: Provider, credential: Credential, entry: Callable[[Credential], Entry],
        owner: Owner, bucket: Bucket,
    ) -> None:  # fmt: skip
        self.lane, self.provider, self.credential = lane, provider, credential
        self.pace = Pace(bucket)
        self.tally = Tally()
        self._entry = entry
        self._users: dict[str, Credential] = {}  # identity of an authorization → whose it is
        self.connections = Connections(lane, provider.facts, self._enter, owner)

    def __repr__(self) -> str:
        return f"<station {self.connections!r} {self.pace.sentence or 'well'}>"

    def _enter(self) -> Entry:
        entry = self._entry(self.credential)
        if entry.authorization is not None:
            self._users[entry.authorization.identity] = self.credential
        return entry

    def user(self, link: Link) -> Credential:
        """Whose answers a connection brings: after a switch, for a while, those of the one before."""
        return self._users.get(link.authorization.identity, self.credential)

    @property
    def load(self) -> Load:
        links = self.connections.links
        capacity = sum(link.streams for link in links)
        return Load(self.connections.in_flight, capacity, self.connections.reply_time)

    def report(self, now: float) -> dict[str, Any]:
        """How the lane is, for the ring. state: paused, probing, slowed or open; limit: in flight, null for none."""
        flow, state = self.pace.flow, self.pace.word(now)
        limit = None if flow.free else int(flow.limit)
        return {"state": state, "seconds": round(self.pace.seconds(now), 1), "limit": limit}

    def use(self, credential: Credential | None) -> None:
        """Another credential is active: old connections drain, new ones use it. None or a disabled one: they drain."""
        if credential is None or not credential.enabled:
            self.connections.rotate()
            return
        if (credential.id, credential.fingerprint) == (self.credential.id, self.credential.fingerprint):
            return
        self.credential = credential
        self.pace.credential.changed()
        self.connections.rotate()
