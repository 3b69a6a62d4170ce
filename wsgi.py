"""Composition root: the one module that knows every floor. `create_app()` for servers, `main()` for the shell."""

from flask import Flask

import admin
from notifiers import fetcher, load as load_channels
from statuspage import api, db, feeds, http, kept, logs, presenting, settings as settings_module, web
from statuspage.assets import asset_root
from statuspage.cli import cli
from statuspage.errors import SettingsError
from statuspage.sessions import SessionInterface
from statuspage.settings import Settings
from statuspage.tokens import Signer


def create_app(settings: Settings | None = None) -> Flask:
    """A Flask app on these settings, or on those of the environment; raises SettingsError naming every wrong one."""
    settings = settings or settings_module.load()
    if problems := settings_module.channel_problems(settings.channel_environment()):
        raise SettingsError(problems)
    channels = load_channels(settings.channel_environment())
    logs.configure(settings)
    root = asset_root()
    app = Flask("candor", template_folder=str(root / "templates"), static_folder=str(root / "static"))
    secret = settings.resolved_secret_key()
    app.config.update(SECRET_KEY=secret, SQLALCHEMY_DATABASE_URI=settings.sqlalchemy_url)
    app.session_interface = SessionInterface()
    app.extensions["candor.settings"] = settings
    app.extensions["candor.signer"] = Signer(secret)
    app.extensions["candor.channels"] = channels
    app.extensions["candor.fetcher"] = fetcher(settings.channel_environment())
    db.connect(app)
    kept.init_app(app)
    http.guard(app, settings)
    presenting.init_app(app)
    feeds.init_app(app)
    web.init_app(app)
    api.init_app(app)
    admin.init_app(app)
    return app


def main() -> None:
    """The `candor` command."""
    cli(obj=create_app)


if __name__ == "__main__":
    main()
