"""keys of the management API, and what its clients may set."""

import sqlalchemy as sa
from alembic import op


revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "api_key",
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("handle", sa.String(length=8), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("allows_query", sa.Boolean(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_in_query_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["staff_user.id"], name=op.f("fk_api_key_created_by_id_staff_user")),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_api_key_page_id_page")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("handle", name=op.f("uq_api_key_handle")),
        sa.UniqueConstraint("public_id", name=op.f("uq_api_key_public_id")),
    )
    with op.batch_alter_table("component", schema=None) as batch_op:
        batch_op.add_column(sa.Column("showcase", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("start_date", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("only_show_if_degraded", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
        # Two groups may each have a component of the same name, and a name is free again once it is archived.
        batch_op.drop_constraint("uq_component_page_id_name", type_="unique")
        batch_op.create_index("ix_component_page_name", ["page_id", "name"], unique=False)
    with op.batch_alter_table("component_group", schema=None) as batch_op:
        batch_op.add_column(sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("is_backfilled", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("client_data", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("reminder_intervals", sa.String(length=80), nullable=True))
        batch_op.alter_column("title", existing_type=sa.String(length=200), type_=sa.String(length=255))
    for table, columns in DEFAULTED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.alter_column("title", existing_type=sa.String(length=255), type_=sa.String(length=200))
        for column in ("reminder_intervals", "client_data", "is_backfilled", "hidden_at"):
            batch_op.drop_column(column)
    with op.batch_alter_table("component_group", schema=None) as batch_op:
        batch_op.drop_column("edited_at")
    with op.batch_alter_table("component", schema=None) as batch_op:
        batch_op.drop_index("ix_component_page_name")
        batch_op.create_unique_constraint("uq_component_page_id_name", ["page_id", "name"])
        for column in ("edited_at", "only_show_if_degraded", "start_date", "showcase"):
            batch_op.drop_column(column)
    op.drop_table("api_key")


DEFAULTED = {"component": ("showcase", "only_show_if_degraded"), "incident": ("is_backfilled", "client_data")}
