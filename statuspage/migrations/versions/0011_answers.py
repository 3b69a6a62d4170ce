"""second factors, remembered devices, and drafts from answers to reminders."""

from typing import Any

import sqlalchemy as sa
from alembic import op


revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WAITS = "released_at IS NULL AND discarded_at IS NULL"


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.add_column(sa.Column("link_policy", sa.String(length=32), nullable=False, server_default="remembered"))
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.alter_column("link_policy", existing_type=sa.String(length=32), server_default=None)
    # A chat's webhook is longer than a pager's address, and sealed longer still.
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.alter_column("push_url", existing_type=sa.String(length=600), type_=sa.String(length=800))
    _factor(
        "passkey",
        _public_id(),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("credential", sa.String(length=1400), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        *_times("created_at"),
        *_times("used_at", nullable=True),
        sa.UniqueConstraint("credential", name=op.f("uq_passkey_credential")),
        sa.UniqueConstraint("public_id", name=op.f("uq_passkey_public_id")),
    )
    _factor(
        "authenticator",
        _public_id(),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("uri", sa.String(length=1000), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        *_times("created_at"),
        *_times("used_at", nullable=True),
        sa.UniqueConstraint("public_id", name=op.f("uq_authenticator_public_id")),
    )
    _factor(
        "recovery_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        *_times("created_at"),
        *_times("used_at", nullable=True),
    )
    _factor(
        "remembered_device",
        _public_id(),
        sa.Column("name", sa.String(length=80), nullable=False),
        *_times("created_at", "seen_at", "expires_at"),
        sa.UniqueConstraint("public_id", name=op.f("uq_remembered_device_public_id")),
    )
    op.create_table(
        "reply_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        _public_id(),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=True),
        *_times("created_at"),
        *_times("released_at", nullable=True),
        sa.Column("released_by_id", sa.Integer(), nullable=True),
        *_times("discarded_at", nullable=True),
        sa.Column("discarded_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_reply_draft_incident_id_incident")),
        sa.ForeignKeyConstraint(["author_id"], ["staff_user.id"], name=op.f("fk_reply_draft_author_id_staff_user")),
        sa.ForeignKeyConstraint(["released_by_id"], ["staff_user.id"], name=op.f("fk_reply_draft_released_by_id_staff_user")),
        sa.ForeignKeyConstraint(["discarded_by_id"], ["staff_user.id"], name=op.f("fk_reply_draft_discarded_by_id_staff_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply_draft")),
        sa.UniqueConstraint("public_id", name=op.f("uq_reply_draft_public_id")),
        sa.UniqueConstraint("source", name=op.f("uq_reply_draft_source")),
    )
    op.create_index(
        "ix_reply_draft_waiting", "reply_draft", ["incident_id"], unique=False,
        sqlite_where=sa.text(WAITS), postgresql_where=sa.text(WAITS),
    )


def downgrade() -> None:
    """Back."""
    for table in ("reply_draft", "remembered_device", "recovery_code", "authenticator", "passkey"):
        op.drop_table(table)
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.alter_column("push_url", existing_type=sa.String(length=800), type_=sa.String(length=600))
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.drop_column("link_policy")


def _factor(table: str, *columns: Any) -> None:
    """A table of things that belong to one colleague each."""
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_user_id", sa.Integer(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["staff_user_id"], ["staff_user.id"], name=op.f(f"fk_{table}_staff_user_id_staff_user")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_staff_user_id"), table, ["staff_user_id"], unique=False)


def _public_id() -> sa.Column[str]:
    return sa.Column("public_id", sa.String(length=12), nullable=False)


def _times(*names: str, nullable: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]
