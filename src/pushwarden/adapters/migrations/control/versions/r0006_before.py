"""Count the changes of a slot."""

import sqlalchemy as sa
from alembic import op

revision = "0006_before"
down_revision = "0005_before"


def upgrade() -> None:
    with op.batch_alter_table("credential", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("revision", sa.Integer(), server_default="1", autoincrement=False, nullable=False)
        )
