"""where imported records came from."""

import sqlalchemy as sa
from alembic import op


revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


TABLES = ("component_group", "component", "incident", "subscriber")


def upgrade() -> None:
    """Forward."""
    for table in TABLES:
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column("imported_from", sa.String(length=300), nullable=True))
            batch_op.add_column(sa.Column("imported_digest", sa.String(length=80), nullable=True))


def downgrade() -> None:
    """Back."""
    for table in reversed(TABLES):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column("imported_digest")
            batch_op.drop_column("imported_from")
