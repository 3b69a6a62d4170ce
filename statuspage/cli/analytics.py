"""`candor analytics`: how soon people heard, which promises were kept, whom the words reached; the monthly report."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click

from .. import reporting
from ..analytics import reading, writing
from ..analytics.arithmetic import Spread
from ..analytics.figures import Figures, figures
from ..analytics.periods import USUAL, Month, Period
from ..analytics.targets import Standing
from ..analytics.words import NOT_RECORDED, down, percent, target, up
from ..clock import day_text, span_words, utcnow
from ..db import reading as only_reading
from ..errors import Conflict
from ..models import Page
from ._shell import find_page, inside, on_page


@click.group(invoke_without_command=True)
@click.option(
    "--period",
    type=click.Choice([each.value for each in Period]),
    default=USUAL.value,
    show_default=True,
    help="Of incidents that began in the last so many days.",
)
@click.option("--json", "form", flag_value="json", help="As one JSON document, spans in seconds.")
@click.option("--csv", "form", flag_value="csv", help="As CSV, a line for each figure.")
@click.option("--page", "page_id", default="", metavar="ID", help="Another page.")
@click.pass_context
def analytics(ctx: click.Context, period: str, form: str | None, page_id: str) -> None:
    """Say how soon people heard, which promises were kept, and whom the words reached."""
    if ctx.invoked_subcommand is None:
        _show(page_id, Period(period), form)


@inside
def _show(page_id: str, period: Period, form: str | None) -> None:
    with only_reading():
        found = figures(reading.history(find_page(page_id), period, utcnow()))
    if form == "json":
        click.echo(writing.as_json(found), nl=False)
    elif form == "csv":
        click.echo("".join(writing.as_csv(found)).replace("\r\n", "\n"), nl=False)
    else:
        click.echo("\n".join(_lines(found)))


@analytics.command()
@click.option("--month", default="", metavar="YYYY-MM", help="Which month; without it the last that is over.")
@click.option(
    "--html", "html_path", type=click.Path(path_type=Path), metavar="FILE", help="Write it as a page instead."
)
@on_page
def report(page: Page, month: str, html_path: Path | None) -> None:
    """Show the monthly report as it goes out by mail: to whoever asked for it in their account."""
    now = utcnow()
    with only_reading():
        wanted = reporting.find_month(page, month or Month.of(now, page.time_zone).before.value, now)
        said = reporting.words(page, wanted, now)
    if html_path is None:
        click.echo(said["text"], nl=False)
        return
    try:
        html_path.write_text(said["html"], encoding="utf-8")
    except OSError as error:
        raise Conflict(f"The report could not be written to {html_path}: {error.strerror}.") from error
    click.echo(f"{wanted.label} is in {html_path}.")


def _lines(found: Figures) -> Iterator[str]:
    if found.is_empty:
        yield "Nothing yet: no incident began in this period."
    else:
        yield from _about_incidents(found)
    for each in found.uptimes:
        yield f"Uptime of {each.name}: {_uptime(each, found.zone)}"


def _about_incidents(found: Figures) -> Iterator[str]:
    tally, frequency = found.promises.tally, found.frequency
    often = f" ({frequency.per_week:.1f} a week)" if frequency.per_week is not None else ""
    yield f"Incidents: {frequency.total}{often}"
    kept = f"{tally.kept} of {tally.due} that fell due, {tally.overdue} overdue now" if tally.due else "none fell due"
    yield f"Promises kept: {kept}"
    yield f"Late by: {_spread(found.promises.lateness) if found.promises.lateness else 'no late update has come'}"
    yield f"First public word after: {_spread(found.first_words.all)}"
    for name, measure in (
        ("detect", found.detecting),
        ("acknowledge", found.acknowledging),
        ("resolve", found.repairing),
    ):
        yield f"Time to {name}: {_spread(measure.spread)}"
    for each in found.channels:
        times = f", half after {each.curve.until(0.5):.1f} s, 95 % after {each.curve.until(0.95):.1f} s"
        yield f"{each.channel}: {each.reached} of {each.owed} reached{times if each.curve.total else ''}"
    if found.tides:
        yield f"Subscribers: {found.tide.won} won, {found.tide.lost} lost, {found.tide.stopped} quarantined"


def _uptime(each: Standing, zone: str) -> str:
    since = "" if each.is_whole else f", on record since {day_text(each.since, zone)}"
    budget = "" if each.budget is None else f" of {down(each.budget)} allowed ({percent(each.used)})"
    return f"{up(each.share)}{since}, target {target(each.component.target)}, down {down(each.uptime.down)}{budget}"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return NOT_RECORDED
    mean, median, p95 = (span_words(timedelta(seconds=each)) for each in (spread.mean, spread.median, spread.p95))
    return f"median {median}, mean {mean}, 95 % {p95}, of {spread.count}"
