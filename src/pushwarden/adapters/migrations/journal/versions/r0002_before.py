"""Find ready shards by their lane."""

import sqlalchemy as sa
from alembic import op

revision = "0002_before"
down_revision = "0001_before"


def upgrade() -> None:
    with op.batch_alter_table("shard", schema=None) as batch_op:
        batch_op.create_index(
            "shard_lane",
            ["rank", "lane", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )
