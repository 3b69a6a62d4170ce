"""how often a sender may send, and how the networks treat our SMS."""

import sqlalchemy as sa
from alembic import op


revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "pace",
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("free_from", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sender", name=op.f("pk_pace")),
    )
    op.create_table(
        "carrier_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_filtered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier_report")),
    )
    op.create_index(op.f("ix_carrier_report_at"), "carrier_report", ["at"])


def downgrade() -> None:
    """Back."""
    op.drop_index(op.f("ix_carrier_report_at"), "carrier_report")
    op.drop_table("carrier_report")
    op.drop_table("pace")
