"""An import as the command does it, and a look at what it left."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from statuspage.db import db
from statuspage.importing.keeping import Attestation
from statuspage.importing.statuspage import Report, import_files
from statuspage.models import Announcement, Component, Incident, IncidentUpdate, Page, Reminder, Subscriber
from tests.conftest import BY, NOON

Import = Callable[..., Report]


@pytest.fixture
def bring(page: Page, tmp_path: Path) -> Import:
    """Imports paths, or texts that become files; applies unless told otherwise."""

    def run(*given: Path | str | bytes, applies: bool = True, by: str = "Ana") -> Report:
        paths = [each if isinstance(each, Path) else _file(tmp_path, number, each) for number, each in enumerate(given)]
        attestation = Attestation(by, "ticket 7") if by else None
        return import_files(page, paths, BY, attestation, NOON, applies=applies)

    return run


def counts() -> dict[str, int]:
    """How many rows there are of everything that an import could make."""
    models = (Component, Incident, IncidentUpdate, Subscriber, Announcement, Reminder)
    return {model.__tablename__: db.session.scalar(select(func.count()).select_from(model)) or 0 for model in models}


def _file(folder: Path, number: int, said: str | bytes) -> Path:
    path = folder / f"file{number}.txt"
    path.write_bytes(said.encode() if isinstance(said, str) else said)
    return path
