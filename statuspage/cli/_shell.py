"""What all commands share: the app around a command, errors as sentences, answers as lines or JSON."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
from flask import Flask
from sqlalchemy import inspect, select
from sqlalchemy.exc import DBAPIError

from .. import pages, schema, urls
from ..archiving import presence
from ..clock import utcnow
from ..db import db
from ..errors import CandorError, Conflict, Invalid, NotFound, SettingsError
from ..models import Page
from ..settings import Settings

Factory = Callable[[Settings | None], Flask]
P = ParamSpec("P")
R = TypeVar("R")

_PAGE = "candor.page"

# How the fields of the drafts are called on the command line.
_OPTIONS = {
    "address": "ADDRESS",
    "components": "--component",
    "promise": "--next-update",
    "promise_within": "--next-update",
    "no_promise_reason": "--no-promise",
}


class Sentences(click.Group):
    """A group whose failures are sentences on standard error and exit code 1, never a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run under the name that people type, however we were started."""
        kwargs.setdefault("prog_name", "candor")
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            lines = _sentences(error)
            if not lines:
                raise
        for line in lines:
            click.echo(line, err=True)
        return ctx.exit(1)


def app_factory() -> Factory:
    """The factory that the composition root handed in."""
    factory: Factory = click.get_current_context().find_root().obj
    return factory


@contextmanager
def app_context(settings: Settings | None = None) -> Iterator[Flask]:
    """The app around what a command does; its connections are closed afterwards."""
    app = app_factory()(settings)
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def inside(command: Callable[P, R]) -> Callable[P, R]:
    """Run a command inside the app, on a database with today's schema."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with app_context():
            _require_schema()
            return command(*args, **kwargs)

    return run


def on_page(command: Callable[Concatenate[Page, P], R]) -> Callable[P, R]:
    """As `inside`, with the page that --page names as the first argument; without --page it is the first one."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        page_id = click.get_current_context().meta.get(_PAGE, "")
        with app_context():
            _require_schema()
            return command(find_page(page_id), *args, **kwargs)

    return click.option("--page", metavar="ID", expose_value=False, callback=_keep_page, help="Another page.")(run)


def find_page(public_id: str) -> Page:
    """The page with this id, or the first one where none is named; raises NotFound."""
    if not public_id:
        return pages.first()
    page = db.session.scalar(select(Page).filter_by(public_id=public_id))
    if page is None:
        raise NotFound(f"There is no page with the id “{public_id}”. `candor page list` names them.")
    return page


def _keep_page(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    ctx.meta[_PAGE] = value or ""


def ensure_schema(settings: Settings) -> None:
    """A serving process brings the schema up to date; where it must not, it refuses to start on another one.

    From here on it counts as running, and nothing is restored under it.
    """
    presence.show(settings.instance_dir)
    if settings.auto_migrate:
        schema.upgrade(utcnow())
    elif not schema.is_current():
        raise SettingsError(
            {"CANDOR_AUTO_MIGRATE": "is 0, and the database does not have today's schema. Run `candor db upgrade`."}
        )


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def show_table(rows: Iterable[Sequence[str]]) -> None:
    """Rows in aligned columns; the last column is as long as it is."""
    table = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _require_schema() -> None:
    """A command sets up an empty database by itself, and leaves one of an older Candor alone."""
    if schema.is_current():
        return
    if inspect(db.engine).get_table_names() or not urls.settings().auto_migrate:
        raise Conflict("The database does not have today's schema. Run `candor db upgrade`.")
    schema.upgrade(utcnow())


def _sentences(error: Exception) -> list[str]:
    """What to say of a failure; nothing for one that nobody foresaw."""
    lines: list[str] = []
    match error:
        case Invalid():
            lines = [f"{_OPTIONS.get(name, f'--{name}')}: {sentence}" for name, sentence in error.problems.items()]
        case CandorError():
            lines = [str(error)]
        case DBAPIError():
            lines = [f"The database does not answer as it should: {error.orig}"]
        case BrokenPipeError():
            pass  # whoever read our output has had enough; click ends quietly
        case OSError():
            lines = [f"{error.filename}: {error.strerror}." if error.filename else f"{error}."]
    return lines
