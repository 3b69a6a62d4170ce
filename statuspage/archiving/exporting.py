"""Everything, readable without Candor: a zip with one file of JSON lines per table, streamed as it is read."""

import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from .. import schema
from ..clock import iso_text
from ..db import Base, db, reading
from ..models import Page
from ..sealing import Sealed, shown
from .private_files import new_private_file

# The machinery's own notes, which mean nothing elsewhere, and what lets somebody in.
LEFT_OUT = {
    "authenticator", "breaker", "idempotency_key", "lease", "passkey", "rate_count", "recovery_code",
    "remembered_device", "sign_in_link", "staff_session",
}  # fmt: skip
_SECRET = re.compile(r"secret|password|token|salt|hash|uniquifier|digest|push_url")
AT_ONCE = 1000
README = """This is everything that this Candor kept{scope}, made {at}.

It holds personal data: addresses of subscribers and colleagues. Keep it as carefully as the database.

Each file <table>.jsonl has one JSON object a line: one row of that table, by column. Instants are RFC 3339 in UTC,
spans are seconds, ids in columns named …_id are the number (column id) of a row in the table of that name;
public_id is what the page, its links and its API show. export.json lists the tables with their number of rows,
and what was left out: sessions, sign-in links, counters, leases, and every column that holds a secret. Of web
addresses (webhooks, chats) host and end are told: whoever has one can post there.

A backup that Candor itself can restore is another thing: see `candor backup`.
"""


def export(path: Path, page: Page | None, now: datetime) -> dict[str, int]:
    """The file holds all rows, or those of one page, as they were at one moment; the number of rows by table."""
    counts: dict[str, int] = {}
    page_id = page.id if page else None
    with new_private_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, reading():
        connection = _one_moment()
        scope = f" of one page ({page.public_id})" if page else ""
        archive.writestr("README.txt", README.format(scope=scope, at=iso_text(now)))
        for table in exported_tables(page_id):
            with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as lines:
                counts[table.name] = 0
                for row in _rows(connection, table, page_id):
                    lines.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
                    counts[table.name] += 1
        archive.writestr("export.json", json.dumps(_about(page, counts, now), indent=2))
    return counts


def exported_tables(page_id: int | None = None) -> list[Table]:
    """The tables that are exported, those that others refer to first; with a page, only what belongs to pages."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT]
    return tables if page_id is None else [table for table in tables if _of_page(table, page_id) is not None]


def kept_columns(table: Table) -> list[ColumnElement[Any]]:
    """The columns that hold no secret."""
    return [column for column in table.columns if not _SECRET.search(column.name)]


def _one_moment() -> Connection:
    """A connection whose whole transaction sees the database as it was at its first look."""
    if db.engine.dialect.name == "sqlite":
        return db.session.connection()
    db.session.commit()  # what was looked up before belongs to another moment
    return db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _rows(connection: Connection, table: Table, page_id: int | None) -> Iterator[dict[str, Any]]:
    columns = kept_columns(table)
    query = select(*columns)
    if page_id is not None:
        condition = _of_page(table, page_id)
        assert condition is not None
        query = query.where(condition)
    result = connection.execution_options(yield_per=AT_ONCE).execute(query.order_by(*table.primary_key))
    for row in result:
        yield {column.name: _told(column, value) for column, value in zip(columns, row, strict=True)}


def _of_page(table: Table, page_id: int, seen: frozenset[str] = frozenset()) -> ColumnElement[bool] | None:
    """The condition for rows of one page, through whatever they belong to; None where they belong to no page."""
    if table.name == "page":
        return table.c.id == page_id
    if "page_id" in table.c:
        return table.c.page_id == page_id
    owners = [key for key in table.foreign_keys if not key.parent.nullable and key.column.table.name not in seen]
    for key in owners:
        condition = _of_page(key.column.table, page_id, seen | {table.name})
        if condition is not None:
            return key.parent.in_(select(key.column).where(condition))
    return None


def _told(column: ColumnElement[Any], value: Any) -> Any:
    return shown(value or "") if isinstance(column.type, Sealed) else _plain(value)


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case bytes():
            return value.hex()
    return value


def _about(page: Page | None, counts: dict[str, int], now: datetime) -> dict[str, Any]:
    return {
        "candor": version("candor-status"),
        "format": 1,
        "schema": schema.newest(),
        "made_at": iso_text(now),
        "page": page.public_id if page else None,
        "tables": counts,
        "left_out": {
            "tables": sorted({table.name for table in Base.metadata.sorted_tables} - set(counts)),
            "columns": sorted(
                f"{table.name}.{column.name}"
                for table in Base.metadata.sorted_tables
                if table.name in counts
                for column in table.columns
                if _SECRET.search(column.name)
            ),
        },
    }
