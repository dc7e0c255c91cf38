"""The catalog's sealed columns over SQL, one table of them: a new sealed column gets a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Column, Table, bindparam, func, literal_column, select, tuple_

from pushwarden.adapters import rows_control as rows
from pushwarden.adapters.statements import Run
from pushwarden.adapters.tables_control import callback, credential, credential_request
from pushwarden.ports.sealed import HEAD, Blob, Place


class _Column:
    """Statements of one column, built once. label: of a row, what its blob is sealed to."""

    def __init__(self, column: Column[bytes], label: Callable[[rows.Row], str]) -> None:
        table: Table = column.table
        self.name, self.label = column.name, label
        head = func.substr(column, literal_column("1"), literal_column(str(HEAD)))
        row = tuple_(table.c.organisation, table.c.app, table.c.id)
        after = tuple_(bindparam("organisation"), bindparam("app"), bindparam("id"))
        self.counts = (
            select(head.label("head"), func.count().label("number")).where(func.length(column) > 0).group_by(head)
        )
        self.page = (
            select(table).where(head == bindparam("head"), row > after).order_by(*row.clauses).limit(bindparam("most"))
        )
        self.replace = (
            table.update()
            .where(row == after, column == bindparam("old"))
            .values({column: bindparam("new")})
            .returning(table.c.id)
        )


_COLUMNS = {
    Place.CREDENTIAL: _Column(credential.c.sealed, lambda row: rows.credential_of(row).sealed_under),
    Place.REQUEST: _Column(credential_request.c.sealed, lambda row: rows.request_of(row).label),
    Place.CALLBACK: _Column(callback.c.sealed, lambda row: rows.callback_of(row).label),
    Place.CALLBACK_PREVIOUS: _Column(callback.c.previous, lambda row: rows.callback_of(row).label),
}


class SqlSealed:
    def __init__(self, run: Run) -> None:
        self._run = run

    def counts(self, place: Place) -> Mapping[bytes, int]:
        return {bytes(row["head"]): row["number"] for row in self._run(_COLUMNS[place].counts)}

    def page(self, place: Place, head: bytes, after: tuple[str, str, str], limit: int) -> list[Blob]:
        column = _COLUMNS[place]
        found = self._run(column.page, head=head, most=limit, **_named(after))
        return [
            Blob(place, row["organisation"], row["app"], row["id"], column.label(row), bytes(row[column.name]))
            for row in found
        ]

    def replace(self, blob: Blob, sealed: bytes) -> bool:
        return bool(self._run(_COLUMNS[blob.place].replace, old=blob.sealed, new=sealed, **_named(blob.row)))


def _named(row: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("organisation", "app", "id"), row, strict=True))
