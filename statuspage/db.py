"""The database: our typed base, instants in UTC, public ids, and SQLite made to behave."""

import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Engine, Integer, MetaData, String, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, TimeoutError as NoConnectionLeft
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import Interval, TypeDecorator

from . import postgres
from .prepared import execute

ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_LENGTH = 12
BUSY_TIMEOUT_MS = 5000
# What a column of ids holds on PostgreSQL: a stranger's number that is more names nobody.
LARGEST_ID = 2**31 - 1
# Seconds between tries; a server that is restarted is back within their sum.
PAUSES = (0.05, 0.1, 0.2, 0.5, 1, 2, 2, 4, 4, 8)

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


# For what grows by a row with every message: ten million subscribers fill a plain one within 215 updates.
LongId = BigInteger().with_variant(Integer(), "sqlite")


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
    elif not url.startswith("sqlite:"):
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = postgres.options(url)
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
    execute(connection, "BEGIN" if read_only.get() else "BEGIN IMMEDIATE")


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
    """Let this process's SQLite commits survive its death but not a power cut: for marks, never for publishing.

    Its log is carried over after 32 MB instead of four, so that a fan-out waits for the disk less often, and each of
    its many connections keeps a megabyte of pages, which is what walking in order needs.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _relax)


def _relax(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("synchronous=NORMAL", "wal_autocheckpoint=8000", "cache_size=-1000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def lock(row: Base) -> None:
    """The row is ours until the commit, and is read again: what others committed meanwhile shows."""
    db.session.flush()  # reading again would lose what has changed in memory
    db.session.refresh(row, with_for_update={"key_share": True, "of": type(row)})


def lock_name(name: str, *, is_shared: bool = False) -> None:
    """Whoever does something under the same name waits until our commit; those who share it, not for each other.

    SQLite has one writer in any case.
    """
    if postgres.is_ours(db.engine):
        postgres.lock_name(db.session.connection(), name, is_shared=is_shared)


def will_pass(error: BaseException) -> bool:
    """Whether the database is busy or away and may do the same in a moment."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, NoConnectionLeft)
    if error.connection_invalidated or postgres.will_pass(error.orig):
        return True
    return any(word in str(error.orig) for word in ("database is locked", "database table is locked"))


def patiently(write: Callable[[], None]) -> None:
    """Do what must be written down although the database is busy or away for a moment: again and again for a while."""
    for pause in PAUSES:
        try:
            return write()
        except DBAPIError as error:
            db.session.rollback()
            if not will_pass(error):
                raise
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - so that those who collided part
    return write()


def upsert(model: type[Base]) -> Any:
    """An INSERT into the model's table that knows `on_conflict_do_update` in the dialect at hand."""
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    return dialect.insert(model)
