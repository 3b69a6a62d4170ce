"""`candor cadence`: what a cadence is worth, seen on a history."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from .. import schema, settings as settings_module
from ..cadence import histories, replay_page
from ..cadence.policies import cadence_for
from ..cadence.policy import DEFAULTS
from ..cadence.replaying import History, Replay, measure, tables
from ..cadence.yardsticks import Yardstick
from ..checkup.rounds import harmless
from ..clock import utcnow
from ..db import reading
from ..errors import Conflict
from ..settings import check_zone
from ..vocabulary import Severity
from . import _replay_words
from ._shell import app_context, find_page, show_json
from ._words import Span, Word

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=30)


class Minutes(Span):
    """A span, or a bare number of minutes; between a minute and 30 days."""

    name = "minutes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span meant."""
        typed = str(value).strip()
        span = super().convert(f"{typed}m" if typed.isascii() and typed.isdigit() else value, param, ctx)
        if not SHORTEST <= span <= LONGEST:
            self.fail("Choose between one minute and 30 days.", param, ctx)
        return span


@click.group()
def cadence() -> None:
    """The promise of the next update: what it would have been worth."""


@cadence.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--policy", "severity", type=Word(Severity), help="Measure every incident by this severity's policy.")
@click.option("--interval", type=Minutes(), help="Try another interval, in minutes or like 1h30m.")
@click.option("--first", type=Minutes(), help="Try another time to the first update.")
@click.option("--zone", help="The time zone of hours and weekdays, like Europe/Berlin.")
@click.option("--html", "html_path", type=click.Path(path_type=Path), metavar="OUT", help="Write a page with charts.")
@click.option("--json", "form", flag_value="json", help="Print every figure as JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print a CSV line for each promise.")
@click.option("--page", "page_id", default="", metavar="ID", help="Another page's history and policies.")
@click.pass_context
def replay(
    ctx: click.Context, file: Path | None, severity: Severity | None, interval: timedelta | None,
    first: timedelta | None, zone: str | None, html_path: Path | None, form: str | None, page_id: str,
) -> None:  # fmt: skip
    """Measure a history against a cadence: what silence cost, and what a promise would have made of it.

    FILE is a page's incidents.json or history.atom, or JSON lines with one incident each; without it the history
    of this installation is measured. A file is measured by the policy of sev1 unless --policy names another, our
    own incidents each by the policy of their severity. Policies are those of this installation where there is
    one, else the built-in ones. Nothing is made or changed.

    What cannot be read is named with its line, and the exit code is then 1. Where nothing can be measured, it is 2.
    """
    _check(file, html_path, zone)
    with _looking(), reading():
        try:
            history = histories.read(file) if file else _ours(page_id)
            yardstick = _yardstick(page_id, severity or (Severity.SEV1 if file else None)).tried(first, interval)
            measured = measure(history, yardstick.cadence_of, zone or _zone(file, page_id), utcnow())
            if not measured.incidents:
                raise Conflict(f"{history.name} tells of the future alone. Nothing was measured.")
        except Conflict as error:
            click.echo(str(error), err=True)
            ctx.exit(2)
        if html_path:
            html_path.write_text(replay_page.render(measured, yardstick), encoding="utf-8")
    _show(measured, yardstick, form)
    for sentence in histories.broken_lines(history):
        click.echo(sentence, err=True)
    if html_path:
        click.echo(f"The page with the charts: {html_path}", err=True)
    ctx.exit(1 if history.broken else 0)


def _show(measured: Replay, yardstick: Yardstick, form: str | None) -> None:
    if form == "json":
        show_json(tables.as_json(measured, yardstick.facts()))
    elif form == "csv":
        for line in tables.as_csv(measured):
            click.echo(line, nl=False)
    else:
        click.echo("\n".join(_replay_words.lines(measured, yardstick)))


def _check(file: Path | None, html_path: Path | None, zone: str | None) -> None:
    if zone:
        try:
            check_zone(zone)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--zone") from error
    if file and html_path and html_path.resolve() == file.resolve():
        raise click.BadParameter("That is the history itself. Name another file.", param_hint="--html")


@contextmanager
def _looking() -> Iterator[None]:
    """The app around an installation that may not be there; none is made."""
    with app_context(harmless(settings_module.load())):
        yield


def _ours(page_id: str) -> History:
    if not schema.is_current():
        raise Conflict(f"There is no history of our own here yet. Name a file to measure: {histories.KINDS}.")
    return histories.of_page(find_page(page_id))


def _yardstick(page_id: str, chosen: Severity | None) -> Yardstick:
    try:
        if schema.is_current():
            page = find_page(page_id)
            cadences = {severity: cadence_for(page, severity) for severity in Severity}
            return Yardstick(cadences, f"as set on {page.name}", chosen)
    except SQLAlchemyError:
        pass  # a database that does not answer has no say in what a file is measured by
    return Yardstick(DEFAULTS, "as built in", chosen)


def _zone(file: Path | None, page_id: str) -> str:
    return "UTC" if file else find_page(page_id).time_zone
