"""Statements that run thousands of times a second: compiled once, handed to the driver with its own types."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast

from sqlalchemy import BindParameter, Connection, Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
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

    def run(self, connection: Connection, values: Values) -> Any:
        """Execute it in the connection's transaction; the driver's own cursor comes back."""
        return execute(connection, self.sql, {**self.fixed, **values})


def execute(connection: Connection, sql: str, values: Values | None = None) -> Any:
    """Hand a statement straight to the driver; what the driver raises comes as SQLAlchemy would have raised it."""
    raw: Any = connection.connection.driver_connection
    dialect = connection.dialect
    try:
        return raw.execute(sql, values or {})
    except dialect.loaded_dbapi.Error as error:
        is_gone = dialect.is_disconnect(error, raw, None)
        if is_gone:
            connection.invalidate(error)
        raise DBAPIError.instance(
            sql, None, error, dialect.loaded_dbapi.Error, connection_invalidated=is_gone, dialect=dialect
        ) from error


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
