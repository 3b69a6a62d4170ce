"""PostgreSQL made to behave: connections that heal, locks by name, limits on what a request may wait for."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Engine, bindparam, event, func, make_url, select, text

DRIVER = "postgresql+psycopg://"
NEEDED = "needs the PostgreSQL driver: pip install 'candor-status[postgres]'"
# Seconds. A request that waits longer for a row or an answer is better refused; the engine may take its time.
STATEMENT_SECONDS, LOCK_SECONDS = 15, 5
_POOL: dict[str, Any] = {
    # A connection that died while nobody used it (a failover, a restart, a firewall) is replaced, not handed out.
    "pool_pre_ping": True,
    "pool_size": 5,
    "max_overflow": 35,
    "pool_recycle": 1800,
}
_CONNECT: dict[str, Any] = {
    "application_name": "candor",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def with_driver(url: str) -> str:
    """The address as SQLAlchemy wants it; every provider's way to write one is understood."""
    scheme, separator, rest = url.partition("://")
    return DRIVER + rest if separator and scheme in ("postgres", "postgresql") else url


def options(url: str) -> dict[str, Any]:
    """How the engine connects; what the address itself says about that stands."""
    connect_args = {name: value for name, value in _CONNECT.items() if name not in make_url(url).query}
    return _POOL | {"connect_args": connect_args}


def is_installed() -> bool:
    """Whether the driver is there."""
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def is_ours(engine: Engine) -> bool:
    """Whether this engine speaks to a PostgreSQL."""
    return engine.dialect.name == "postgresql"


def plain(url: URL) -> str:
    """The address as PostgreSQL's own tools and libraries want it, password and all."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def relax(engine: Engine, lease: timedelta) -> None:
    """Commits of this process survive its death but perhaps not a power cut: for marks, never for publishing.

    A process that stops in the middle of a transaction holds its rows no longer than its leases.
    """
    if is_ours(engine):
        event.listen(engine, "connect", partial(_relax, max(1000, round(lease / timedelta(milliseconds=1)))))


def _relax(lease_ms: int, connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {lease_ms}")
    connection.commit()


def hasten(engine: Engine) -> None:
    """No statement of this process waits for long: for those that answer people."""
    if is_ours(engine):
        event.listen(engine, "connect", _limit)


def _limit(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
        cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
    connection.commit()


# Built once. The number is made from the name here, because the server's own hash differs between versions.
_LOCK = select(func.pg_advisory_xact_lock(bindparam("number")))
_SHARE = select(func.pg_advisory_xact_lock_shared(bindparam("number")))
# Deadlock, lock or statement timeout, idle for too long, too many connections, shutting down or starting, lost.
_PASSING = ("40", "55P03", "57", "25P03", "53", "08")


def lock_name(connection: Connection, name: str, *, is_shared: bool = False) -> None:
    """Wait until nobody else holds this name, and hold it until the transaction ends.

    Who waits alone is not overtaken by those who share: they queue behind.
    """
    connection.execute(_SHARE if is_shared else _LOCK, {"number": zlib.crc32(name.encode(errors="replace"))})


def will_pass(error: BaseException | None) -> bool:
    """Whether this error of the driver is about the moment and not about what was asked."""
    code = getattr(error, "sqlstate", None)
    if code is None:  # it never got as far as the server
        return type(error).__module__.startswith("psycopg") and type(error).__name__ == "OperationalError"
    return str(code).startswith(_PASSING)


@contextmanager
def alone(engine: Engine, name: str) -> Iterator[None]:
    """Nobody on any machine does the thing of this name at the same time; others wait for their turn."""
    with engine.connect() as connection, connection.begin():
        # It says nothing for as long as the thing takes, and that is in order.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        lock_name(connection, name)
        yield
