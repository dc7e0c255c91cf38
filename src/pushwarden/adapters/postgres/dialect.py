"""How the tables and statements written for SQLite are said to PostgreSQL; the revisions and the catalog share it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Computed
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler, PGTypeCompiler
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

URL = "postgresql+pushwarden://"
SAID = {"substr(token, -8)": "substr(token, length(token) - 7)"}
"""Expressions of computed columns: a negative start counts from the end in SQLite alone."""


class _Types(PGTypeCompiler):
    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:  # noqa: N802  SQLAlchemy's name
        """SQLite's INTEGER has 64 bits, and milliseconds need them."""
        return "BIGINT"


class _Tables(PGDDLCompiler):
    def get_column_specification(self, column: Column[Any], **kw: Any) -> str:
        written: str = super().get_column_specification(column, **kw)  # type: ignore[no-untyped-call]
        return written.replace(" SERIAL", " BIGSERIAL")

    def visit_computed_column(self, generated: Computed, **kw: Any) -> str:
        """Stored: before version 18 PostgreSQL has no others, and it indexes no others."""
        expression = str(generated.sqltext)
        return f"GENERATED ALWAYS AS ({SAID.get(expression, expression)}) STORED"


class Dialect(PGDialect_psycopg):
    type_compiler_cls = _Types
    ddl_compiler = _Tables
    supports_statement_cache = True


registry.register("postgresql.pushwarden", __name__, "Dialect")
