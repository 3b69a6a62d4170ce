"""The database: our typed base, instants in UTC, public ids, and SQLite made to behave."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, DateTime, Dialect, Engine, MetaData, String, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import Interval, TypeDecorator

ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_LENGTH = 12
BUSY_TIMEOUT_MS = 5000

# True while a request only reads: its transactions then never queue behind a writer.
read_only: ContextVar[bool] = ContextVar("read_only", default=False)


def new_id() -> str:
    """A fresh public id: twelve lower-case letters and digits, about 62 bits."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


class UtcDateTime(TypeDecorator[datetime]):
    """Aware instants, stored and returned in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; without offset where the database keeps none."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("Instants must be aware.")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware again."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class WordType(TypeDecorator[StrEnum]):
    """An enum kept as its text, so that a new word needs no migration."""

    impl = String(32)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        self.words = words
        super().__init__(32)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The word itself; anything outside the vocabulary is refused."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        """Back to the enum."""
        return None if value is None else self.words(value)


class Base(DeclarativeBase):
    """What every model shares: named constraints, JSON, UTC instants."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        timedelta: Interval(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        list[int]: JSON(),
    }


class Identified:
    """A row with a number inside and twelve characters outside."""

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(ID_LENGTH), unique=True, default=new_id)


# Flask-SQLAlchemy for engine and session only: its own Model copies the base class and breaks on SQLAlchemy 2.1.
db = SQLAlchemy(metadata=Base.metadata)


def connect(app: Flask) -> None:
    """Give the app its database; nothing is opened yet."""
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    db.init_app(app)
    with app.app_context():
        tame_sqlite(db.engine)


def tame_sqlite(engine: Engine) -> None:
    """Make an SQLite engine durable, foreign-key aware and free of upgrade deadlocks; others are left alone."""
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not open transactions behind our back
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    # A deferred transaction that turns into a writer fails at once with SQLITE_BUSY_SNAPSHOT.
    connection.exec_driver_sql("BEGIN" if read_only.get() else "BEGIN IMMEDIATE")


@contextmanager
def reading() -> Iterator[None]:
    """Read without queueing behind writers, and leave no transaction open behind."""
    token = read_only.set(True)
    try:
        yield
    finally:
        db.session.rollback()
        read_only.reset(token)


@contextmanager
def reading_on(connection: Connection) -> Iterator[None]:
    """As `reading`, on a connection of the caller's own."""
    token = read_only.set(True)
    try:
        with connection.begin():
            yield
    finally:
        read_only.reset(token)


def relax_sqlite(engine: Engine) -> None:
    """Let this process's SQLite commits survive its death but not a power cut: for marks, never for publishing."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=NORMAL"))


def upsert(model: type[Base]) -> Any:
    """An INSERT into the model's table that knows `on_conflict_do_update` in the dialect at hand."""
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    return dialect.insert(model)
