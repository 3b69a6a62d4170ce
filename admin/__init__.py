"""The comms lead's panel."""

from flask import Flask

from . import auth, views


def init_app(app: Flask) -> None:
    """Give the app its panel under /admin/."""
    auth.init_app(app)
    app.register_blueprint(views.panel)
