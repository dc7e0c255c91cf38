"""Columns as all tables have them: never NULL unless that is said."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, Text


def words(name: str, *, key: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False, server_default=default)


def number(name: str, *, key: bool = False, null: bool = False, default: str | None = None) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=null, autoincrement=False, server_default=default)


def blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)
