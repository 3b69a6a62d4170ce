"""The way back: an archive, or the copy that an upgrade made, takes the place of what is here, which is kept."""

import hashlib
import json
import os
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Engine, make_url

from .. import schema
from ..db import db
from ..errors import Conflict
from ..settings import Settings
from . import postgres_tools, presence, sqlite_files
from .backups import DATABASE, FORMAT, INSTANCE, KEY, MANIFEST, Manifest, save_database, sqlite_file
from .private_files import write_private

_SIZE = 1024 * 1024


@dataclass(frozen=True)
class Restored:
    """What a restore did."""

    made_at: str
    kept: Path
    needs_upgrade: bool
    other_key: bool


@dataclass(frozen=True)
class _Unpacked:
    database: Path
    files: dict[str, bytes]
    kind: str
    made_at: str


def restore(source: Path, settings: Settings, now: datetime) -> Restored:
    """The installation is what the file says. What was here before is kept in a folder beside it.

    Raises Conflict, and changes nothing, when Candor is running, when the file is damaged, comes from a newer
    Candor, or holds a database of another kind.
    """
    folder = settings.instance_dir
    with presence.nobody(folder):
        work = folder / f".restoring-{now:%Y%m%dT%H%M%S}"
        work.mkdir(mode=0o700)
        try:
            unpacked = _unpack(source, work)
            revision = _check(unpacked, db.engine)
            kept = _keep_what_is_here(folder, now)
            _put_in_place(unpacked, settings)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    key = unpacked.files.get(KEY, b"").decode("ascii", "replace")
    other_key = bool(key) and settings.resolved_secret_key() != key
    return Restored(unpacked.made_at, kept, revision != schema.newest(), other_key)


def _unpack(source: Path, work: Path) -> _Unpacked:
    """The parts of an archive, each compared with its sum; a bare database counts as an archive of itself."""
    with source.open("rb") as file:
        head = file.read(16)
    database = work / DATABASE
    if head == sqlite_files.MAGIC or head.startswith(postgres_tools.MAGIC):
        shutil.copyfile(source, database)
        return _Unpacked(database, {}, "sqlite" if head == sqlite_files.MAGIC else "postgresql", "")
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            manifest = _manifest(archive)
            files = {name.removeprefix(INSTANCE): _small(archive, name) for name in manifest.parts if name != DATABASE}
            _large(archive, DATABASE, database)
    except (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise Conflict(f"{source.name} is no backup of Candor's, or a damaged one ({error}).") from error
    sums = {INSTANCE + name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    with database.open("rb") as copy:
        sums[DATABASE] = hashlib.file_digest(copy, "sha256").hexdigest()
    if sums != manifest.parts:
        raise Conflict(f"{source.name} is damaged: its parts are not those that were written.")
    if any("/" in name or name.startswith(".") for name in files):
        raise Conflict(f"{source.name} is no backup of Candor's: it names files outside of the instance folder.")
    return _Unpacked(database, files, manifest.database, manifest.made_at)


def _manifest(archive: tarfile.TarFile) -> Manifest:
    manifest = Manifest(**json.loads(_small(archive, MANIFEST)))
    if manifest.format > FORMAT or not schema.knows(manifest.schema):
        raise Conflict(
            f"This backup is of Candor {manifest.candor}, whose schema {manifest.schema} is newer than what this "
            "version knows. Install that version, or a newer one, and restore with it."
        )
    return manifest


def _check(unpacked: _Unpacked, engine: Engine) -> str:
    """The database can be put here; its schema's revision."""
    if unpacked.kind != engine.dialect.name:
        raise Conflict(f"This backup holds a database of {unpacked.kind}, and CANDOR_DATABASE_URL names another kind.")
    if unpacked.kind == "sqlite":
        revision = sqlite_files.check(unpacked.database)
    else:
        _refuse_company(engine)
        revision = postgres_tools.revision(unpacked.database)
    if not schema.knows(revision):
        raise Conflict(
            f"This database has the schema {revision}, which is newer than what this version of Candor knows."
        )
    return revision


def _refuse_company(engine: Engine) -> None:
    """Others, on whichever machine, must be gone; an advisory look, since PostgreSQL lets anyone come back."""
    with engine.connect() as connection:
        others = connection.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        )
    if others:
        raise Conflict(f"The database is in use by {others} other connections. Stop Candor on every machine first.")


def _keep_what_is_here(folder: Path, now: datetime) -> Path:
    """A folder with copies of the database and of the files that are about to be replaced."""
    kept = folder / f"replaced-{now:%Y%m%dT%H%M%S}"
    kept.mkdir(mode=0o700)
    if db.engine.dialect.name == "sqlite":
        file = sqlite_file(db.engine.url)
        db.engine.dispose()
        for name in (file.name, *(file.name + companion for companion in sqlite_files.COMPANIONS)):
            if file.with_name(name).exists():
                shutil.copy2(file.with_name(name), kept / name)
    else:
        with db.engine.connect() as connection:
            is_empty = not connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
        db.engine.dispose()
        if not is_empty:
            save_database(kept / "database.dump")
    for each in folder.iterdir():
        if each.is_file() and each.name == KEY:
            shutil.copy2(each, kept / each.name)
    return kept


def _put_in_place(unpacked: _Unpacked, settings: Settings) -> None:
    for name, data in unpacked.files.items():
        write_private(settings.instance_dir / name, data)
    url = make_url(settings.sqlalchemy_url)
    if unpacked.kind == "sqlite":
        file = sqlite_file(url)
        beside = file.with_name(f".{file.name}.new")
        shutil.copyfile(unpacked.database, beside)
        beside.chmod(0o600)
        descriptor = os.open(beside, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        sqlite_files.put_in_place(beside, file)
    else:
        postgres_tools.restore(url, unpacked.database)


def _small(archive: tarfile.TarFile, name: str) -> bytes:
    part = archive.extractfile(name)
    if part is None:
        raise ValueError(f"{name} is no file")
    data = part.read(_SIZE + 1)
    if len(data) > _SIZE:
        raise ValueError(f"{name} is too large")
    return data


def _large(archive: tarfile.TarFile, name: str, target: Path) -> None:
    part = archive.extractfile(name)
    if part is None:
        raise ValueError(f"{name} is no file")
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(part, file)
