"""What control keeps: organisations, apps, credentials, keys, audit, snapshot, stops. One change, one audit row.

A `Catalog` runs a function over `Tables` in one transaction; the tables' methods are synchronous and only valid inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from pushwarden.core.apikey import ApiKey
from pushwarden.core.app import App, Credential, CredentialState, Snapshot
from pushwarden.core.audit import AuditEntry
from pushwarden.core.organisation import Organisation
from pushwarden.core.receipt import Receipt
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.audit import Audit
from pushwarden.ports.callbacks import CallbackTable, CourseTable
from pushwarden.ports.health import HealthTable, MailTable, NoticeTable
from pushwarden.ports.holds import HoldTable
from pushwarden.ports.people import InvitationTable, PasskeyTable, PersonTable, SessionTable
from pushwarden.ports.probes import ProbeTable
from pushwarden.ports.ramps import RampTable
from pushwarden.ports.requests import RequestTable
from pushwarden.ports.sealed import SealedTable
from pushwarden.ports.tallies import TallyTable
from pushwarden.ports.versions import VersionTable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Organisations(Protocol):
    def get(self, organisation: str) -> Organisation | None: ...

    def all(self) -> list[Organisation]:
        """By id."""
        ...

    def insert(self, organisation: Organisation) -> None:
        """AlreadyExists when the id is taken."""
        ...

    def update(self, organisation: Organisation) -> None:
        """Replaces the row one version below; Conflict otherwise."""
        ...


class Apps(Protocol):
    """Those in the bin are not there for anybody but `binned`, and keep their ids."""

    def get(self, organisation: str, app: str) -> App | None: ...

    def all(self, organisation: str = "") -> list[App]:
        """By id; every organisation's when none is named."""
        ...

    def insert(self, app: App) -> None:
        """AlreadyExists when the organisation has an app of this id."""
        ...

    def update(self, app: App) -> None:
        """Replaces the row one version below; Conflict (with `version`, the current one) otherwise."""
        ...

    def binned(self, organisation: str = "") -> list[App]:
        """Deleted, and not yet for good."""
        ...

    def delete(self, organisation: str, app: str) -> None:
        """With its credentials, certificate requests, callbacks, versions, and the roles people have in it."""
        ...


class Credentials(Protocol):
    """Rows carry the sealed material; nothing that answers a request may."""

    def get(self, organisation: str, app: str, credential: str) -> Credential | None: ...

    def of(self, organisation: str, app: str, environment: Environment) -> list[Credential]:
        """Newest first."""
        ...

    def in_state(self, *states: CredentialState) -> list[Credential]:
        """Every organisation's, but for apps in the bin."""
        ...

    def insert(self, credential: Credential) -> None: ...

    def update(self, credential: Credential) -> None:
        """Replaces the row of the same organisation, app and id."""
        ...

    def delete(self, organisation: str, app: str, credential: str) -> None:
        """With what is kept of its health."""
        ...


class Keys(Protocol):
    def get(self, organisation: str, key: str) -> ApiKey | None:
        """The organisation is the key's own; empty for installation-wide keys."""
        ...

    def all(self) -> list[ApiKey]:
        """Every organisation's, revoked and expired ones included, newest first."""
        ...

    def insert(self, key: ApiKey) -> None: ...

    def update(self, key: ApiKey) -> None:
        """Replaces the row one version below; Conflict otherwise."""
        ...

    def used(self, last_used: Mapping[str, int]) -> None:
        """Key id → Unix ms; never backwards, no version, no audit."""
        ...


class Snapshots(Protocol):
    def put(self, snapshot: Snapshot) -> None:
        """Replaces the one before."""
        ...

    def get(self) -> Snapshot | None: ...

    def version(self) -> int:
        """0 before the first."""
        ...


@dataclass(frozen=True, slots=True)
class StopRecord:
    """A stop as people see it later. Times are Unix milliseconds; receipt None until the senders answered."""

    id: str
    scope: Scope
    actor: str
    reason: str
    stopped_at: int
    receipt: Receipt | None = None
    resumed_at: int | None = None
    resumed_by: str = ""


class Stops(Protocol):
    def put(self, stop: StopRecord) -> None:
        """Inserts, or replaces the one of the same id."""
        ...

    def get(self, stop: str) -> StopRecord | None: ...

    def open(self, organisation: str = "") -> list[StopRecord]:
        """Not resumed, newest first; with an organisation, its own and the installation's."""
        ...

    def recent(self, organisation: str = "", limit: int = 50) -> list[StopRecord]:
        """Newest first, resumed ones included."""
        ...


class Tables(Protocol):
    """Everything of one transaction."""

    @property
    def organisations(self) -> Organisations: ...
    @property
    def apps(self) -> Apps: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def requests(self) -> RequestTable: ...
    @property
    def versions(self) -> VersionTable: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def snapshots(self) -> Snapshots: ...
    @property
    def stops(self) -> Stops: ...
    @property
    def ramps(self) -> RampTable: ...
    @property
    def holds(self) -> HoldTable: ...
    @property
    def callbacks(self) -> CallbackTable: ...
    @property
    def courses(self) -> CourseTable: ...
    @property
    def probes(self) -> ProbeTable: ...
    @property
    def healths(self) -> HealthTable: ...
    @property
    def notices(self) -> NoticeTable: ...
    @property
    def mails(self) -> MailTable: ...
    @property
    def sealed(self) -> SealedTable: ...
    @property
    def people(self) -> PersonTable: ...
    @property
    def passkeys(self) -> PasskeyTable: ...
    @property
    def sessions(self) -> SessionTable: ...
    @property
    def invitations(self) -> InvitationTable: ...
    @property
    def tallies(self) -> TallyTable: ...


@dataclass(frozen=True, slots=True)
class Changed(Generic[T_co]):
    """What a change did, for its audit row. before and after never hold a secret; an empty target keeps the entry's."""

    result: T_co
    target: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def complete(self, entry: AuditEntry) -> AuditEntry:
        return replace(
            entry,
            target=self.target or entry.target,
            before=self.before or entry.before,
            after=self.after or entry.after,
        )


class Catalog(Protocol):
    """Raises Busy when the store is locked too long, StoreFull when it cannot write."""

    async def change(self, entry: AuditEntry, work: Callable[[Tables], Changed[T]]) -> T:
        """Runs `work` and appends its audit row in one transaction; whatever `work` raises undoes both.

        `work` may run more than once before the answer. The version grows by one.
        """
        ...

    async def read(self, work: Callable[[Tables], T]) -> T:
        """One consistent view; writing in it is an error."""
        ...

    async def browse(self, work: Callable[[Tables], T]) -> T:
        """Like `read`, beside everything else: for what may look at very many rows."""
        ...

    async def record(self, entry: AuditEntry) -> None:
        """An audit row alone: a refused attempt, or something that changed elsewhere."""
        ...

    async def note(self, work: Callable[[Tables], T]) -> T:
        """Runs `work` in one transaction: for how far something came, which is no change, so no audit and no version.

        `work` may run more than once before the answer.
        """
        ...

    async def note_used(self, last_used: Mapping[str, int]) -> None:
        """Keys' last use, in one write."""
        ...

    async def version(self) -> int:
        """Grows with every change, whichever process made it. Cheap enough to ask ten times a second."""
        ...
