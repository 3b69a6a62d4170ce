"""A shell of our own: the `candor` command on an installation in a temporary folder."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import create_engine, text

from statuspage import settings as settings_module
from statuspage.cli import cli
from statuspage.db import db
from statuspage.settings import Settings
from wsgi import create_app


class Shell:
    """Runs `candor` as a person at the keyboard would; the app is built anew when settings or key are others."""

    def __init__(self) -> None:
        self.runner = CliRunner()
        self.apps: dict[tuple[Settings, str], Flask] = {}

    def __call__(self, *words: str, typed: str = "") -> Result:
        """One command, whatever comes of it."""
        return self.runner.invoke(cli, list(words), obj=self.app, input=typed, prog_name="candor")

    def app(self, settings: Settings | None = None) -> Flask:
        """The installation's app."""
        settings = settings or settings_module.load()
        key = settings.instance_dir / "secret_key"
        known = (settings, key.read_text() if key.exists() else "")
        if known not in self.apps:
            self.apps[known] = create_app(settings)
        return self.apps[known]

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
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CANDOR_INSTANCE_DIR", str(tmp_path / "instance"))
    monkeypatch.setenv("CANDOR_LOG_LEVEL", "error")
    return Shell()


@pytest.fixture
def new_candor(shell: Shell, empty_database: str) -> Shell:
    """The command on an installation that does not exist yet."""
    return shell


@pytest.fixture
def candor(shell: Shell, fresh: Path, tmp_path: Path, database: str) -> Shell:
    """The command on an installation as its first start leaves it."""
    shutil.copytree(fresh, tmp_path / "instance")
    return shell


@pytest.fixture
def inside(shell: Shell) -> Iterator[Callable[[], Flask]]:
    """Opens the installation's app, to look at what a command has left there."""
    opened = []

    def enter() -> Flask:
        app = shell.app()
        context = app.app_context()
        context.push()
        opened.append(context)
        return app

    yield enter
    for context in reversed(opened):
        db.session.remove()
        db.engine.dispose()
        context.pop()
