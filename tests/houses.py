"""Apps that are built once and furnished anew for each test: building one takes longer than most tests do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from notifiers import load as load_channels
from statuspage import kept, logs, settings as settings_module
from statuspage.db import db
from statuspage.settings import Settings
from statuspage.web import front
from wsgi import create_app


@dataclass
class House:
    """An app, and what hung on it when it was new."""

    app: Flask
    settings: Settings
    config: dict[str, Any]
    extensions: dict[str, Any]

    @classmethod
    def build(cls, settings: Settings) -> "House":
        """A new one."""
        app = create_app(settings)
        return cls(app, settings, dict(app.config), dict(app.extensions))

    def furnish(self) -> None:
        """Nothing is left of whoever was here before."""
        for now, new in ((self.app.config, self.config), (self.app.extensions, self.extensions)):
            now.clear()
            now.update(new)
        self.app.extensions["candor.channels"] = load_channels(self.settings.channel_environment())
        kept.init_app(self.app)
        front.init_app(self.app)
        logs.configure(self.settings)


@dataclass
class Houses:
    """The apps of one test process, by their settings. `fresh` is the instance folder that each test finds."""

    fresh: Path
    folder: Path
    client: type[FlaskClient]
    known: dict[Settings, House] = field(default_factory=dict)

    @contextmanager
    def open(self, *, is_own: bool = False, **given: Any) -> Iterator[Flask]:
        """An app on a database of its first day, and its context; `is_own`: nobody else was or will be there."""
        wished = settings_module.load(instance_dir=self.folder, log_level="error", **given)
        house = None if is_own else self.known.get(wished)
        folder = house.settings.instance_dir if house else self.folder / f"{len(list(self.folder.iterdir()))}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.fresh, folder)
        if house is None:
            house = House.build(wished.model_copy(update={"instance_dir": folder}))
            house.app.test_client_class = self.client
            house.app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(self.fresh.parent))
        if not is_own:
            self.known[wished] = house
        house.furnish()
        with house.app.app_context():
            yield house.app
            db.session.remove()
            db.engine.dispose()
