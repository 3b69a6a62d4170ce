"""A shell of our own: the `candor` command on an installation in a temporary folder."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import create_engine, text

from statuspage import settings as settings_module
from statuspage.cli import cli
from statuspage.db import db
from wsgi import create_app


@dataclass(frozen=True)
class Shell:
    """Runs `candor` as a person at the keyboard would."""

    runner: CliRunner

    def __call__(self, *words: str, typed: str = "") -> Result:
        """One command, whatever comes of it."""
        return self.runner.invoke(cli, list(words), obj=create_app, input=typed, prog_name="candor")

    def says(self, *words: str, typed: str = "") -> str:
        """What a command that succeeds prints, without the last line end."""
        result = self(*words, typed=typed)
        assert result.exit_code == 0, result.stderr
        return result.stdout.removesuffix("\n")

    def tells(self, *words: str) -> Any:
        """What a command that succeeds prints as JSON."""
        return json.loads(self.says(*words, "--json"))

    def refuses(self, *words: str) -> str:
        """The sentence of a command that fails; nothing is printed beside it."""
        result = self(*words)
        assert (result.exit_code, result.stdout) == (1, "")
        return result.stderr


def execute(statement: str) -> None:
    """Change something behind the command's back."""
    engine = create_engine(settings_module.load().sqlalchemy_url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def candor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: str) -> Shell:
    """The command, in an empty folder, on an installation that does not exist yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CANDOR_INSTANCE_DIR", str(tmp_path / "instance"))
    monkeypatch.setenv("CANDOR_LOG_LEVEL", "error")
    return Shell(CliRunner())


@pytest.fixture
def inside(candor: Shell) -> Iterator[Callable[[], Flask]]:
    """Opens the installation's app, to look at what a command has left there."""
    opened = []

    def enter() -> Flask:
        app = create_app(settings_module.load())
        context = app.app_context()
        context.push()
        opened.append(context)
        return app

    yield enter
    for context in reversed(opened):
        db.session.remove()
        db.engine.dispose()
        context.pop()
