"""The rounds: everything looked at in turn, each by itself, so that one thing broken hides no other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from flask import Flask
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from .. import schema, settings as settings_module
from ..db import db, reading
from ..errors import SettingsError
from ..settings import KEY_LEAST, Settings
from . import database, machine, names, wires
from .finding import Finding, bad, ok

Factory = Callable[[Settings | None], Flask]


def look_at_everything(factory: Factory, now: datetime) -> Iterator[Finding]:
    """One finding after the other. Nothing is made: no folder, no key, no database."""
    try:
        settings = settings_module.load()
        app = factory(harmless(settings))
    except SettingsError as error:
        for name, sentence in error.problems.items():
            yield bad("settings", f"{name}: {sentence}")
        return
    yield ok("settings", f"served at {settings.base_url}")
    yield machine.folder(settings)
    yield machine.disk(settings)
    recorded: list[datetime] = []
    with _inside(app):
        yield from _database(settings, recorded, now)
    yield from wires.relays(settings, now)
    twilio, there = wires.twilio(settings)
    yield twilio
    yield names.page(settings)
    yield from names.mail(settings)
    if (certificate := wires.certificate(settings, now)) is not None:
        yield certificate
    yield machine.clock(now, max(recorded, default=None), [("Twilio", there)] if there else [])


def _database(settings: Settings, recorded: list[datetime], now: datetime) -> Iterator[Finding]:
    if not settings.database_url.startswith("postgres") and machine.database_file(settings) is None:
        yield bad("database", "there is none yet; `candor run` or `candor db upgrade` makes it")
        return
    yield _try("database", database.answers)
    yield _try("schema", database.has_schema)
    if settings.database_url.startswith("postgres"):
        yield _try("queue", database.queue)
    try:
        if schema.is_current():
            recorded += [at for at in [database.last_recorded()] if at]
            yield _try("engine", lambda: database.engine(now))
            yield _try("on call", lambda: database.on_call(now))
            yield _try("policies", database.policies)
            if settings.database_url.startswith("postgres"):
                with reading():
                    apart = database.one_key(settings, now)
                if apart is not None:
                    yield apart
    except SQLAlchemyError:
        pass  # said already
    finally:
        db.session.rollback()


def _try(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        with reading():
            return look()
    except SQLAlchemyError as error:
        return bad(what, " ".join(str(getattr(error, "orig", error)).split()))


@contextmanager
def _inside(app: Flask) -> Iterator[None]:
    with app.app_context():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()


def harmless(settings: Settings) -> Settings:
    """The settings for an app that is only looked at: what is not there yet is not made."""
    changes: dict[str, object] = {}
    if not settings.secret_key.get_secret_value() and not (settings.instance_dir / "secret_key").exists():
        changes["secret_key"] = SecretStr("-" * KEY_LEAST)
    if not settings.database_url.startswith("postgres") and machine.database_file(settings) is None:
        changes["database_url"] = "sqlite://"
    return settings.model_copy(update=changes)
