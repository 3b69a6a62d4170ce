"""What is tried to break: one machine on SQLite, several on PostgreSQL."""

from collections.abc import Sequence

import pytest

from tests.running import FEW


@pytest.fixture
def commands(empty_database: str) -> Sequence[str]:
    """The processes of an installation on the database under test."""
    return FEW if empty_database == "postgres" else ("run",)
