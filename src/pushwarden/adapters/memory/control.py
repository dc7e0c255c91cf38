"""The catalog in memory: the same contract, nothing kept. A change works on copies that replace the tables whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pushwarden.adapters.memory.audit import MemoryAudit
from pushwarden.adapters.memory.callbacks import Kept, MemoryCallbacks, MemoryCourses
from pushwarden.adapters.memory.control_log import (
    MemoryHolds,
    MemoryProbes,
    MemorySnapshots,
    MemoryStops,
)
from pushwarden.adapters.memory.health import MemoryHealths, MemoryMails, MemoryNotices
from pushwarden.adapters.memory.people import MemoryInvitations, MemoryPasskeys, MemoryPeople, MemorySessions
from pushwarden.adapters.memory.ramps import MemoryRamps
from pushwarden.adapters.memory.requests import MemoryRequests
from pushwarden.adapters.memory.sealed import MemorySealed
from pushwarden.adapters.memory.tallies import MemoryTallies, Row
from pushwarden.adapters.memory.versions import MemoryVersions
from pushwarden.core.apikey import ApiKey
from pushwarden.core.app import App, Credential, CredentialState, Snapshot
from pushwarden.core.audit import AuditEntry
from pushwarden.core.callback import Callback
from pushwarden.core.configuration import Version
from pushwarden.core.errors import AlreadyExists, stale, taken
from pushwarden.core.health import Record
from pushwarden.core.hold import Hold
from pushwarden.core.mail import Mail
from pushwarden.core.organisation import Organisation
from pushwarden.core.person import Invitation, Passkey, Person, Session, without_app
from pushwarden.core.probe import Probe
from pushwarden.core.ramp import Ramp
from pushwarden.core.request import CertificateRequest
from pushwarden.core.scope import Environment
from pushwarden.core.tally import Amounts
from pushwarden.ports.audit import AuditRow
from pushwarden.ports.catalog import Changed, StopRecord, Tables
from pushwarden.ports.tallies import Seen

T = TypeVar("T")


@dataclass(slots=True)
class State:
    organisations: dict[str, Organisation] = field(default_factory=dict)
    apps: dict[tuple[str, str], App] = field(default_factory=dict)
    credentials: dict[tuple[str, str, str], Credential] = field(default_factory=dict)
    requests: dict[tuple[str, str, str], CertificateRequest] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    audit: dict[str, tuple[AuditRow, ...]] = field(default_factory=dict)
    snapshot: dict[int, Snapshot] = field(default_factory=dict)
    stops: dict[str, StopRecord] = field(default_factory=dict)
    ramps: dict[str, Ramp] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    callbacks: dict[str, Callback] = field(default_factory=dict)
    courses: dict[str, Kept] = field(default_factory=dict)
    probes: dict[tuple[str, str], Probe] = field(default_factory=dict)
    healths: dict[tuple[str, str], Record] = field(default_factory=dict)
    notices: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    mails: dict[str, Mail] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    passkeys: dict[str, Passkey] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    invitations: dict[str, Invitation] = field(default_factory=dict)
    tallies: dict[Row, Amounts] = field(default_factory=dict)
    senders: dict[str, Seen] = field(default_factory=dict)
    versions: dict[tuple[str, str, int], Version] = field(default_factory=dict)

    def copy(self) -> State:
        return State(*(dict(getattr(self, name)) for name in self.__slots__))


class MemoryOrganisations:
    def __init__(self, state: State) -> None:
        self._rows = state.organisations

    def get(self, organisation: str) -> Organisation | None:
        return self._rows.get(organisation)

    def all(self) -> list[Organisation]:
        return sorted(self._rows.values(), key=lambda row: row.id)

    def insert(self, organisation: Organisation) -> None:
        if organisation.id in self._rows:
            raise AlreadyExists(f"There is an organisation `{organisation.id}` already; choose another id.")
        self._rows[organisation.id] = organisation

    def update(self, organisation: Organisation) -> None:
        kept = self._rows.get(organisation.id)
        if kept is None or kept.version != organisation.version - 1:
            raise stale(kept.version if kept else None)
        self._rows[organisation.id] = organisation


class MemoryApps:
    def __init__(self, state: State) -> None:
        self._rows, self._credentials, self._people = state.apps, state.credentials, state.people
        self._requests = MemoryRequests(state.requests)
        self._callbacks = MemoryCallbacks(state.callbacks, state.courses)
        self._healths = MemoryHealths(state.healths, state.notices)
        self._versions = MemoryVersions(state.versions)

    def get(self, organisation: str, app: str) -> App | None:
        found = self._rows.get((organisation, app))
        return found if found and not found.deleted_at else None

    def all(self, organisation: str = "") -> list[App]:
        every = [row for key, row in sorted(self._rows.items()) if organisation in ("", key[0])]
        return [row for row in every if not row.deleted_at]

    def binned(self, organisation: str = "") -> list[App]:
        every = [row for key, row in sorted(self._rows.items()) if organisation in ("", key[0])]
        return [row for row in every if row.deleted_at]

    def insert(self, app: App) -> None:
        if found := self._rows.get((app.organisation, app.id)):
            raise taken(found)
        self._rows[app.organisation, app.id] = app

    def update(self, app: App) -> None:
        kept = self._rows.get((app.organisation, app.id))
        if kept is None or kept.version != app.version - 1:
            raise stale(kept.version if kept else None)
        self._rows[app.organisation, app.id] = app

    def delete(self, organisation: str, app: str) -> None:
        self._rows.pop((organisation, app), None)
        for key in [key for key in self._credentials if key[:2] == (organisation, app)]:
            del self._credentials[key]
        for request in self._requests.of(organisation, app):
            self._requests.delete(request)
        self._healths.forget(organisation, app)
        self._versions.forget(organisation, app)
        for callback in self._callbacks.of(organisation, app):
            self._callbacks.delete(callback)
        for person in self._people.values():
            self._people[person.id] = without_app(person, organisation, app)


class MemoryCredentials:
    def __init__(self, state: State) -> None:
        self._rows, self._apps = state.credentials, state.apps
        self._healths = MemoryHealths(state.healths, state.notices)

    def get(self, organisation: str, app: str, credential: str) -> Credential | None:
        return self._rows.get((organisation, app, credential))

    def of(self, organisation: str, app: str, environment: Environment) -> list[Credential]:
        found = [
            row for key, row in self._rows.items() if key[:2] == (organisation, app) and row.environment is environment
        ]
        return sorted(found, key=lambda row: (-row.created_at, row.id))

    def in_state(self, *states: CredentialState) -> list[Credential]:
        binned = {key for key, app in self._apps.items() if app.deleted_at}
        own = (row for row in self._rows.values() if (row.organisation, row.app) not in binned)
        return [row for row in own if row.state in states]

    def insert(self, credential: Credential) -> None:
        self._rows[credential.organisation, credential.app, credential.id] = credential

    def update(self, credential: Credential) -> None:
        self.insert(credential)

    def delete(self, organisation: str, app: str, credential: str) -> None:
        self._healths.forget(organisation, app, credential)
        self._rows.pop((organisation, app, credential), None)


class MemoryKeys:
    def __init__(self, state: State) -> None:
        self._rows = state.keys

    def get(self, organisation: str, key: str) -> ApiKey | None:
        found = self._rows.get(key)
        return found if found and found.scope.organisation == organisation else None

    def all(self) -> list[ApiKey]:
        return sorted(self._rows.values(), key=lambda row: (-row.created_at, row.id))

    def insert(self, key: ApiKey) -> None:
        self._rows[key.id] = key

    def update(self, key: ApiKey) -> None:
        kept = self.get(key.scope.organisation, key.id)
        if kept is None or kept.version != key.version - 1:
            raise stale(kept.version if kept else None)
        self._rows[key.id] = key

    def used(self, last_used: Mapping[str, int]) -> None:
        for key_id, at in last_used.items():
            kept = self._rows.get(key_id)
            if kept is not None and (kept.last_used_at or 0) < at:
                self._rows[key_id] = replace(kept, last_used_at=at)


class MemoryTables:
    def __init__(self, state: State) -> None:
        self.organisations = MemoryOrganisations(state)
        self.apps = MemoryApps(state)
        self.credentials = MemoryCredentials(state)
        self.requests = MemoryRequests(state.requests)
        self.versions = MemoryVersions(state.versions)
        self.keys = MemoryKeys(state)
        self.audit = MemoryAudit(state.audit)
        self.snapshots = MemorySnapshots(state.snapshot)
        self.stops = MemoryStops(state.stops)
        self.ramps = MemoryRamps(state.ramps)
        self.holds = MemoryHolds(state.holds)
        self.callbacks = MemoryCallbacks(state.callbacks, state.courses)
        self.courses = MemoryCourses(state.courses)
        self.probes = MemoryProbes(state.probes)
        self.healths = MemoryHealths(state.healths, state.notices)
        self.notices = MemoryNotices(state.notices)
        self.mails = MemoryMails(state.mails)
        self.sealed = MemorySealed(state.credentials, state.requests, state.callbacks)
        self.people = MemoryPeople(state.people, state.passkeys, state.sessions, state.invitations)
        self.passkeys = MemoryPasskeys(state.passkeys)
        self.sessions = MemorySessions(state.sessions)
        self.invitations = MemoryInvitations(state.invitations)
        self.tallies = MemoryTallies(state.tallies, state.senders)


class MemoryCatalog:
    """`Catalog` for tests and trials."""

    def __init__(self) -> None:
        self._state, self._version = State(), 0

    async def change(self, entry: AuditEntry, work: Callable[[Tables], Changed[T]]) -> T:
        state = self._state.copy()
        tables = MemoryTables(state)
        changed = work(tables)
        tables.audit.append(changed.complete(entry))
        self._state, self._version = state, self._version + 1
        return changed.result

    async def read(self, work: Callable[[Tables], T]) -> T:
        return work(MemoryTables(self._state.copy()))

    async def browse(self, work: Callable[[Tables], T]) -> T:
        return await self.read(work)

    async def record(self, entry: AuditEntry) -> None:
        MemoryTables(self._state).audit.append(entry)

    async def note(self, work: Callable[[Tables], T]) -> T:
        state = self._state.copy()
        result = work(MemoryTables(state))
        self._state = state
        return result

    async def note_used(self, last_used: Mapping[str, int]) -> None:
        MemoryTables(self._state).keys.used(last_used)

    async def version(self) -> int:
        return self._version
