"""5 stations: the lanes of one sender by their keys. Each is made at the first need and ends with the sender."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from pushwarden.core.app import Credential, Snapshot
from pushwarden.core.lane import Lane
from pushwarden.dataplane.lanes.flow import Bucket
from pushwarden.dataplane.lanes.station import Station
from pushwarden.dataplane.transport.connections import Entry, Owner
from pushwarden.providers.port import Provider


class Stations(dict[str, Station]):
    """entry: opens a credential and says where and as whom to connect. quotas: provider → requests a minute."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        entry: Callable[[Lane, Credential], Entry],
        quotas: Mapping[str, float],
    ) -> None:
        super().__init__()
        self._providers, self._entry, self._quotas = providers, entry, quotas
        self._buckets: dict[str, Bucket] = {}

    def at(self, lane: Lane, snapshot: Snapshot, owner: Owner) -> Station:
        """The lane's, with the credential that is active when it is made. owner: hears its answers."""
        station = self.get(lane.key)
        if station is None:
            credential = snapshot.of_lane(lane)
            assert credential is not None  # the gate lets no push through without one
            provider, bucket = self._providers[lane.provider], self._bucket(lane.provider, credential)
            station = Station(lane, provider, credential, lambda used: self._entry(lane, used), owner, bucket)
            self[lane.key] = station
        return station

    def configure(self, snapshot: Snapshot) -> None:
        """Each uses the credential that is active now."""
        for station in self.values():
            station.use(snapshot.of_lane(station.lane))

    def paused(self, lane_key: str) -> bool:
        """Whether nothing may be written of the lane for now."""
        station = self.get(lane_key)
        return station is not None and station.pace.waits(asyncio.get_running_loop().time())

    def stuck(self, lane_key: str) -> bool:
        """Whether nothing of the lane can be written before something else happens: it needs no part of W."""
        station = self.get(lane_key)
        return station is not None and (not station.connections.links or self.paused(lane_key))

    def reach(self) -> int:
        """Recipients worth issuing: what the streams of all open connections hold, and as many again behind them."""
        return 2 * sum(link.streams for station in self.values() for link in station.connections.links)

    def close(self) -> None:
        """Ends every connection at once."""
        for station in self.values():
            station.connections.close()

    def _bucket(self, provider: str, credential: Credential) -> Bucket:
        """The lanes of one credential share it: providers count by project, not by class."""
        made = Bucket(self._quotas.get(provider, 0))
        return self._buckets.setdefault(f"{provider} {credential.fingerprint}", made)
