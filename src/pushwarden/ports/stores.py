"""Where everything is kept, as one process opens it: files on this machine, or a database server."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pushwarden.core.app import Snapshot
from pushwarden.ports.catalog import Catalog
from pushwarden.ports.census import Counts
from pushwarden.ports.devices import Devices, Registry
from pushwarden.ports.directory import Directory
from pushwarden.ports.imports import Imports
from pushwarden.ports.invalidations import Invalidations
from pushwarden.ports.journal import Accepts, Journal
from pushwarden.ports.outcomes import Outcomes
from pushwarden.ports.records import Records


class CannotCopy(Exception):
    """The stores cannot be copied, or a copy cannot be put back."""


class Snapshots(Protocol):
    async def load_if_newer(self, version: int) -> Snapshot | None:
        """The published Snapshot when its version is above this one. Cheap. Busy when it cannot be read now."""
        ...


class DeviceStore(Devices, Registry, Directory, Counts, Invalidations, Imports, Protocol):
    """Every side of the devices."""


class JournalStore(Accepts, Journal, Outcomes, Records, Protocol):
    """Every side of the journal."""


class Stores(Protocol):
    """Each part is opened when it is first asked for."""

    @property
    def catalog(self) -> Catalog: ...
    @property
    def snapshots(self) -> Snapshots: ...
    @property
    def devices(self) -> DeviceStore: ...
    @property
    def journal(self) -> JournalStore: ...

    async def close(self) -> None:
        """Every part that was opened."""
        ...


class Keeping(Protocol):
    """What is done to the stores as a whole. Every method blocks."""

    name: str

    def migrate(self, phase: str = "after") -> list[str]:
        """Brings them to this version; what was done, a line each. NewerDatabase when they are ahead of it."""
        ...

    def revisions(self) -> dict[str, str | None]:
        """Database → the revision it is at, None when it is not there. Changes nothing."""
        ...

    def health(self) -> list[tuple[str, bool, str]]:
        """What an operator should know: (name, good, sentence)."""
        ...

    def tidy(self) -> None:
        """Once a second, by one process."""
        ...

    def dump(self, folder: Path) -> list[Path]:
        """Copies everything into the folder while it is in use; the files. CannotCopy says what is missing."""
        ...

    def load(self, folder: Path) -> None:
        """Brings such a copy into empty stores. CannotCopy when they are not empty."""
        ...
