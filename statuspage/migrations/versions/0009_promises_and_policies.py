"""promises are things of their own, policies say more, and deadlines stand beside them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from statuspage.db import new_id

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

AT_ONCE = 1000
ANY_TYPE, STANDING, OPEN = "type IS NULL", "outcome IS NULL", "done_at IS NULL"

instant = sa.DateTime(timezone=True)
PROMISE = sa.table(
    "promise",
    *(sa.column(name, sa.Integer) for name in ("id", "incident_id", "update_id", "made_by_id")),
    *(sa.column(name, sa.String) for name in ("public_id", "outcome", "reason")),
    *(sa.column(name, instant) for name in ("made_at", "due_at", "settled_at")),
    sa.column("is_first", sa.Boolean),
    sa.column("late_by", sa.Interval),
)
UPDATE = sa.table(
    "incident_update",
    *(sa.column(name, sa.Integer) for name in ("id", "incident_id", "sequence", "author_id")),
    *(sa.column(name, sa.String) for name in ("audience", "promise_outcome")),
    *(sa.column(name, instant) for name in ("created_at", "next_update_due_at", "promise_settled_at")),
)
INCIDENT = sa.table(
    "incident", sa.column("id", sa.Integer), sa.column("next_update_due_at", instant), sa.column("updated_at", instant)
)


def upgrade() -> None:
    """Forward."""
    _make_promises()
    _make_deadlines()
    with op.batch_alter_table("cadence_policy", schema=None) as batch_op:
        batch_op.add_column(sa.Column("type", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("phases", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("keeps_hours", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("ladder", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("repeat", sa.Interval(), nullable=True))
        batch_op.add_column(sa.Column("coalescing", sa.Interval(), nullable=True))
        batch_op.add_column(sa.Column("needs_second", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("deadlines", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.drop_constraint("uq_cadence_policy_page_id_severity", type_="unique")
        batch_op.create_unique_constraint(
            "uq_cadence_policy_page_id_severity_type", ["page_id", "severity", "type"]
        )
        batch_op.create_index(
            "uq_cadence_policy_for_any_type",
            ["page_id", "severity"],
            unique=True,
            sqlite_where=sa.text(ANY_TYPE),
            postgresql_where=sa.text(ANY_TYPE),
        )
    policy = sa.table("cadence_policy", sa.column("coalescing", sa.Interval))
    op.execute(policy.update().values(coalescing=timedelta(0)))
    with op.batch_alter_table("cadence_policy", schema=None) as batch_op:
        batch_op.alter_column("coalescing", existing_type=sa.Interval(), nullable=False)
        for name in ("phases", "keeps_hours", "needs_second", "deadlines"):
            batch_op.alter_column(name, server_default=None)
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.add_column(sa.Column("business_hours", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("fallback_contact_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            "fk_page_fallback_contact_id_staff_user", "staff_user", ["fallback_contact_id"], ["id"]
        )
    _copy_promises()
    with op.batch_alter_table("incident_update", schema=None) as batch_op:
        batch_op.drop_column("promise_outcome")
        batch_op.drop_column("promise_settled_at")


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("incident_update", schema=None) as batch_op:
        batch_op.add_column(sa.Column("promise_outcome", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("promise_settled_at", instant, nullable=True))
    _copy_outcomes_back()
    op.drop_table("deadline")
    op.drop_table("promise")
    with op.batch_alter_table("page", schema=None) as batch_op:
        batch_op.drop_constraint("fk_page_fallback_contact_id_staff_user", type_="foreignkey")
        batch_op.drop_column("fallback_contact_id")
        batch_op.drop_column("business_hours")
    op.execute("DELETE FROM cadence_policy WHERE type IS NOT NULL")
    with op.batch_alter_table("cadence_policy", schema=None) as batch_op:
        batch_op.drop_index("uq_cadence_policy_for_any_type")
        batch_op.drop_constraint("uq_cadence_policy_page_id_severity_type", type_="unique")
        batch_op.create_unique_constraint("uq_cadence_policy_page_id_severity", ["page_id", "severity"])
        for name in ("deadlines", "needs_second", "coalescing", "repeat", "ladder", "keeps_hours", "phases", "type"):
            batch_op.drop_column(name)


def _make_promises() -> None:
    op.create_table(
        "promise",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("update_id", sa.Integer(), nullable=True),
        sa.Column("is_first", sa.Boolean(), nullable=False),
        sa.Column("made_at", instant, nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("settled_at", instant, nullable=True),
        sa.Column("settled_by_id", sa.Integer(), nullable=True),
        sa.Column("late_by", sa.Interval(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name="fk_promise_incident_id_incident"),
        sa.ForeignKeyConstraint(["update_id"], ["incident_update.id"], name="fk_promise_update_id_incident_update"),
        sa.ForeignKeyConstraint(["made_by_id"], ["staff_user.id"], name="fk_promise_made_by_id_staff_user"),
        sa.ForeignKeyConstraint(["settled_by_id"], ["staff_user.id"], name="fk_promise_settled_by_id_staff_user"),
        sa.PrimaryKeyConstraint("id", name="pk_promise"),
        sa.UniqueConstraint("public_id", name="uq_promise_public_id"),
    )
    op.create_index("ix_promise_incident_made", "promise", ["incident_id", "made_at"])
    op.create_index("ix_promise_update_id", "promise", ["update_id"])
    where = sa.text(STANDING)
    op.create_index(
        "uq_promise_standing", "promise", ["incident_id"], unique=True, sqlite_where=where, postgresql_where=where
    )


def _make_deadlines() -> None:
    op.create_table(
        "deadline",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("done_at", instant, nullable=True),
        sa.Column("done_by_id", sa.Integer(), nullable=True),
        sa.Column("is_waived", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name="fk_deadline_incident_id_incident"),
        sa.ForeignKeyConstraint(["done_by_id"], ["staff_user.id"], name="fk_deadline_done_by_id_staff_user"),
        sa.PrimaryKeyConstraint("id", name="pk_deadline"),
        sa.UniqueConstraint("incident_id", "name", name="uq_deadline_incident_id_name"),
        sa.UniqueConstraint("public_id", name="uq_deadline_public_id"),
    )
    where = sa.text(OPEN)
    op.create_index("ix_deadline_open", "deadline", ["due_at"], sqlite_where=where, postgresql_where=where)


def _copy_promises() -> None:
    """What updates have promised so far; at most the latest of an incident stands, and only if its incident says so."""
    for rows in _in_parts(_promised()):
        made = [_promise(row) for row in rows]
        op.get_bind().execute(PROMISE.insert(), made)


def _promised() -> list[Any]:
    query = (
        sa.select(
            UPDATE,
            INCIDENT.c.next_update_due_at.label("standing_due_at"),
            INCIDENT.c.updated_at.label("incident_updated_at"),
            sa.func.max(UPDATE.c.sequence).over(partition_by=UPDATE.c.incident_id).label("newest"),
        )
        .join(INCIDENT, INCIDENT.c.id == UPDATE.c.incident_id)
        .where(UPDATE.c.next_update_due_at.is_not(None))
        .order_by(UPDATE.c.incident_id, UPDATE.c.sequence)
    )
    return list(op.get_bind().execute(query))


def _promise(row: Any) -> dict[str, Any]:
    stands = row.sequence == row.newest and row.next_update_due_at == row.standing_due_at
    outcome = row.promise_outcome or (None if stands else "withdrawn")
    settled_at = row.promise_settled_at or (row.incident_updated_at if outcome else None)
    return {
        "public_id": new_id(),
        "incident_id": row.incident_id,
        "update_id": row.id,
        "is_first": row.audience == "internal",
        "made_at": row.created_at,
        "made_by_id": row.author_id,
        "due_at": row.next_update_due_at,
        "outcome": outcome,
        "settled_at": settled_at,
        "late_by": settled_at - row.next_update_due_at if outcome == "late" else None,
        "reason": "",
    }


def _copy_outcomes_back() -> None:
    query = sa.select(PROMISE.c.update_id, PROMISE.c.outcome, PROMISE.c.settled_at)
    settled = query.where(PROMISE.c.update_id.is_not(None), PROMISE.c.outcome.is_not(None))
    for row in op.get_bind().execute(settled).all():
        # What was replaced had no word then.
        became = "withdrawn" if row.outcome == "replaced" else row.outcome
        told = UPDATE.update().where(UPDATE.c.id == row.update_id)
        op.execute(told.values(promise_outcome=became, promise_settled_at=row.settled_at))


def _in_parts(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]

