"""Add the mails that notices send."""

import sqlalchemy as sa
from alembic import op

revision = "0005_before"
down_revision = "0004_before"


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("due_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("gave_up", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "id"),
        sqlite_strict=True,
    )
