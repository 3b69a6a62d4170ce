"""who owes a deadline is reminded of it, and what was settled by mistake is owed again."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "deadline_reminder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deadline_id", sa.Integer(), nullable=False),
        sa.Column("staff_user_id", sa.Integer(), nullable=False),
        sa.Column("announcement_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["deadline_id"], ["deadline.id"], name="fk_deadline_reminder_deadline_id_deadline"),
        sa.ForeignKeyConstraint(
            ["staff_user_id"], ["staff_user.id"], name="fk_deadline_reminder_staff_user_id_staff_user"
        ),
        sa.ForeignKeyConstraint(
            ["announcement_id"], ["announcement.id"], name="fk_deadline_reminder_announcement_id_announcement"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_deadline_reminder"),
        sa.UniqueConstraint("deadline_id", "step", "round", "staff_user_id", name="uq_deadline_reminder_once"),
    )
    op.create_index("ix_deadline_reminder_announcement_id", "deadline_reminder", ["announcement_id"])
    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.add_column(sa.Column("taken_back_at", instant, nullable=True))
    # The clock looks at each incident that owes one at its first tick, and knows from then on when to look again.
    op.execute(
        "UPDATE incident SET next_look_at = created_at WHERE hidden_at IS NULL"
        " AND id IN (SELECT incident_id FROM deadline WHERE done_at IS NULL)"
    )


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.drop_column("taken_back_at")
    op.drop_index("ix_deadline_reminder_announcement_id", table_name="deadline_reminder")
    op.drop_table("deadline_reminder")
