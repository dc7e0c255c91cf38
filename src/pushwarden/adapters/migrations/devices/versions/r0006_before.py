"""Keep what imports came to."""

import sqlalchemy as sa
from alembic import op

revision = "0006_before"
down_revision = "0005_before"


def upgrade() -> None:
    op.create_table(
        "import_report",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("app", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("errors", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("import_report", schema=None) as batch_op:
        batch_op.create_index("import_report_place", ["organisation", "app", "environment", "id"], unique=True)
