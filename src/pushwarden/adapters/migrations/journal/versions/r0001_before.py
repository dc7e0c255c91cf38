"""Make the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0001_before"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "failure",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("push", sa.Text(), nullable=False),
        sa.Column("audience", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("failure", schema=None) as batch_op:
        batch_op.create_index("failure_push", ["push"], unique=False)

    op.create_table(
        "idempotency",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("push", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "app", "environment", "key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index("idempotency_at", ["at"], unique=False)

    op.create_table(
        "push",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("expires_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("not_before", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("collapse_id", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("cohort", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("audience_note", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("next_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("planned", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("accepted", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("refused", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unknown", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("expired", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stopped", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("withdrawn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("finished_at", sa.Integer(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("push", schema=None) as batch_op:
        batch_op.create_index("push_id", ["id"], unique=True)
        batch_op.create_index(
            "push_open",
            ["organisation", "app", "environment", "accepted_at"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index("push_place", ["organisation", "app", "environment"], unique=False)

    op.create_table(
        "refusal",
        sa.Column("push", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("push", "reason"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "roster",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("shard"),
        sqlite_strict=True,
    )
    op.create_table(
        "sender",
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("renewed_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("seat"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shard",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("push", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("audience", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lo", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("width", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("crashes", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("frozen", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("planned", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("issued", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("moved", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("accepted", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("refused", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unknown", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("expired", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stopped", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("withdrawn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("done", sa.LargeBinary(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("shard", schema=None) as batch_op:
        batch_op.create_index(
            "shard_claimed",
            ["holder"],
            unique=False,
            sqlite_where=sa.text("state = 'claimed'"),
            postgresql_where=sa.text("state = 'claimed'"),
        )
        batch_op.create_index(
            "shard_held",
            ["push"],
            unique=False,
            sqlite_where=sa.text("state = 'held'"),
            postgresql_where=sa.text("state = 'held'"),
        )
        batch_op.create_index("shard_no", ["push", "no"], unique=True)
        batch_op.create_index(
            "shard_ready",
            ["rank", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )
