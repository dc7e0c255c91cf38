"""Give credentials slots, health, probes, requests and notices."""

import sqlalchemy as sa
from alembic import op

revision = "0003_before"
down_revision = "0002_before"


def upgrade() -> None:
    op.create_table(
        "credential_health",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("health", sa.Text(), nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("checks", sa.Text(), nullable=False),
        sa.Column("proven_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asked_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "credential"),
        sqlite_strict=True,
    )
    op.create_table(
        "credential_notice",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "credential", "what"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "credential_probe",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("done_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("checks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("credential_probe", schema=None) as batch_op:
        batch_op.create_index("credential_probe_open", ["done_at", "asked_at"], unique=False)

    op.create_table(
        "credential_request",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("renews", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "app", "id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("app", schema=None) as batch_op:
        batch_op.add_column(sa.Column("contacts", sa.Text(), server_default="[]", nullable=False))

    with op.batch_alter_table("credential", schema=None) as batch_op:
        batch_op.add_column(sa.Column("slot", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("enabled", sa.Integer(), server_default="1", autoincrement=False, nullable=False))
        batch_op.add_column(
            sa.Column("activated_at", sa.Integer(), server_default="0", autoincrement=False, nullable=False)
        )
        batch_op.add_column(
            sa.Column("previous_until", sa.Integer(), server_default="0", autoincrement=False, nullable=False)
        )
        batch_op.drop_index(batch_op.f("credential_active"), sqlite_where=sa.text("state = 'active'"))
        batch_op.create_index(
            "credential_active_slot",
            ["organisation", "app", "environment", "provider", "slot"],
            unique=True,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )
