"""Everything a verdict needs of an organisation, gathered in one look, and the facts of each environment in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pushwarden.control.pulse import STILL, Beat, Place, Pulse
from pushwarden.control.services import Services
from pushwarden.control.situation import Situation
from pushwarden.core.app import App, Credential, CredentialKind, CredentialState, Snapshot
from pushwarden.core.health import Health, Record, ends_at, record_of, standing
from pushwarden.core.names import IDENTITIES
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.verdict import Facts, Halt, Proof
from pushwarden.ports.catalog import StopRecord, Tables

KINDS = {
    CredentialKind.APNS_TOKEN: "key",
    CredentialKind.APNS_CERTIFICATE: "certificate",
    CredentialKind.FCM_SERVICE_ACCOUNT: "service account",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Of one organisation, now. names: who stopped, by id. devices: by place and provider."""

    now_ms: int
    organisation: str
    snapshot: Snapshot
    situation: Situation
    records: Mapping[str, Record] = field(default_factory=dict)
    halts: Sequence[StopRecord] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    beats: Mapping[Place, Beat] = field(default_factory=dict)
    devices: Mapping[Place, Mapping[str, int]] = field(default_factory=dict)
    lanes: Mapping[Place, Sequence[Credential]] = field(default_factory=dict)

    @property
    def apps(self) -> list[App]:
        found = [app for (organisation, _), app in self.snapshot.apps.items() if organisation == self.organisation]
        return sorted(found, key=lambda app: (app.name.casefold(), app.id))

    def environments(self, app: App) -> list[Environment]:
        """Production and Sandbox, and Simulated where something is there."""
        simulated = (app.id, Environment.SIMULATED)
        used = simulated in self.lanes or simulated in self.devices
        return [one for one in Environment if one is not Environment.SIMULATED or used]

    def beat(self, app: str, environment: str) -> Beat:
        return self.beats.get((app, environment), STILL)

    def health(self, credential: Credential) -> Health:
        record = self.records.get(credential.id) or record_of(credential)
        return standing(credential, record, self.now_ms).health

    def in_use(self, app: str, environment: str) -> list[Credential]:
        kept = self.lanes.get((app, environment), ())
        return [one for one in kept if one.state is CredentialState.ACTIVE]

    def facts(self, app: App, environment: Environment) -> Facts:
        where = Scope(self.organisation, app.id, environment)
        beat, used = self.beat(app.id, environment), self.in_use(app.id, environment)
        kept = self.lanes.get((app.id, environment), ())
        there = {one.provider for one in used}
        return Facts(
            self.now_ms,
            enabled=app.enabled,
            trial=app.trial,
            halt=self._halt(where),
            proofs=tuple(self._proof(one, kept) for one in used),
            lacking=tuple(one for one, name in IDENTITIES.items() if getattr(app, name) and one not in there),
            senders={name: one.version for name, one in self.situation.senders.items()},
            version=self.situation.version,
            settled=self.situation.settled(self.now_ms),
            accepted=beat.total,
            refused=beat.refused,
            devices=self.devices.get((app.id, environment), {}),
        )

    def _halt(self, where: Scope) -> Halt | None:
        stop = next((one for one in self.halts if one.scope.covers(where)), None)
        return Halt(stop.stopped_at, self.names.get(stop.actor, stop.actor), stop.reason) if stop else None

    def _proof(self, one: Credential, kept: Sequence[Credential]) -> Proof:
        spare = next((other for other in kept if self._stands_by(other, one)), None)
        kind = KINDS[spare.kind] if spare else ""
        return Proof(one.provider, self.health(one), KINDS[one.kind], ends_at(one), kind)

    def _stands_by(self, other: Credential, one: Credential) -> bool:
        same = (other.provider, other.slot) == (one.provider, one.slot)
        return same and other.state is CredentialState.STANDBY and self.health(other) is Health.READY


async def scene(services: Services, pulse: Pulse, organisation: str, only: Scope | None = None) -> Scene:
    """In a few look-ups, however many apps there are; only: of one environment, and then in less."""
    now_ms, snapshot = services.clock.now_ms(), services.snapshot()
    lanes: dict[Place, list[Credential]] = {}
    for one in snapshot.credentials.values():
        if one.organisation == organisation and (only is None or (one.app, one.environment) == _place(only)):
            lanes.setdefault((one.app, one.environment), []).append(one)
    asked = [one.id for kept in lanes.values() for one in kept] if only else None
    records, halts, names = await services.catalog.read(lambda tables: _kept(tables, organisation, asked))
    devices: dict[Place, dict[str, int]] = {}
    for (app, environment, provider), size in (await services.sizes(organisation)).items():
        if size:
            devices.setdefault((app, environment), {})[provider] = size
    beats = await pulse.beats(organisation, now_ms, _place(only) if only else None)
    return Scene(now_ms, organisation, snapshot, services.situation(), records, halts, names, beats, devices, lanes)


def _place(where: Scope) -> Place:
    return where.app, str(where.environment)


def _kept(
    tables: Tables, organisation: str, asked: Sequence[str] | None
) -> tuple[dict[str, Record], list[StopRecord], dict[str, str]]:
    """asked: the credentials whose records are wanted, all of the organisation where that is None."""
    halts = tables.stops.open(organisation)
    found = tables.healths.all(organisation) if asked is None else [tables.healths.get(organisation, a) for a in asked]
    records = {one.credential: one for one in found if one is not None}
    return records, halts, names_of(tables, {one.actor for one in halts})


def names_of(tables: Tables, actors: set[str]) -> dict[str, str]:
    """What people call those who did something: persons and keys; others are called by their id."""
    if not actors:
        return {}
    found = {key.id: key.name for key in tables.keys.all() if key.id in actors}
    persons = ((actor, tables.people.get(actor)) for actor in actors)
    return found | {actor: person.name for actor, person in persons if person is not None}
