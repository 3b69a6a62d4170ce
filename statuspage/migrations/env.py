"""Alembic's environment: always the running app's database."""

from typing import Any, Literal

from alembic import context
from flask import current_app
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
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=render_plainly,
            include_name=schema.is_ours,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


assert current_app, "Migrations run inside the app: use `candor db upgrade`."
run()
