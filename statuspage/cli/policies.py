"""`candor policy`: how often incidents of each severity speak."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from ..audit import COMMAND_LINE
from ..cadence.policies import cadence_for, set_policy
from ..cadence.policy import Cadence
from ..clock import span_text, utcnow
from ..models import Page
from ..vocabulary import Severity
from ._shell import on_page, show_json, show_table
from ._words import Span, Word


@click.group()
def policy() -> None:
    """How often incidents of each severity speak, and when responders are reminded."""


@policy.command("set")
@click.option("--severity", required=True, type=Word(Severity), help="Which incidents it is for.")
@click.option("--first", type=Span(), help="To the first public update of an incident opened inside.")
@click.option("--interval", type=Span(), help="From each update to the next.")
@click.option("--lead", type=Span(), help="How long before and after the promise people are reminded.")
@on_page
def set_(
    page: Page, severity: Severity, first: timedelta | None, interval: timedelta | None, lead: timedelta | None
) -> None:
    """Change a severity's policy from its next update on; spans left out stay as they are."""
    given = {"first": first, "interval": interval, "lead": lead}
    changes: dict[str, Any] = {name: span for name, span in given.items() if span is not None}
    if not changes:
        raise click.UsageError("Give at least one of --first, --interval and --lead.")
    cadence = replace(cadence_for(page, severity), **changes)
    set_policy(page, severity, cadence, COMMAND_LINE, utcnow())
    show_table([_row(severity, cadence)])


@policy.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, spans in seconds.")
@on_page
def list_(page: Page, as_json: bool) -> None:
    """List the policies of all severities."""
    found = {severity: cadence_for(page, severity) for severity in Severity}
    if as_json:
        show_json([{"severity": severity.value, **_seconds(cadence)} for severity, cadence in found.items()])
    else:
        show_table([_row(severity, cadence) for severity, cadence in found.items()])


def _row(severity: Severity, cadence: Cadence) -> tuple[str, ...]:
    spans = {name: span_text(getattr(cadence, name)) for name in ("first", "interval", "lead")}
    return (severity.value, *(f"{name} {span}" for name, span in spans.items()))


def _seconds(cadence: Cadence) -> dict[str, int]:
    return {name: int(getattr(cadence, name).total_seconds()) for name in ("first", "interval", "lead")}
