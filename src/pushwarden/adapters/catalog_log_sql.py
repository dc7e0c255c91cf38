"""The catalog's tables over SQL: snapshot, stops, holds, probes."""

from __future__ import annotations

from pushwarden.adapters import rows_control as rows
from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.catalog_audit_sql import SqlAudit
from pushwarden.adapters.catalog_callbacks_sql import SqlCallbacks, SqlCourses
from pushwarden.adapters.catalog_health_sql import SqlHealths, SqlMails, SqlNotices
from pushwarden.adapters.catalog_people_sql import SqlInvitations, SqlPasskeys, SqlPeople, SqlSessions
from pushwarden.adapters.catalog_ramps_sql import SqlRamps
from pushwarden.adapters.catalog_requests_sql import SqlRequests
from pushwarden.adapters.catalog_sealed_sql import SqlSealed
from pushwarden.adapters.catalog_sql import SqlApps, SqlCredentials, SqlKeys, SqlOrganisations
from pushwarden.adapters.catalog_tallies_sql import SqlTallies
from pushwarden.adapters.catalog_versions_sql import SqlVersions
from pushwarden.adapters.statements import Run
from pushwarden.core.app import Snapshot
from pushwarden.core.hold import Hold
from pushwarden.core.probe import Probe
from pushwarden.ports.catalog import StopRecord


class SqlSnapshots:
    def __init__(self, run: Run) -> None:
        self._run = run

    def put(self, snapshot_: Snapshot) -> None:
        self._run(sql.SNAPSHOT_DELETE)
        self._run(sql.SNAPSHOT_INSERT, id=1, version=snapshot_.version, body=rows.packed(snapshot_))

    def get(self) -> Snapshot | None:
        found = self._run(sql.SNAPSHOT_GET)
        return rows.unpacked(found[0]["body"]) if found else None

    def version(self) -> int:
        found = self._run(sql.SNAPSHOT_VERSION)
        return found[0]["version"] if found else 0


class SqlStops:
    def __init__(self, run: Run) -> None:
        self._run = run

    def put(self, stop_: StopRecord) -> None:
        self._run(sql.STOP_DELETE, id=stop_.id)
        self._run(sql.STOP_INSERT, **rows.stop_row(stop_))

    def get(self, stop_id: str) -> StopRecord | None:
        found = self._run(sql.STOP_GET, id=stop_id)
        return rows.stop_of(found[0]) if found else None

    def open(self, organisation: str = "") -> list[StopRecord]:
        found = self._run(sql.STOPS, organisation=organisation, open_only=1, limit=1_000_000)
        return [rows.stop_of(row) for row in found]

    def recent(self, organisation: str = "", limit: int = 50) -> list[StopRecord]:
        found = self._run(sql.STOPS, organisation=organisation, open_only=0, limit=limit)
        return [rows.stop_of(row) for row in found]


class SqlHolds:
    def __init__(self, run: Run) -> None:
        self._run = run

    def put(self, hold_: Hold) -> None:
        self._run(sql.HOLD_DELETE, id=hold_.id)
        self._run(sql.HOLD_INSERT, **rows.hold_row(hold_))

    def get(self, hold_id: str) -> Hold | None:
        found = self._run(sql.HOLD_GET, id=hold_id)
        return rows.hold_of(found[0]) if found else None

    def all(self, organisation: str = "", *, open_only: bool = False, brief: bool = False) -> list[Hold]:
        found = self._run(
            sql.HOLDS_IN_BRIEF if brief else sql.HOLDS, organisation=organisation, open_only=int(open_only)
        )
        return [rows.hold_of(row) for row in found]


class SqlProbes:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, organisation: str, probe_id: str) -> Probe | None:
        found = self._run(sql.PROBE_GET, organisation=organisation, id=probe_id)
        return rows.probe_of(found[0]) if found else None

    def put(self, probe: Probe) -> None:
        self._run(sql.PROBE_DELETE, organisation=probe.organisation, id=probe.id)
        self._run(sql.PROBE_INSERT, **rows.probe_row(probe))

    def open(self) -> list[Probe]:
        return [rows.probe_of(row) for row in self._run(sql.PROBES_OPEN)]

    def last(self, organisation: str, credential: str) -> Probe | None:
        found = self._run(sql.PROBE_LAST, organisation=organisation, of_credential=credential)
        return rows.probe_of(found[0]) if found else None

    def forget(self, before_ms: int) -> int:
        return len(self._run(sql.PROBE_FORGET, before=before_ms))


class SqlTables:
    """`Tables` in the transaction that `run` is bound to."""

    def __init__(self, run: Run) -> None:
        self.organisations = SqlOrganisations(run)
        self.apps = SqlApps(run)
        self.credentials = SqlCredentials(run)
        self.requests = SqlRequests(run)
        self.versions = SqlVersions(run)
        self.keys = SqlKeys(run)
        self.audit = SqlAudit(run)
        self.snapshots = SqlSnapshots(run)
        self.stops = SqlStops(run)
        self.ramps = SqlRamps(run)
        self.holds = SqlHolds(run)
        self.callbacks = SqlCallbacks(run)
        self.courses = SqlCourses(run)
        self.probes = SqlProbes(run)
        self.healths = SqlHealths(run)
        self.notices = SqlNotices(run)
        self.mails = SqlMails(run)
        self.sealed = SqlSealed(run)
        self.people = SqlPeople(run)
        self.passkeys = SqlPasskeys(run)
        self.sessions = SqlSessions(run)
        self.invitations = SqlInvitations(run)
        self.tallies = SqlTallies(run)
