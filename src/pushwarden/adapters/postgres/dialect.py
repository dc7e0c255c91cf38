"""How the tables and statements written for SQLite are said to PostgreSQL; the revisions and the catalog share it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Computed, PrimaryKeyConstraint, Table
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler, PGTypeCompiler
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.schema import CreateIndex

URL = "postgresql+pushwarden://"
SAID = {"substr(token, -8)": "substr(token, length(token) - 7)"}
"""Expressions of computed columns: a negative start counts from the end in SQLite alone."""

NUMBERED = ("failure_push", "push_organisation", "push_place")
"""Indexes read in the order of the rows' numbers, which SQLite's end with by themselves."""
INCLUDED = {"device": "token, state"}
"""What a page reads stands in the key's index: the rows are in the order of arrival, all audiences mixed (measured: a
page of 2,048 in one of fifty audiences 0.7 ms, 7 ms from the rows)."""
STORED = {
    "audience": "fillfactor = 50",
    "device": "fillfactor = 90",
    "push": "fillfactor = 70",
    "sender": "fillfactor = 50",
    "shard": "fillfactor = 50, toast_tuple_target = 4096",
}
"""Room for a row's next version on its own page; a shard's bitmaps stay in its row, which each mark writes whole."""


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

    def visit_create_index(self, create: CreateIndex, *args: Any, **kw: Any) -> str:
        written = str(super().visit_create_index(create, *args, **kw))  # type: ignore[no-untyped-call]
        return written.replace(")", ", number)", 1) if create.element.name in NUMBERED else written

    def visit_primary_key_constraint(self, constraint: PrimaryKeyConstraint, **kw: Any) -> str:
        written = str(super().visit_primary_key_constraint(constraint, **kw))  # type: ignore[no-untyped-call]
        included = INCLUDED.get(constraint.table.name)
        return f"{written} INCLUDE ({included})" if included else written

    def post_create_table(self, table: Table) -> str:
        stored = STORED.get(table.name)
        written = str(super().post_create_table(table))  # type: ignore[no-untyped-call]
        return f"{written} WITH ({stored})" if stored else written


class Dialect(PGDialect_psycopg):
    type_compiler_cls = _Types
    ddl_compiler = _Tables
    supports_statement_cache = True


registry.register("postgresql.pushwarden", __name__, "Dialect")
