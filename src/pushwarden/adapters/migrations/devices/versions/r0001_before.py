"""Keep devices."""

import sqlalchemy as sa
from alembic import op

revision = "0001_before"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audience",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("token_kind", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("audience", schema=None) as batch_op:
        batch_op.create_index(
            "audience_place", ["organisation", "app", "environment", "provider", "token_kind"], unique=True
        )

    op.create_table(
        "device",
        sa.Column("audience", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("installation", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("app_version", sa.Text(), nullable=False),
        sa.Column("build", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("test", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("registered_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gone_at", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("gone_reason", sa.Text(), nullable=True),
        sa.Column("doubt_at", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token_end", sa.LargeBinary(), sa.Computed("substr(token, -8)", persisted=False), nullable=True),
        sa.PrimaryKeyConstraint("audience", "seq"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.create_index(
            "device_gone",
            ["audience", "gone_at"],
            unique=False,
            sqlite_where=sa.text("state = 1"),
            postgresql_where=sa.text("state = 1"),
        )
        batch_op.create_index("device_installation", ["audience", "installation"], unique=True)
        batch_op.create_index(
            "device_person",
            ["audience", "person"],
            unique=False,
            sqlite_where=sa.text("person <> ''"),
            postgresql_where=sa.text("person <> ''"),
        )
        batch_op.create_index("device_token", ["audience", "token_end"], unique=False)
