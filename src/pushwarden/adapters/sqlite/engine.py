"""SQLite as every store here uses it: one writer thread a process and file, readers beside it, chores checkpoint."""

from pushwarden.adapters.sqlite.checkpoint import Checkpoint, checkpoint
from pushwarden.adapters.sqlite.driver import open_database, sqlite3, translated
from pushwarden.adapters.sqlite.reader import Reader
from pushwarden.adapters.sqlite.writer import Reserve, Writer

__all__ = ["Checkpoint", "Reader", "Reserve", "Writer", "checkpoint", "open_database", "sqlite3", "translated"]
