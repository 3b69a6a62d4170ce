"""Breaking the database under test on purpose, in the words of whichever it is."""

from sqlalchemy import text

from statuspage.db import db
from statuspage.postgres import is_ours


def refuse_inserts(table: str, why: str, when: str = "") -> None:
    """Every new row of the table fails with this reason; only those that meet the condition when there is one."""
    condition = f"WHEN ({when})" if when else ""
    if is_ours(db.engine):
        raising = f"BEGIN RAISE EXCEPTION '{why}'; END"
        _execute(f"CREATE OR REPLACE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ {raising} $$")
        _execute(f"CREATE TRIGGER no BEFORE INSERT ON {table} FOR EACH ROW {condition} EXECUTE FUNCTION no()")
    else:
        _execute(f"CREATE TRIGGER no BEFORE INSERT ON {table} {condition} BEGIN SELECT RAISE(ABORT, '{why}'); END")


def allow_inserts(table: str) -> None:
    """The table takes rows again."""
    _execute(f"DROP TRIGGER no ON {table}" if is_ours(db.engine) else "DROP TRIGGER no")


def drop_table(table: str) -> None:
    """The table is gone, whoever points to it."""
    _execute(f"DROP TABLE {table} CASCADE" if is_ours(db.engine) else f"DROP TABLE {table}")


def _execute(statement: str) -> None:
    db.session.execute(text(statement))
