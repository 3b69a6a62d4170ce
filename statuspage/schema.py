"""The schema's versions: brought up to date under a lock, after a backup copy."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import inspect, text

from . import pages, postgres, queueing, urls
from .archiving import postgres_tools
from .db import db
from .errors import Conflict

if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger(__name__)

BACKUPS_KEPT = 5
MIGRATIONS = Path(__file__).parent / "migrations"
OF_ANOTHER = "The database has the schema of another Candor. Run the version that wrote it, or a newer one."


def upgrade(now: datetime) -> None:
    """The database has today's schema, its first page and the staff roles. Others who ask meanwhile wait.

    Raises Conflict when a newer Candor wrote it.
    """
    with _one_at_a_time():
        if not is_current():
            if (found := current()) and not knows(found):
                raise Conflict(OF_ANOTHER)
            if inspect(db.engine).get_table_names():
                _back_up(now)
            _migrate()
        queueing.install(db.engine)
        pages.ensure_first(now)
    db.session.remove()


def is_current() -> bool:
    """Whether the database has the schema that this code was written for."""
    return current() == newest()


def current() -> str | None:
    """The schema that the database has; None for an empty one."""
    if not inspect(db.engine).has_table("alembic_version"):
        return None
    with db.engine.connect() as connection:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def newest() -> str:
    """The schema that this code was written for."""
    return max(_versions())


def knows(revision: str) -> bool:
    """Whether this code can bring that schema up to date; it cannot where a newer Candor wrote it."""
    return revision in _versions()


def _versions() -> set[str]:
    """The steps there are: each file is named by its own, and they are one line."""
    return {file.name.split("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py")}


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """The queue keeps tables of its own beside ours and looks after them itself."""
    return not (kind == "table" and (name or "").startswith("procrastinate_"))


def _migrate() -> None:
    # Imported when there is something to do: twelve megabytes that a process which only sends never needs.
    from alembic import command  # noqa: PLC0415

    command.upgrade(_config(), "head")


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _back_up(now: datetime) -> None:
    """A copy is made before the schema changes, beside an SQLite file or in the instance folder; a few are kept.

    It has its name once it is whole: a copy that was cut short is never taken for a way back.
    """
    stamp = f"{now:%Y%m%dT%H%M%S}"
    if postgres.is_ours(db.engine):
        copy = urls.settings().instance_dir / f"candor.before-{stamp}.dump"
        draft = _draft_of(copy, stamp)
        try:
            postgres_tools.dump(db.engine.url, draft)
        except Conflict as problem:
            # A migration is one transaction there: one that fails leaves nothing behind. A way back needs a copy.
            log.warning("schema.not_backed_up", why=str(problem))
            return
    else:
        file = Path(db.engine.url.database or "")
        if not file.is_file() or file.stat().st_size == 0:
            return
        copy = file.with_name(f"{file.stem}.before-{stamp}.db")
        draft = _draft_of(copy, stamp)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(draft)) as target:
            source.backup(target, pages=1000)
        draft.chmod(0o600)
    draft.rename(copy)
    log.info("schema.backed_up", copy=str(copy))
    for old in sorted(copy.parent.glob(copy.name.replace(stamp, "*")))[:-BACKUPS_KEPT]:
        old.unlink()


def _draft_of(copy: Path, stamp: str) -> Path:
    """Where a copy is made; what is left of one that was cut short goes."""
    draft = copy.with_name(f".{copy.name}")
    for left in copy.parent.glob(f"{draft.name.replace(stamp, '*')}*"):
        left.unlink()
    return draft


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold what others on this machine, and on PostgreSQL those on all machines, would need to begin."""
    folder = urls.settings().instance_dir
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        lock = held.enter_context((folder / "upgrade.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        if postgres.is_ours(db.engine):
            held.enter_context(postgres.alone(db.engine, "candor.upgrade"))
        yield
