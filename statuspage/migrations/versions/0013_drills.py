"""drills: scripts, stages, players and injects."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True)
OF_STAGES = "page_id IN (SELECT id FROM page WHERE stage_pace IS NOT NULL)"


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stage_pace", sa.Float(), nullable=True))
    op.create_table(
        "drill_script",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=12), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name="fk_drill_script_page_id_page"),
        sa.PrimaryKeyConstraint("id", name="pk_drill_script"),
        sa.UniqueConstraint("page_id", "name", name="uq_drill_script_page_id_name"),
        sa.UniqueConstraint("public_id", name="uq_drill_script_public_id"),
    )
    op.create_table(
        "drill_player",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("staff_user_id", sa.Integer(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["stage_id"], ["page.id"], name="fk_drill_player_stage_id_page"),
        sa.ForeignKeyConstraint(["staff_user_id"], ["staff_user.id"], name="fk_drill_player_staff_user_id_staff_user"),
        sa.PrimaryKeyConstraint("id", name="pk_drill_player"),
        sa.UniqueConstraint("stage_id", "staff_user_id", name="uq_drill_player_stage_id_staff_user_id"),
    )
    op.create_table(
        "drill",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=12), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("script", sa.Text(), nullable=False),
        sa.Column("started_at", instant, nullable=False),
        sa.Column("started_by_id", sa.Integer(), nullable=True),
        sa.Column("over_at", instant, nullable=False),
        sa.Column("ended_at", instant, nullable=True),
        sa.Column("ending", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name="fk_drill_page_id_page"),
        sa.ForeignKeyConstraint(["stage_id"], ["page.id"], name="fk_drill_stage_id_page"),
        sa.ForeignKeyConstraint(["started_by_id"], ["staff_user.id"], name="fk_drill_started_by_id_staff_user"),
        sa.PrimaryKeyConstraint("id", name="pk_drill"),
        sa.UniqueConstraint("public_id", name="uq_drill_public_id"),
        sa.UniqueConstraint("stage_id", name="uq_drill_stage_id"),
    )
    op.create_index("ix_drill_page_started", "drill", ["page_id", "started_at"])
    is_running = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_drill_running", "drill", ["page_id"], unique=True, sqlite_where=is_running, postgresql_where=is_running
    )
    op.create_table(
        "drill_inject",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("drill_id", sa.Integer(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("voice", sa.String(length=40), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("shown_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["drill_id"], ["drill.id"], name="fk_drill_inject_drill_id_drill"),
        sa.PrimaryKeyConstraint("id", name="pk_drill_inject"),
    )
    op.create_index("ix_drill_inject_drill_id", "drill_inject", ["drill_id"])


def downgrade() -> None:
    """Back. What was rehearsed stays in the record, taken off every page, and nobody is chased for it any more."""
    op.execute(
        "UPDATE incident SET hidden_at = COALESCE(hidden_at, updated_at), next_update_due_at = NULL, "
        f"next_look_at = NULL WHERE {OF_STAGES}"
    )
    op.execute("UPDATE announcement SET kind = 'alarm' WHERE kind = 'drill'")
    op.drop_table("drill_inject")
    op.drop_table("drill")
    op.drop_table("drill_player")
    op.drop_table("drill_script")
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.drop_column("stage_pace")
