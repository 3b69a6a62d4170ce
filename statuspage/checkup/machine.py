"""The machine we are on: the instance folder, what is free on its disk, its clock."""

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..clock import iso_text, span_words
from ..settings import Settings
from .finding import Finding, bad, hint, ok

SPARE = 100 * 1024 * 1024
OFF_BY = timedelta(minutes=2)
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
_OTHERS = 0o077


def folder(settings: Settings) -> Finding:
    """Database and key lie where nobody else can read them, and where we can write."""
    place = settings.instance_dir
    if not place.exists():
        return ok("folder", f"{place.resolve()} is not there yet; the first start makes it")
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return bad("folder", f"{place.resolve()} cannot be written to by this user")
    if place.stat().st_mode & _OTHERS:
        return bad("folder", f"others may look into {place.resolve()}: chmod 700 {place.resolve()}")
    return _key(settings, place / "secret_key") or ok("folder", f"{place.resolve()} is ours alone")


def _key(settings: Settings, key: Path) -> Finding | None:
    """What is wrong with the key that is kept in the folder; None when all is well."""
    if key.exists() and key.stat().st_mode & _OTHERS:
        return bad("folder", f"others may read the secret key: chmod 600 {key.resolve()}")
    if settings.secret_key.get_secret_value():
        return None
    if not key.exists() and database_file(settings):
        return bad("folder", f"{key} is gone: links in messages sent before do not work. Restore it from a backup")
    if settings.database_url.startswith("postgres"):
        return hint("folder", f"{key.resolve()} is this machine's own: several machines need one CANDOR_SECRET_KEY")
    return None


def disk(settings: Settings) -> Finding:
    """There is room for as much again: for a backup, and for an upgrade's copy."""
    file = database_file(settings)
    used = sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*")) if file else 0
    free = shutil.disk_usage(_existing(settings.instance_dir)).free
    words = f"{_size(free)} free" + (f", database {_size(used)}" if file else "")
    return ok("disk", words) if free > used + SPARE else bad("disk", f"{words}: no room for a backup; make some")


def clock(now: datetime, recorded: datetime | None, elsewhere: Iterable[tuple[str, datetime]]) -> Finding:
    """Our clock agrees with others', and is later than everything recorded."""
    if now < RELEASED or (recorded and now < recorded - OFF_BY):
        return bad("clock", f"{iso_text(now)} is earlier than what is recorded already; set this machine's clock")
    for whose, theirs in elsewhere:
        if abs(now - theirs) > OFF_BY:
            return bad("clock", f"{iso_text(now)} is {span_words(abs(now - theirs))} off {whose}'s {iso_text(theirs)}")
    return ok("clock", iso_text(now))


def database_file(settings: Settings) -> Path | None:
    """The SQLite file, if that is what is used and it exists."""
    path = settings.sqlalchemy_url.removeprefix("sqlite:///")
    is_there = path != settings.sqlalchemy_url and Path(path).exists()
    return Path(path) if is_there else None


def _existing(path: Path) -> Path:
    """The nearest folder that is there."""
    return next(each for each in (path.resolve(), *path.resolve().parents) if each.exists())


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GB" if count >= 1024**3 else f"{count / 1024**2:.0f} MB"
