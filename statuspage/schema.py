"""The schema's versions: brought up to date under a lock, after a backup copy."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from . import pages, urls
from .db import db

log = structlog.get_logger(__name__)

BACKUPS_KEPT = 5


def upgrade(now: datetime) -> None:
    """The database has today's schema, its first page and the staff roles. Others who ask meanwhile wait."""
    with _one_at_a_time(urls.settings().instance_dir):
        if not is_current():
            if inspect(db.engine).get_table_names():
                _back_up(now)
            command.upgrade(_config(), "head")
        pages.ensure_first(now)
    db.session.remove()


def is_current() -> bool:
    """Whether the database has the schema that this code was written for."""
    return current() == newest()


def current() -> str | None:
    """The schema that the database has; None for an empty one."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The schema that this code was written for."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def knows(revision: str) -> bool:
    """Whether this code can bring that schema up to date; it cannot where a newer Candor wrote it."""
    return revision in {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _back_up(now: datetime) -> None:
    """A copy of an SQLite file beside it, before its schema changes; the newest few are kept."""
    if db.engine.dialect.name != "sqlite" or not db.engine.url.database:
        return
    file = Path(db.engine.url.database)
    if not file.exists() or file.stat().st_size == 0:
        return
    copy = file.with_name(f"{file.stem}.before-{now:%Y%m%dT%H%M%S}.db")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target, pages=1000)
    copy.chmod(0o600)
    log.info("schema.backed_up", copy=str(copy))
    for old in sorted(file.parent.glob(f"{file.stem}.before-*.db"))[:-BACKUPS_KEPT]:
        old.unlink()


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "upgrade.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
