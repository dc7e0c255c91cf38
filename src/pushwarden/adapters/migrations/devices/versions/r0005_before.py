"""Count devices by version, and what came and went by day."""

import sqlalchemy as sa
from alembic import op

revision = "0005_before"
down_revision = "0004_before"


def upgrade() -> None:
    op.create_table(
        "census",
        sa.Column("audience", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("app_version", sa.Text(), nullable=False),
        sa.Column("build", sa.Text(), nullable=False),
        sa.Column("test", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("live", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gone", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("audience", "app_version", "build", "test"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "churn",
        sa.Column("audience", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("audience", "day", "what"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "noted",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("invalidation", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "pulse",
        sa.Column("audience", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unproven", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counted_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("took_ms", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("audience"),
    )
