"""What is tried to break: one machine on SQLite, several on PostgreSQL. Every experiment says its figures and its seed.

`make faults` runs all of it at full size; `make test` leaves out what is marked `long`.
"""

import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.running import FEW

Figures = Callable[..., None]


@pytest.fixture
def commands(empty_database: str) -> Sequence[str]:
    """The processes of an installation on the database under test."""
    return FEW if empty_database == "postgres" else ("run",)


@pytest.fixture
def ground(database: str, fresh: Path, tmp_path: Path) -> str:
    """The kind of database under test, migrated already: a stage is set in a moment."""
    if database == "sqlite":
        shutil.copytree(fresh, tmp_path / "instance")
    return database


@pytest.fixture
def senders(ground: str) -> Sequence[str]:
    """The processes behind the page on the database under test."""
    return ("scheduler", "worker", "worker") if ground == "postgres" else ("engine",)


@pytest.fixture
def seed(record_property: Callable[[str, object], None]) -> int:
    """Chance, but repeatable: `CANDOR_TEST_SEED=… make faults`."""
    chosen = int(os.environ.get("CANDOR_TEST_SEED") or random.SystemRandom().randrange(10**6))
    record_property("seed", chosen)
    return chosen


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Says what an experiment came to; `lost` and `duplicates` where messages were sent."""

    def say(**found: object) -> None:
        for name, value in found.items():
            record_property(name, value)

    return say


def pytest_itemcollected(item: pytest.Item) -> None:
    """What is `long_on` a database is left out there of `make test`, at whatever size."""
    given = getattr(item, "callspec", None)
    kinds = {given.params.get(name) for name in ("database", "empty_database")} if given else set()
    if any(set(mark.args) & kinds for mark in item.iter_markers("long_on")):
        item.add_marker("long")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each experiment came to."""
    found = list(_said(terminalreporter))
    if found:
        terminalreporter.section("figures")
        for line in found:
            terminalreporter.write_line(line)


def _said(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for outcome in ("passed", "failed"):
        for report in reporter.getreports(outcome):
            if report.when == "call" and report.user_properties:
                said = ", ".join(f"{name} {value}" for name, value in report.user_properties)
                yield f"{report.nodeid.split('::')[-1]}: {said}"
