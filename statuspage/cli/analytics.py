"""`candor analytics`: how soon people heard, which promises were kept, whom the words reached."""

from collections.abc import Iterator
from datetime import timedelta

import click

from ..analytics import reading, writing
from ..analytics.arithmetic import Spread
from ..analytics.figures import Figures, figures
from ..analytics.periods import USUAL, Period
from ..clock import span_words, utcnow
from ..db import reading as only_reading
from ..models import Page
from ._shell import on_page

NOT_RECORDED = "not recorded"


@click.command()
@click.option(
    "--period",
    type=click.Choice([each.value for each in Period]),
    default=USUAL.value,
    show_default=True,
    help="Of incidents that began in the last so many days.",
)
@click.option("--json", "form", flag_value="json", help="As one JSON document, spans in seconds.")
@click.option("--csv", "form", flag_value="csv", help="As CSV, a line for each figure.")
@on_page
def analytics(page: Page, period: str, form: str | None) -> None:
    """Say how soon people heard, which promises were kept, and whom the words reached."""
    with only_reading():
        found = figures(reading.history(page, Period(period), utcnow()))
    if form == "json":
        click.echo(writing.as_json(found), nl=False)
    elif form == "csv":
        click.echo("".join(writing.as_csv(found)).replace("\r\n", "\n"), nl=False)
    else:
        click.echo("\n".join(_lines(found)))


def _lines(found: Figures) -> Iterator[str]:
    if found.is_empty:
        yield "Nothing yet: no incident began in this period."
        return
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


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return NOT_RECORDED
    mean, median, p95 = (span_words(timedelta(seconds=each)) for each in (spread.mean, spread.median, spread.p95))
    return f"median {median}, mean {mean}, 95 % {p95}, of {spread.count}"
