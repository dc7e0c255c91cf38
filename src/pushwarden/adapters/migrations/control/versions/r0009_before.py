"""Count attempts by minute and hour."""

import sqlalchemy as sa
from alembic import op

revision = "0009_before"
down_revision = "0008_before"


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("amounts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "app", "environment", "step", "at", "provider"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("tally", schema=None) as batch_op:
        batch_op.create_index("tally_at", ["step", "at"], unique=False)

    op.create_table(
        "tally_seen",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sender"),
        sqlite_strict=True,
    )
