"""Publishing: the configuration the data plane may see, whole, in the transaction of the change that made it."""

from __future__ import annotations

from pushwarden.core.app import Snapshot
from pushwarden.ports.catalog import Tables


def publish(tables: Tables) -> int:
    """Stores the next Snapshot from what the tables hold now; its version."""
    apps = {(app.organisation, app.id): app for app in tables.apps.all()}
    credentials = {(c.organisation, c.app, c.environment, c.provider): c for c in tables.credentials.active()}
    snapshot = Snapshot(tables.snapshots.version() + 1, apps, credentials)
    tables.snapshots.put(snapshot)
    return snapshot.version
