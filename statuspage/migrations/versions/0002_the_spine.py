"""delivery by ranges, holds, breakers."""

import sqlalchemy as sa
from alembic import op


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "breaker",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_breaker")),
    )
    with op.batch_alter_table("announcement", schema=None) as batch_op:
        batch_op.add_column(sa.Column("corrects_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_announcement_corrects_id"), ["corrects_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_announcement_corrects_id_announcement"), "announcement", ["corrects_id"], ["id"]
        )
    op.create_table(
        "shard",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("announcement_id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("owed", sa.Integer(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("is_doubtful", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("lease_token", sa.String(length=12), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["announcement_id"], ["announcement.id"], name=op.f("fk_shard_announcement_id_announcement")
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_shard_incident_id_incident")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shard")),
        sa.UniqueConstraint("announcement_id", "channel", "rank", name=op.f("uq_shard_announcement_id_channel_rank")),
    )
    with op.batch_alter_table("shard", schema=None) as batch_op:
        batch_op.create_index("ix_shard_open", ["channel", "rank", "id"], unique=False, **_where(OPEN))
        batch_op.create_index("ix_shard_order", ["incident_id", "rank"], unique=False, **_where(OPEN))
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_doubtful", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.drop_constraint("uq_delivery_announcement_id_staff_user_id_channel", type_="unique")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.alter_column("is_doubtful", server_default=None)
        batch_op.create_index(
            "uq_delivery_staff", ["announcement_id", "staff_user_id", "channel"], unique=True, **_where(TO_STAFF)
        )
    # What waited in the bulk lane already has a row of its own, as only retries have from now on.
    op.execute("UPDATE delivery SET lane = 'retry' WHERE lane = 'bulk' AND state IN ('pending', 'leased')")
    op.execute("UPDATE delivery SET address = '' WHERE subscriber_id IS NOT NULL")


def downgrade() -> None:
    """Back."""
    op.execute(
        "UPDATE delivery SET address = (SELECT address FROM subscriber WHERE subscriber.id = delivery.subscriber_id)"
        " WHERE subscriber_id IS NOT NULL"
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("uq_delivery_staff", **_where(TO_STAFF))
        batch_op.drop_column("is_doubtful")
        batch_op.create_unique_constraint(
            "uq_delivery_announcement_id_staff_user_id_channel", ["announcement_id", "staff_user_id", "channel"]
        )
    op.drop_table("shard")
    with op.batch_alter_table("announcement", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_announcement_corrects_id_announcement"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_announcement_corrects_id"))
        for column in ("withdrawn_at", "stopped_at", "held_until", "corrects_id"):
            batch_op.drop_column(column)
    op.drop_table("breaker")


OPEN = "closed_at IS NULL"
TO_STAFF = "staff_user_id IS NOT NULL"


def _where(condition: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
