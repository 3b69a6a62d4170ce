"""Alembic's environment: always the running app's database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeDecorator

from statuspage import models, schema  # noqa: F401 - the tables must be known
from statuspage.db import Base, db

config = context.config


def render_plainly(kind: str, thing: Any, _autogen: Any) -> str | Literal[False]:
    """Write our own column types as the plain ones beneath them, so that old migrations never need new code."""
    return (
        f"sa.{thing.impl!r}"
        if kind == "type" and isinstance(thing, TypeDecorator) and not _is_builtin(thing)
        else False
    )


def _is_builtin(thing: TypeDecorator[Any]) -> bool:
    return type(thing).__module__.startswith("sqlalchemy")


def run() -> None:
    """Run the migrations in one transaction."""
    with db.engine.connect() as connection, _free_to_rebuild(connection):
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=render_plainly,
            include_name=schema.is_ours,
            # Alembic takes SQLite for a database that cannot; then each step would be a transaction of its own.
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


@contextmanager
def _free_to_rebuild(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by putting another in its place, which its foreign keys forbid while they are looked at.

    Said to the driver, before any transaction: inside one SQLite would not listen.
    """
    driver = connection.connection.driver_connection
    if driver is None or connection.dialect.name != "sqlite":
        yield
        return
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        broken = driver.execute("PRAGMA foreign_key_check").fetchall()
        assert not broken, f"Rows were left that point nowhere: {broken[:5]}"
    finally:
        connection.rollback()
        driver.execute("PRAGMA foreign_keys=ON")


assert current_app, "Migrations run inside the app: use `candor db upgrade`."
run()
