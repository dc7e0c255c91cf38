"""Keep what was configured for an app."""

import sqlalchemy as sa
from alembic import op

revision = "0010_before"
down_revision = "0009_before"


def upgrade() -> None:
    op.create_table(
        "app_version",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("restored", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("configuration", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "app", "number"),
        sqlite_strict=True,
    )
