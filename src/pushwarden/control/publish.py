"""Publishing: the configuration the data plane may see, whole, in the transaction of the change that made it."""

from __future__ import annotations

from pushwarden.control.versions import keep
from pushwarden.core.app import CredentialState, Snapshot
from pushwarden.core.audit import AuditEntry
from pushwarden.ports.catalog import Tables


def publish(tables: Tables, by: AuditEntry, restored: int = 0) -> int:
    """Stores the next Snapshot from what the tables hold now, and the app's next version if it changed.

    by: the change, with its app; restored: the version it brings back. Gives the Snapshot's version.
    """
    credentials = tables.credentials.in_state(CredentialState.ACTIVE, CredentialState.STANDBY)
    snapshot = Snapshot.of(tables.snapshots.version() + 1, tables.apps.all(), credentials)
    tables.snapshots.put(snapshot)
    keep(tables, by, restored)
    return snapshot.version
