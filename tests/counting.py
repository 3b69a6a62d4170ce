"""How many statements the database is asked to run."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from statuspage.db import db


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement run in the block, in order; one that is run for many rows at once is one."""
    heard: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        heard.append(statement)

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)
