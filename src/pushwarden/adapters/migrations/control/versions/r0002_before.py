"""Keep callbacks and how far each was told."""

import sqlalchemy as sa
from alembic import op

revision = "0002_before"
down_revision = "0001_before"


def upgrade() -> None:
    op.create_table(
        "callback",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("environments", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ended", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("previous_until", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("callback", schema=None) as batch_op:
        batch_op.create_index("callback_app", ["organisation", "app"], unique=False)

    op.create_table(
        "callback_delivery",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("callback", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ms", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "callback", "number"),
        sqlite_strict=True,
    )
    op.create_table(
        "callback_message",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("callback", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("due_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gave_up", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trial", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "callback", "id"),
        sqlite_strict=True,
    )
    op.create_table(
        "callback_place",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("callback", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "callback", "source"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "callback_waiting",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("callback", sa.Text(), nullable=False),
        sa.Column("push", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "callback", "push"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
