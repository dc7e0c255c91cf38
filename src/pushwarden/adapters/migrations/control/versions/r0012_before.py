"""Add ramps."""

import sqlalchemy as sa
from alembic import op

revision = "0012_before"
down_revision = "0011_before"


def upgrade() -> None:
    op.create_table(
        "ramp",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step_ms", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("most_refused", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("step_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("accepted", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("refused", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ended_at", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("ramp", schema=None) as batch_op:
        batch_op.create_index("ramp_id", ["id"], unique=True)
