"""Publishing: the configuration the data plane may see, whole, in the transaction of the change that made it."""

from __future__ import annotations

from pushwarden.core.app import CredentialState, Snapshot
from pushwarden.ports.catalog import Tables


def publish(tables: Tables) -> int:
    """Stores the next Snapshot from what the tables hold now; its version."""
    credentials = tables.credentials.in_state(CredentialState.ACTIVE, CredentialState.STANDBY)
    snapshot = Snapshot.of(tables.snapshots.version() + 1, tables.apps.all(), credentials)
    tables.snapshots.put(snapshot)
    return snapshot.version
