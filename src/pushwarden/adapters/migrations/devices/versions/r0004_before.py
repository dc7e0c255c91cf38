"""Find test devices."""

import sqlalchemy as sa
from alembic import op

revision = "0004_before"
down_revision = "0003_before"


def upgrade() -> None:
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.create_index(
            "device_test",
            ["audience", "seq"],
            unique=False,
            sqlite_where=sa.text("test > 0"),
            postgresql_where=sa.text("test > 0"),
        )
