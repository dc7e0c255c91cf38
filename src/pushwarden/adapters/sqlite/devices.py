"""devices.db: the registry people and backends write, and the columns a sender reads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import cached_property, partial
from itertools import batched_ as batched
from pathlib import Path

from pushwarden.core.errors import NotFound
