"""What holds for every command."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from statuspage.cli import cli

from .conftest import Shell, execute


def _paths(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from _paths(each, (*path, name))


@pytest.mark.parametrize("path", list(_paths(cli)), ids=" ".join)
def test_every_command_explains_itself(new_candor: Shell, path: tuple[str, ...]) -> None:
    said = new_candor.says(*path, "--help")

    assert said.startswith(f"Usage: {' '.join(('candor', *path))}")


def test_help_needs_no_installation(new_candor: Shell, tmp_path: Path) -> None:
    new_candor.says("incident", "open", "--help")

    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_are_all_named_and_nothing_is_done(new_candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_PORT", "eighty")
    monkeypatch.setenv("CANDOR_BASE_URL", "status.example.com")

    sentence = new_candor.refuses("page", "list")

    assert "CANDOR_PORT" in sentence
    assert "CANDOR_BASE_URL" in sentence


def test_wrong_usage_is_told_apart_from_failure(new_candor: Shell) -> None:
    result = new_candor("user", "add", "--email", "mara@example.com")

    assert result.exit_code == 2
    assert "--role" in result.stderr


def test_the_first_command_sets_up_an_empty_database(new_candor: Shell) -> None:
    pages = new_candor.tells("page", "list")

    assert [page["is_demo"] for page in pages] == [False]
    assert len(pages[0]["id"]) == 12


def test_an_empty_database_is_left_alone_when_that_was_asked_for(
    new_candor: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDOR_AUTO_MIGRATE", "0")

    assert "candor db upgrade" in new_candor.refuses("page", "list")


def test_a_database_of_another_candor_is_left_alone(new_candor: Shell) -> None:
    new_candor.says("db", "upgrade")
    execute("UPDATE alembic_version SET version_num = '9999'")

    assert "candor db upgrade" in new_candor.refuses("page", "list")
    assert "another Candor" in new_candor.refuses("db", "upgrade")


@pytest.mark.sqlite
def test_a_file_that_is_no_database_is_named_in_a_sentence(new_candor: Shell, tmp_path: Path) -> None:
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "candor.db").write_text("not a database, by far " * 100)

    assert "database" in new_candor.refuses("page", "list")


def test_an_upgrade_can_be_checked_by_a_script(new_candor: Shell) -> None:
    before, _, after = new_candor("db", "check"), new_candor("db", "upgrade"), new_candor("db", "check")

    assert (before.exit_code, after.exit_code) == (1, 0)
