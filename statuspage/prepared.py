"""Statements that run thousands of times a second: compiled once, handed to the driver with its own types."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast

from sqlalchemy import BindParameter, Connection, CursorResult, Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

Values = Mapping[str, Any]


class Prepared:
    """A statement whose open parameters take values as the driver knows them: instants through `stamp`, plain text.

    What SQLAlchemy does for each value of each row costs more than the row itself.
    """

    def __init__(self, statement: ClauseElement, dialect: Dialect, *open_names: str) -> None:
        named = sqlite.dialect(paramstyle="named") if dialect.name == "sqlite" else dialect
        compiled = cast(SQLCompiler, statement.compile(dialect=named))
        expanded = compiled.construct_expanded_state(dict.fromkeys(open_names))
        self.sql = expanded.statement
        self.fixed = {
            name: _as_stored(compiled.binds.get(name), value, named)
            for name, value in expanded.parameters.items()
            if name not in open_names
        }

    def run(self, connection: Connection, values: Values) -> CursorResult[Any]:
        """Execute it once."""
        return connection.exec_driver_sql(self.sql, {**self.fixed, **values})

    def run_all(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Execute it for each row."""
        connection.exec_driver_sql(self.sql, [{**self.fixed, **row} for row in rows] if self.fixed else list(rows))


def stamp(moment: datetime | None, dialect: Dialect) -> datetime | str | None:
    """An instant as the driver of this dialect stores it."""
    if moment is None or dialect.name != "sqlite":
        return moment
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _as_stored(bind: BindParameter[Any] | None, value: Any, dialect: Dialect) -> Any:
    """A fixed value as its type stores it; those of a list have been through this already."""
    process = bind.type.dialect_impl(dialect).bind_processor(dialect) if bind is not None else None
    found = process(value) if process else value
    return found.value if isinstance(found, Enum) else found
