"""Organisations: whose apps, keys and audit it is. `default` exists from the start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Organisation:
    """`id` is a slug, unique in the installation. created_at is Unix milliseconds.

    admin_credentials: only admins touch credentials; operators do everything else of theirs.
    """

    id: str
    name: str
    version: int = 1
    created_at: int = 0
    admin_credentials: bool = False
