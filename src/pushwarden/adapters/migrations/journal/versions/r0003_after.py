"""Drop the index of ready shards that is not by lane."""

import sqlalchemy as sa
from alembic import op

revision = "0003_after"
down_revision = "0002_before"


def upgrade() -> None:
    with op.batch_alter_table("shard", schema=None) as batch_op:
        batch_op.drop_index(
            "shard_ready",
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )
