"""the chase knows when to look again, stands still by a word, and asks calendars who is on duty."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STANDS = "ended_at IS NULL"

instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "chase_pause",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("staff_user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("promise_due_at", instant, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("until", instant, nullable=False),
        sa.Column("ended_at", instant, nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name="fk_chase_pause_incident_id_incident"),
        sa.ForeignKeyConstraint(["staff_user_id"], ["staff_user.id"], name="fk_chase_pause_staff_user_id_staff_user"),
        sa.PrimaryKeyConstraint("id", name="pk_chase_pause"),
        sa.UniqueConstraint("public_id", name="uq_chase_pause_public_id"),
    )
    op.create_index("ix_chase_pause_incident_id", "chase_pause", ["incident_id"])
    op.create_index(
        "uq_chase_pause_standing",
        "chase_pause",
        ["incident_id"],
        unique=True,
        sqlite_where=sa.text(STANDS),
        postgresql_where=sa.text(STANDS),
    )
    op.create_table(
        "oncall_feed",
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(length=800), nullable=False),
        sa.Column("shifts", sa.JSON(), nullable=False),
        sa.Column("strangers", sa.JSON(), nullable=False),
        sa.Column("trouble", sa.String(length=300), nullable=False),
        sa.Column("read_at", instant, nullable=True),
        sa.Column("tried_at", instant, nullable=True),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name="fk_oncall_feed_page_id_page"),
        sa.PrimaryKeyConstraint("id", name="pk_oncall_feed"),
        sa.UniqueConstraint("page_id", "role", name="uq_oncall_feed_page_id_role"),
        sa.UniqueConstraint("public_id", name="uq_oncall_feed_public_id"),
    )
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.add_column(sa.Column("next_look_at", instant, nullable=True))
        batch_op.create_index("ix_incident_next_look_at", ["next_look_at"])
    # The clock looks at each of them at its first tick, and knows from then on when to look again.
    op.execute(
        "UPDATE incident SET next_look_at = next_update_due_at"
        " WHERE status <> 'resolved' AND next_update_due_at IS NOT NULL"
    )
    op.execute("UPDATE incident SET next_look_at = created_at WHERE next_look_at IS NOT NULL")
    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cause", sa.String(length=32), nullable=False, server_default="ladder"))
        batch_op.add_column(sa.Column("due_at", instant, nullable=True))
    op.execute("UPDATE reminder SET due_at = created_at")
    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.alter_column("due_at", existing_type=instant, nullable=False)
        batch_op.alter_column("cause", existing_type=sa.String(length=32), server_default=None)
        batch_op.drop_constraint("uq_reminder_incident_id_promise_due_at_step_round_staff_user_id", type_="unique")
        batch_op.create_unique_constraint(
            "uq_reminder_once",
            ["incident_id", "promise_due_at", "cause", "step", "round", "staff_user_id"],
        )


def downgrade() -> None:
    """Back."""
    op.execute("DELETE FROM reminder WHERE cause <> 'ladder'")
    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.drop_constraint(
            "uq_reminder_once", type_="unique"
        )
        batch_op.create_unique_constraint(
            "uq_reminder_incident_id_promise_due_at_step_round_staff_user_id",
            ["incident_id", "promise_due_at", "step", "round", "staff_user_id"],
        )
        batch_op.drop_column("due_at")
        batch_op.drop_column("cause")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_index("ix_incident_next_look_at")
        batch_op.drop_column("next_look_at")
    op.drop_table("oncall_feed")
    op.drop_table("chase_pause")
