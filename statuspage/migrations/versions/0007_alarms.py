"""heartbeats, alarms, and the receipt's index."""

import sqlalchemy as sa
from alembic import op


revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "heartbeat",
        sa.Column("process", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(length=48), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("troubles", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("process", "part", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "alarm",
        sa.Column("about", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("announcement_ids", sa.JSON(), nullable=False),
        sa.Column("quiet_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
        sa.UniqueConstraint("public_id", name=op.f("uq_alarm_public_id")),
    )
    op.create_index(
        "uq_alarm_open",
        "alarm",
        ["about"],
        unique=True,
        sqlite_where=sa.text("over_at IS NULL"),
        postgresql_where=sa.text("over_at IS NULL"),
    )
    op.drop_index("ix_delivery_announcement_state", table_name="delivery")
    op.create_index("ix_delivery_receipt", "delivery", ["announcement_id", "state", "channel", "settled_at"])


def downgrade() -> None:
    """Back."""
    op.drop_index("ix_delivery_receipt", table_name="delivery")
    op.create_index("ix_delivery_announcement_state", "delivery", ["announcement_id", "state"])
    op.drop_table("alarm")
    op.drop_table("heartbeat")
