"""`candor policy`: how often incidents of each severity speak."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from ..audit import COMMAND_LINE
from ..cadence import plain
from ..cadence.policies import cadence_for, rulebook, set_policy
from ..cadence.policy import Cadence
from ..clock import span_text, utcnow
from ..models import Page
from ..vocabulary import IncidentType, Severity
from ._shell import on_page, show_json, show_table
from ._words import Span, Word

SPANS = ("first", "interval", "lead")
Key = tuple[Severity, IncidentType | None]


@click.group()
def policy() -> None:
    """How often incidents of each severity speak, and when responders are reminded."""


@policy.command("set")
@click.option("--severity", required=True, type=Word(Severity), help="Which incidents it is for.")
@click.option("--type", "of_type", type=Word(IncidentType), help="Only for incidents of this type.")
@click.option("--first", type=Span(), help="To the first public update of an incident opened inside.")
@click.option("--interval", type=Span(), help="From each update to the next.")
@click.option("--lead", type=Span(), help="How long before and after the promise people are reminded.")
@on_page
def set_(
    page: Page, severity: Severity, of_type: IncidentType | None, first: timedelta | None,
    interval: timedelta | None, lead: timedelta | None,
) -> None:  # fmt: skip
    """Change a severity's policy from its next update on; spans left out stay as they are."""
    given = {"first": first, "interval": interval, "lead": lead}
    changes: dict[str, Any] = {name: span for name, span in given.items() if span is not None}
    if not changes:
        raise click.UsageError("Give at least one of --first, --interval and --lead.")
    cadence = replace(cadence_for(page, severity, of_type), **changes)
    set_policy(page, severity, cadence, COMMAND_LINE, utcnow(), of_type)
    show_table([_row(severity, of_type, cadence)])


@policy.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, spans in seconds.")
@on_page
def list_(page: Page, as_json: bool) -> None:
    """List the policies of all severities."""
    book = rulebook(page)
    every: list[Key] = [(severity, None) for severity in Severity]
    own = [key for key in sorted(book.cadences, key=str) if key[1] is not None]
    found = [(*key, book.cadence(*key)) for key in [*every, *own]]
    if as_json:
        show_json([_facts(*each) for each in found])
    else:
        show_table([_row(*each) for each in found])


def _row(severity: Severity, of_type: IncidentType | None, cadence: Cadence) -> tuple[str, ...]:
    spans = {name: span_text(getattr(cadence, name)) for name in SPANS}
    name = f"{severity.value} {of_type.value}" if of_type else severity.value
    return (name, *(f"{name} {span}" for name, span in spans.items()))


def _facts(severity: Severity, of_type: IncidentType | None, cadence: Cadence) -> dict[str, Any]:
    """All of it, spans in seconds; `ladder` is null where the ready-made one is climbed."""
    return {
        "severity": severity.value,
        "type": of_type.value if of_type else None,
        **{name: int(getattr(cadence, name).total_seconds()) for name in SPANS},
        "phases": plain.phase_values(cadence.phases),
        "keeps_hours": cadence.keeps_hours,
        "needs_second": cadence.needs_second,
        "coalescing": int(cadence.coalescing.total_seconds()),
        "ladder": plain.ladder_values(cadence.ladder),
        "repeat": int(cadence.repeats_every.total_seconds()),
        "deadlines": plain.deadline_values(cadence.deadlines),
    }
