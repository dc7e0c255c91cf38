"""Let an app be tried before it goes live."""

import sqlalchemy as sa
from alembic import op

revision = "0007_before"
down_revision = "0006_before"


def upgrade() -> None:
    with op.batch_alter_table("app", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trial", sa.Integer(), server_default="0", autoincrement=False, nullable=False))
