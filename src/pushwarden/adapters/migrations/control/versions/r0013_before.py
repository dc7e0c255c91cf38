"""Keep deleted apps for a week."""

import sqlalchemy as sa
from alembic import op

revision = "0013_before"
down_revision = "0012_before"


def upgrade() -> None:
    with op.batch_alter_table("app", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("deleted_at", sa.Integer(), server_default="0", autoincrement=False, nullable=False)
        )
