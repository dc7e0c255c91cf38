"""Search the audit by what its entries say."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011_before"
down_revision = "0010_before"


def upgrade() -> None:
    op.create_table(
        "audit_facet",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("entries", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("refused", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "kind", "value"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("environment", sa.Text(), server_default="", nullable=False))
        batch_op.create_index("audit_action", ["organisation", "action", "sequence"], unique=False)
        batch_op.create_index("audit_actor", ["organisation", "actor", "sequence"], unique=False)
        batch_op.create_index("audit_app", ["organisation", "app", "sequence"], unique=False)
        batch_op.create_index("audit_outcome", ["organisation", "outcome", "sequence"], unique=False)
        batch_op.create_index("audit_target", ["organisation", "target", "sequence"], unique=False)
    _count(op.get_bind())


_INTO = (
    "INSERT INTO audit_facet (organisation, kind, value, label, entries, refused, first, last)"
    " VALUES (:o, :k, :v, :label, :entries, :refused, :first, :last)"
)


def _count(connection: sa.Connection) -> None:
    """What was written before: its environment, and how often each value stands there."""
    rows = connection.execute(sa.text("SELECT organisation, sequence, body FROM audit ORDER BY organisation, sequence"))
    counts: Counter[tuple[str, str, str]] = Counter()
    places: dict[tuple[str, str, str], tuple[int, int, str, int]] = {}
    environments: list[dict[str, Any]] = []
    for organisation, sequence, body in rows:
        said = json.loads(bytes(body))
        _, app, environment, *_ = said["scope"].split("/")
        if environment:
            environments.append({"o": organisation, "s": sequence, "e": environment})
        day = datetime.fromtimestamp(said["at"] / 1000, UTC).date().isoformat()
        name = str(said["extra"].get("actor_name", ""))
        for kind, value, label in (
            ("day", day, ""),
            ("actor", said["actor"], name),
            ("action", said["action"], ""),
            ("outcome", said["outcome"], ""),
            *([("app", app, "")] if app else []),
        ):
            key = organisation, kind, value
            counts[key] += 1
            first, _, _, refused = places.get(key, (sequence, 0, "", 0))
            places[key] = first, sequence, label, refused + (said["outcome"] != "done")
    if environments:
        given = "UPDATE audit SET environment = :e WHERE organisation = :o AND sequence = :s"
        connection.execute(sa.text(given), environments)
    if counts:
        connection.execute(
            sa.text(_INTO),
            [
                {"o": o, "k": k, "v": v, "label": label, "entries": n, "refused": refused, "first": first, "last": last}
                for (o, k, v), n in counts.items()
                for first, last, label, refused in [places[o, k, v]]
            ],
        )
