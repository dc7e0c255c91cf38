"""Keep up to which number an audience is proven."""

import sqlalchemy as sa
from alembic import op

revision = "0002_before"
down_revision = "0001_before"


def upgrade() -> None:
    with op.batch_alter_table("audience", schema=None) as batch_op:
        batch_op.add_column(sa.Column("proven_seq", sa.Integer(), server_default=sa.text("0"), nullable=False))
