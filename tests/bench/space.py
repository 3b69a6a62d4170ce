"""What the ledger and the subscribers take on disk, indexes included: the arithmetic of docs/scaling.md needs it."""

import tempfile
from pathlib import Path

from sqlalchemy import text

from statuspage.db import db
from tests.bench.place import Place
from tests.bench.rows import Row
from tests.bench.wire import sink
from tests.postgres import Server

PEOPLE = 200_000
ROW_MOST, SUBSCRIBER_MOST = 400, 1_000


def space_on_sqlite(scale: float) -> list[Row]:
    """Bytes of the database file for each settled delivery, and for each subscriber."""
    return _space("sqlite", "", scale)


def space_on_postgres(scale: float) -> list[Row]:
    """The same of PostgreSQL's files."""
    with Server() as server:
        return _space("postgres", server.create("bench"), scale)


def _space(name: str, url: str, scale: float) -> list[Row]:
    count = max(5_000, int(PEOPLE * scale))
    with sink() as port, tempfile.TemporaryDirectory() as folder:
        relay = f"smtp://127.0.0.1:{port}?connections=10"
        with Place(Path(folder) / "empty", 0, relay, url) as place:
            empty = _bytes(place)
        with Place(Path(folder) / "full", count, relay, url) as place:
            gathered = _bytes(place)
            place.start("engine")
            place.wait(place.publish())
            told = _bytes(place)
    what = f"bytes of {name} for each of {count}, indexes included"
    row, subscriber = (told - gathered) / count, (gathered - empty) / count
    return [
        Row(f"row_bytes_{name}", f"{what}: a settled delivery", row, "B", ROW_MOST, f"at most {ROW_MOST}",
            row <= ROW_MOST),
        Row(f"subscriber_bytes_{name}", f"{what}: a subscriber of the whole page", subscriber, "B", SUBSCRIBER_MOST,
            f"at most {SUBSCRIBER_MOST}", subscriber <= SUBSCRIBER_MOST),
    ]  # fmt: skip


def _bytes(place: Place) -> int:
    """The size of everything, once what is still in the log is in its place."""
    asked = {
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        "postgresql": "SELECT pg_database_size(current_database())",
    }
    with place.app.app_context(), db.engine.connect() as connection:
        found: int = connection.execute(text(asked[db.engine.dialect.name])).scalar_one()
    return found
