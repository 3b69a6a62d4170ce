"""addresses that are as good as keys are sealed."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from statuspage.models.subscriber import key_of
from statuspage.sealing import seal, unsealed

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

AT_ONCE = 1000


def upgrade() -> None:
    """Forward."""
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.alter_column("address", existing_type=sa.String(length=500), type_=sa.String(length=800))
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.alter_column("push_url", existing_type=sa.String(length=254), type_=sa.String(length=600))
    _rewrite("subscriber", "address", "%://%", seal, key_of)
    _rewrite("staff_user", "push_url", "%://%", seal)
    # A pager's address is the colleague's, as a subscriber's is the subscriber's.
    op.execute("UPDATE delivery SET address = '' WHERE channel = 'apprise'")


def downgrade() -> None:
    """Back."""
    _rewrite("subscriber", "address", "sealed:%", unsealed, _old_key)
    _rewrite("staff_user", "push_url", "sealed:%", unsealed)
    with op.batch_alter_table("staff_user", schema=None) as batch_op:
        batch_op.alter_column("push_url", existing_type=sa.String(length=600), type_=sa.String(length=254))
    with op.batch_alter_table("subscriber", schema=None) as batch_op:
        batch_op.alter_column("address", existing_type=sa.String(length=800), type_=sa.String(length=500))


def _old_key(address: str) -> str:
    return address if len(address) <= 254 else f"sha256:{key_of(address).rpartition(':')[2]}"


def _rewrite(
    table: str, column: str, like: str, change: Callable[[str], str], key: Callable[[str], str] | None = None
) -> None:
    """Change what looks so, some rows at a time; with `key`, what the address is found by as well."""
    connection, after = op.get_bind(), 0
    also = ", address_key = :key" if key else ""
    some = sa.text(
        f"SELECT id, {column} AS found FROM {table} WHERE id > :after AND {column} LIKE :like ORDER BY id LIMIT {AT_ONCE}"
    )
    put = sa.text(f"UPDATE {table} SET {column} = :changed{also} WHERE id = :id")
    while rows := connection.execute(some, {"after": after, "like": like}).all():
        for row in rows:
            changed = change(row.found)
            values = {"id": row.id, "changed": changed}
            if key:
                values["key"] = key(row.found if key is key_of else changed)
            connection.execute(put, values)
        after = rows[-1].id
