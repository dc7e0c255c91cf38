"""Keep people, their roles, passkeys, sessions and invitations."""

import sqlalchemy as sa
from alembic import op

revision = "0008_before"
down_revision = "0007_before"


def upgrade() -> None:
    op.create_table(
        "invitation",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("bindings", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "id"),
        sqlite_strict=True,
    )
    op.create_table(
        "passkey",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("signs", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("used_at", sa.Integer(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("person", "id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("passkey", schema=None) as batch_op:
        batch_op.create_index("passkey_id", ["id"], unique=True)

    op.create_table(
        "person",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("totp", sa.LargeBinary(), nullable=False),
        sa.Column("totp_step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recovery", sa.LargeBinary(), nullable=False),
        sa.Column("theme", sa.Text(), nullable=False),
        sa.Column("density", sa.Text(), nullable=False),
        sa.Column("shortcuts", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("disabled_at", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("last_seen_at", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("created_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index("person_email", ["email"], unique=True)
        batch_op.create_index("person_id", ["id"], unique=True)

    op.create_table(
        "person_role",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "person", "scope", "role"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "session",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fresh_until", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", "id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("admin_credentials", sa.Integer(), server_default="0", autoincrement=False, nullable=False)
        )
