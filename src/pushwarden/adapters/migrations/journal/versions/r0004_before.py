"""Keep when pushes were handed over, who was named, and what devices say."""

import sqlalchemy as sa
from alembic import op

revision = "0004_before"
down_revision = "0003_after"


def upgrade() -> None:
    op.create_table(
        "signal",
        sa.Column("push", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("audience", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("push", "kind", "audience", "seq"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("signal", schema=None) as batch_op:
        batch_op.create_index("signal_at", ["at"], unique=False)

    op.create_table(
        "signal_block",
        sa.Column("push", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("audience", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.Column("devices", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("push", "kind", "audience", "block"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("signal_block", schema=None) as batch_op:
        batch_op.create_index("signal_block_at", ["last_at"], unique=False)

    with op.batch_alter_table("failure", schema=None) as batch_op:
        batch_op.create_index("failure_device", ["audience", "seq"], unique=False)

    with op.batch_alter_table("push", schema=None) as batch_op:
        batch_op.add_column(sa.Column("source", sa.Text(), server_default="api", nullable=False))
        batch_op.add_column(sa.Column("addressed", sa.LargeBinary(), nullable=True))
        batch_op.add_column(
            sa.Column("handed_at", sa.Integer(), server_default="0", autoincrement=False, nullable=False)
        )
        batch_op.add_column(
            sa.Column("first_at", sa.Integer(), server_default="0", autoincrement=False, nullable=False)
        )
        batch_op.add_column(sa.Column("last_at", sa.Integer(), server_default="0", autoincrement=False, nullable=False))
        batch_op.create_index("push_organisation", ["organisation"], unique=False)
