"""components have uptime targets, and staff who asked for it get a report of each month."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("component", schema=None) as batch_op:
        batch_op.add_column(sa.Column("uptime_target", sa.Float(), nullable=True))
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wants_report", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.alter_column("wants_report", existing_type=sa.Boolean(), server_default=None)
    op.create_table(
        "monthly_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("announcement_id", sa.Integer(), nullable=True),
        sa.Column("created_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name="fk_monthly_report_page_id_page"),
        sa.ForeignKeyConstraint(
            ["announcement_id"], ["announcement.id"], name="fk_monthly_report_announcement_id_announcement"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_monthly_report"),
        sa.UniqueConstraint("page_id", "month", name="uq_monthly_report_page_id_month"),
    )


def downgrade() -> None:
    """Back. A report that was sent stays in the ledger, under a name that older code knows."""
    op.execute("UPDATE announcement SET kind = 'alarm' WHERE kind = 'report'")
    op.drop_table("monthly_report")
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.drop_column("wants_report")
    with op.batch_alter_table("component", schema=None) as batch_op:
        batch_op.drop_column("uptime_target")
