"""A backup: one archive with the database as it was at one moment, and the key that old links are signed with.

It is a tar, packed with gzip: `candor-backup.json` (what it is, and the SHA-256 of each part), `database`, and
`instance/…` with the small files of the instance folder, the secret key first of all. It is made while Candor runs.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import URL

from .. import schema
from ..clock import iso_text
from ..db import db
from ..errors import Conflict
from ..settings import Settings
from . import postgres_tools, sqlite_files
from .private_files import new_private_file

FORMAT = 1
MANIFEST, DATABASE, INSTANCE = "candor-backup.json", "database", "instance/"
KEY = "secret_key"
SMALL = 1024 * 1024
_NOT_KEPT = (".db", ".db-wal", ".db-shm", ".db-journal", ".dump", ".lock", ".part", ".gz", ".zip", ".log")


@dataclass(frozen=True)
class Manifest:
    """What an archive says of itself."""

    format: int
    candor: str
    made_at: str
    schema: str
    database: str
    parts: Mapping[str, str]


def back_up(path: Path, settings: Settings, now: datetime) -> Manifest:
    """The file holds everything that makes this installation; it is whole, checked, and for its owner's eyes alone."""
    if db.engine.dialect.name == "sqlite" and not sqlite_file(db.engine.url).exists():
        raise Conflict("There is no database yet, so there is nothing to back up.")
    with new_private_file(path) as file:
        copy = path.with_name(f".{path.name}.database")
        try:
            save_database(copy)
            parts = {DATABASE: copy, **_instance_files(settings.instance_dir)}
            key = settings.resolved_secret_key().encode()
            sums = {name: _sum(each) for name, each in parts.items()}
            sums[INSTANCE + KEY] = hashlib.sha256(key).hexdigest()
            found = schema.current() or ""
            kind = db.engine.dialect.name
            manifest = Manifest(FORMAT, version("candor-status"), iso_text(now), found, kind, sums)
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
                _add(archive, MANIFEST, json.dumps(asdict(manifest), indent=2).encode(), now)
                _add(archive, INSTANCE + KEY, key, now)
                for name, each in parts.items():
                    _add_file(archive, name, each)
        finally:
            copy.unlink(missing_ok=True)
    return manifest


def save_database(target: Path) -> None:
    """The target is a copy of the running database, whole and of one moment."""
    if db.engine.dialect.name == "sqlite":
        sqlite_files.copy(sqlite_file(db.engine.url), target)
    else:
        postgres_tools.dump(db.engine.url, target)


def sqlite_file(url: URL) -> Path:
    """Where an SQLite database is."""
    return Path(url.database or "")


def _instance_files(folder: Path) -> dict[str, Path]:
    """The small files that make this installation what it is; no databases, locks, logs or older copies."""
    return {
        INSTANCE + each.name: each
        for each in sorted(folder.iterdir())
        if each.is_file()
        and not each.is_symlink()
        and not each.name.startswith(".")
        and not each.name.endswith(_NOT_KEPT)
        and each.name != KEY
        and each.stat().st_size <= SMALL
    }


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(archive: tarfile.TarFile, name: str, data: bytes, now: datetime) -> None:
    part = tarfile.TarInfo(name)
    part.size, part.mode, part.mtime = len(data), 0o600, int(now.timestamp())
    archive.addfile(part, io.BytesIO(data))


def _add_file(archive: tarfile.TarFile, name: str, path: Path) -> None:
    with path.open("rb") as file:
        part = archive.gettarinfo(arcname=name, fileobj=file)
        part.mode, part.uid, part.gid, part.uname, part.gname = 0o600, 0, 0, "", ""
        archive.addfile(part, file)
