"""`candor drill`: rehearse an incident; nobody but the participants hears of it."""

from datetime import datetime
from typing import Any

import click

from .. import staff
from ..audit import COMMAND_LINE
from ..clock import iso_text, span_words, utcnow
from ..drills import playing, scores, scripts
from ..drills.playing import Cast
from ..errors import Conflict
from ..models import Drill, Page
from ..vocabulary import IncidentRole
from ._shell import on_page, show_json, show_table


@click.group()
def drill() -> None:
    """Rehearse an incident: the real reminders and composer, for its participants alone."""


@drill.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_page
def list_(page: Page, as_json: bool) -> None:
    """List the scripts, and the drills that were played."""
    shelf, played, now = scripts.listed(page), playing.listed(page), utcnow()
    if as_json:
        known = [{"id": each.key, "name": each.name, "minutes": each.script.minutes} for each in shelf]
        show_json({"scripts": known, "drills": [_facts(each, now) for each in played]})
        return
    show_table([(each.key, f"{each.script.minutes} min", each.name) for each in shelf])
    show_table([(each.public_id, each.ending or "running", each.name) for each in played])


@drill.command("start")
@click.argument("script")
@click.option("--lead", required=True, help="The comms lead, by mail address.")
@click.option("--commander", help="The incident commander, by mail address.")
@click.option("--with", "others", multiple=True, help="Who else takes part, by mail address.")
@click.option("--pace", type=float, default=1.0, show_default=True, help="How many minutes pass in one.")
@click.option("--tell", is_flag=True, help="Send injects to participants as messages too.")
@on_page
def start(
    page: Page, script: str, lead: str, commander: str | None, others: tuple[str, ...], pace: float, tell: bool
) -> None:
    """Start a drill from SCRIPT, by its id or name; prints the drill's id."""
    roles = [(IncidentRole.COMMUNICATIONS_LEAD, staff.find_by_email(lead))]
    if commander:
        roles.append((IncidentRole.INCIDENT_COMMANDER, staff.find_by_email(commander)))
    also = tuple(staff.find_by_email(each) for each in others)
    told = {*also, *(user for _, user in roles)} if tell else set()
    cast = Cast(tuple(roles), also, told)
    click.echo(playing.start(page, scripts.find(page, script), cast, pace, COMMAND_LINE, utcnow()).public_id)


@drill.command("stop")
@on_page
def stop(page: Page) -> None:
    """Stop the drill that runs."""
    found = playing.running(page)
    if found is None:
        raise Conflict("No drill is running.")
    playing.stop(found, COMMAND_LINE, utcnow())
    click.echo(f"Stopped. Its score: candor drill score {found.public_id}")


@drill.command("score")
@click.argument("drill_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, spans in seconds of the script.")
@on_page
def score(page: Page, drill_id: str, as_json: bool) -> None:
    """Print a drill's score sheet."""
    facts = _facts(playing.find(page, drill_id), utcnow())
    if as_json:
        show_json(facts)
        return
    sheet = scores.sheet(playing.find(page, drill_id), utcnow())
    first = span_words(sheet.first) if sheet.first is not None else "none"
    click.echo(f"First update: {first} (meant: within {span_words(sheet.first_within)})")
    click.echo(f"Promises kept: {sheet.kept} of {sheet.settled}")
    for each in sheet.steps:
        came = f"after {span_words(each.came)}" if each.came is not None else "never"
        verdict = "in time" if each.is_kept else "missed" if each.is_missed else "ahead"
        click.echo(f"{each.label}: meant by +{each.by} min, {came}: {verdict}")
    for each_finding in sheet.findings:
        click.echo(f"Update {each_finding.number}: {each_finding.what} {each_finding.meant}")


def _facts(found: Drill, now: datetime) -> dict[str, Any]:
    sheet = scores.sheet(found, now)
    return {
        "id": found.public_id,
        "name": found.name,
        "started_at": iso_text(found.started_at),
        "ended_at": iso_text(found.ended_at) if found.ended_at else None,
        "ending": found.ending,
        "incident": found.incident.public_id,
        "first_update": sheet.first.total_seconds() if sheet.first is not None else None,
        "first_update_within": sheet.first_within.total_seconds(),
        "promises": {"kept": sheet.kept, "late": [each.total_seconds() for each in sheet.late]},
        "steps": [{"step": each.label, "by": each.by * 60, "in_time": each.is_kept} for each in sheet.steps],
        "findings": [{"update": each.number, "what": each.what, "meant": each.meant} for each in sheet.findings],
    }
