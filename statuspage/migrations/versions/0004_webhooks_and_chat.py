"""secrets and proofs of webhook and chat subscribers."""

import sqlalchemy as sa
from alembic import op


revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.alter_column("address", existing_type=sa.String(length=254), type_=sa.String(length=500))
        batch_op.add_column(sa.Column("contact", sa.String(length=254), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("secret_version", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("secret_rotated_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.add_column(sa.Column("push_url", sa.String(length=254), nullable=False, server_default=""))
    channels = '["email", "sms", "webhook", "slack", "teams"]'
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.add_column(sa.Column("public_channels", sa.JSON(), nullable=False, server_default=channels))
    # What is written from now on says it all itself.
    for table, columns in ADDED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    """Back. Addresses longer than before would not fit; they are webhooks, which the older version cannot send to."""
    op.execute("DELETE FROM subscription WHERE subscriber_id IN (SELECT id FROM subscriber WHERE length(address) > 254)")
    op.execute("UPDATE delivery SET subscriber_id = NULL WHERE subscriber_id IN (SELECT id FROM subscriber WHERE length(address) > 254)")
    op.execute("DELETE FROM subscriber WHERE length(address) > 254")
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.drop_column("public_channels")
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.drop_column("push_url")
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        for column in ("secret_rotated_at", "secret_version", "contact"):
            batch_op.drop_column(column)
        batch_op.alter_column("address", existing_type=sa.String(length=500), type_=sa.String(length=254))


ADDED = {"subscriber": ("contact", "secret_version"), "staff_user": ("push_url",), "page": ("public_channels",)}
