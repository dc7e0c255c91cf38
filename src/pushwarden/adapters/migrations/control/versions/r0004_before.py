"""Keep what a credential has from a certificate request."""

import sqlalchemy as sa
from alembic import op

revision = "0004_before"
down_revision = "0003_before"


def upgrade() -> None:
    with op.batch_alter_table("credential", schema=None) as batch_op:
        batch_op.add_column(sa.Column("request", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("certificate", sa.Text(), server_default="", nullable=False))
