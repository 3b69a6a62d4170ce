"""SQLite's file: copied while others write to it, looked at before it is trusted."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from ..errors import Conflict

MAGIC = b"SQLite format 3\0"
COMPANIONS = ("-wal", "-shm", "-journal")


def copy(source: Path, target: Path) -> None:
    """The target is the database as it was at one moment; writers are not held up meanwhile."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(_open(source)) as from_there, closing(sqlite3.connect(target)) as to_here:
        # In one step, from one snapshot: a copy in steps begins anew with every write of others, and may never end.
        from_there.backup(to_here, pages=-1)
        to_here.execute("PRAGMA journal_mode=DELETE")
    check(target)


def check(file: Path) -> str:
    """The file is a whole database; its schema's revision. Raises Conflict with what is wrong."""
    try:
        with closing(_open(file)) as connection:
            [found] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise Conflict(f"{file.name} is damaged: {found}")
            if connection.execute("PRAGMA foreign_key_check").fetchone():
                raise Conflict(f"{file.name} is damaged: a row refers to one that is not there.")
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise Conflict(f"{file.name} is no database of Candor's ({error}).") from error
    return str(row[0]) if row else ""


def put_in_place(new: Path, file: Path) -> None:
    """The new database is the one that is opened from now on. Nobody has the old one open."""
    try:
        with closing(sqlite3.connect(file)) as old:  # what its log holds goes into the file: less to lose
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        pass  # a damaged one is why we are here; its copy has been kept
    for companion in COMPANIONS:
        file.with_name(file.name + companion).unlink(missing_ok=True)
    new.replace(file)
    descriptor = os.open(file.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _open(file: Path) -> sqlite3.Connection:
    if not file.exists():
        raise Conflict(f"There is no {file}.")
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=30)
