"""Keep what providers said of tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0003_before"
down_revision = "0002_before"


def upgrade() -> None:
    op.create_table(
        "invalidation",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("token_kind", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("installation", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("gone_ms", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("push", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("invalidation", schema=None) as batch_op:
        batch_op.create_index("invalidation_at", ["at"], unique=False)
        batch_op.create_index("invalidation_place", ["organisation", "app", "number"], unique=False)
        batch_op.create_index("invalidation_token", ["token"], unique=False)
