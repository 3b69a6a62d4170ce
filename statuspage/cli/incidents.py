"""`candor incident`: the comms lead's verbs from the host's shell."""

import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import click
from sqlalchemy import select

from .. import components, drafts, publishing, staff
from ..audit import COMMAND_LINE
from ..cadence import moving
from ..channels import clean_address
from ..clock import iso_text, span_text, utcnow
from ..db import db
from ..drafts import UpdateDraft
from ..models import Component, Incident, IncidentUpdate, Page, StaffUser
from ..vocabulary import ComponentStatus, Impact, IncidentRole, IncidentStatus, IncidentType, Severity
from . import _incident_facts as facts
from ._shell import on_page, show_json, show_table
from ._words import Pair, Span, Word

Command = TypeVar("Command", bound=Callable[..., Any])
States = tuple[tuple[str, ComponentStatus], ...]

_SHORT_ROLES = {"commander": "incident_commander", "comms_lead": "communications_lead", "tech_lead": "technical_lead"}
_SAYING: tuple[Callable[[Any], Any], ...] = (
    click.option("--body", required=True, help="What is said, in Markdown; - reads standard input."),
    click.option(
        "--component",
        "states",
        multiple=True,
        type=Pair("NAME=STATUS", Word(ComponentStatus)),
        help="The state of a component from now on; may be repeated.",
    ),
    click.option("--impact", type=Word(Impact), help="What the public is told, instead of what follows."),
    click.option("--internal", is_flag=True, help="Say it to staff only."),
    click.option("--no-notify", is_flag=True, help="Put it on the page without telling subscribers."),
    click.option("--next-update", type=Span(), help="Promise the next update within this; by policy otherwise."),
    click.option("--no-promise", metavar="REASON", help="Promise no next update, and say why."),
    click.option("--key", default="", help="The same key again returns what the first call made."),
)


def saying(command: Command) -> Command:
    """The options of whatever says something."""
    for option in reversed(_SAYING):
        command = option(command)
    return command


@click.group()
def incident() -> None:
    """Open, update, resolve and read incidents."""


@incident.command("open")
@click.option("--title", required=True, help="What a customer would call it.")
@click.option("--severity", type=Word(Severity), help="Picks the cadence; sev3 unless told.")
@click.option("--type", "kind", type=Word(IncidentType), help="What kind of trouble it is.")
@click.option("--status", type=Word(IncidentStatus), help="Investigating unless told.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=Pair("ROLE=EMAIL"),
    help="Who holds a role: commander, comms-lead, tech-lead or responder; may be repeated.",
)
@saying
@on_page
def open_(
    page: Page,
    /,
    title: str,
    severity: Severity | None,
    kind: IncidentType | None,
    roles: tuple[tuple[str, str], ...],
    states: States,
    key: str,
    **said: Any,
) -> None:
    """Open an incident with its first statement and print its id."""
    typed = {"title": title, "severity": severity or "", "type": kind or "", **_typed(**said)}
    draft = drafts.read_incident(typed, _components(page, states), _roles(roles))
    click.echo(publishing.open_incident(page, draft, COMMAND_LINE, utcnow(), key).public_id)


@incident.command()
@click.argument("incident_id", metavar="ID")
@click.option("--status", type=Word(IncidentStatus), help="Where it stands now; unchanged unless told.")
@click.option("--severity", type=Word(Severity), help="A new grade, where it has changed.")
@saying
@on_page
def update(page: Page, /, incident_id: str, **said: Any) -> None:
    """Say something new about an open incident and print the update's id.

    Resolving leaves the components as they are unless they are given, and names those that are not green.
    """
    _say(page, incident_id, publishing.post_update, said)


@incident.command()
@click.argument("incident_id", metavar="ID")
@click.option("--status", type=Word(IncidentStatus), default=IncidentStatus.INVESTIGATING.value, show_default=True)
@click.option("--severity", type=Word(Severity), help="A new grade, where it has changed.")
@saying
@on_page
def reopen(page: Page, /, incident_id: str, **said: Any) -> None:
    """Open a resolved incident again, with words that say so, and print the update's id."""
    _say(page, incident_id, publishing.reopen, said)


@incident.command()
@click.argument("incident_id", metavar="ID")
@click.option("--because", required=True, metavar="REASON", help="Why; readers see it.")
@click.option("--next-update", "within", type=Span(), help="Promise it within this from now; left out, none is.")
@on_page
def promise(page: Page, incident_id: str, because: str, within: timedelta | None) -> None:
    """Move the promise of the next update, or withdraw it, without saying anything new; nobody gets a message."""
    found, now = publishing.find_incident(page, incident_id), utcnow()
    if within is None:
        moving.withdraw(found, because, COMMAND_LINE, now)
    else:
        moving.after(found, within, because, COMMAND_LINE, now)
    click.echo(iso_text(found.next_update_due_at) if found.next_update_due_at else "none")


@incident.command()
@click.argument("incident_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_page
def show(page: Page, incident_id: str, as_json: bool) -> None:
    """Show all that was said about an incident, and what became of it."""
    known = facts.whole(publishing.find_incident(page, incident_id))
    if as_json:
        show_json(known)
    else:
        click.echo("\n".join(_lines(known)))


@incident.command("list")
@click.option("--open", "only_open", is_flag=True, help="Leave out resolved ones.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_page
def list_(page: Page, only_open: bool, as_json: bool) -> None:
    """List the incidents, newest first."""
    query = select(Incident).filter_by(page_id=page.id).order_by(Incident.started_at.desc(), Incident.id.desc())
    if only_open:
        query = query.where(Incident.status != IncidentStatus.RESOLVED, Incident.hidden_at.is_(None))
    found = list(db.session.scalars(query))
    if as_json:
        show_json([facts.summary(each) for each in found])
    else:
        show_table(
            [
                (each.public_id, iso_text(each.started_at), each.status.value, each.severity.value, each.title)
                for each in found
            ]
        )


def _say(page: Page, incident_id: str, verb: Callable[..., IncidentUpdate], said: dict[str, Any]) -> None:
    found = publishing.find_incident(page, incident_id)
    states, key = _components(page, said.pop("states")), said.pop("key")
    typed = {**_typed(**said), "leave_components": "yes"}
    draft = drafts.read_update(typed, states, found.status)
    click.echo(verb(found, draft, COMMAND_LINE, utcnow(), key).public_id)
    _warn_of_what_is_left(found, draft)


def _typed(  # one name for each option of _SAYING
    *,
    status: IncidentStatus | None,
    body: str,
    impact: Impact | None,
    internal: bool,
    no_notify: bool,
    next_update: timedelta | None,
    no_promise: str | None,
    severity: Severity | None = None,
) -> dict[str, str]:
    """The options as the fields of a draft."""
    if next_update is not None and no_promise is not None:
        raise click.UsageError("Give either --next-update or --no-promise.")
    typed = {"status": status or "", "impact": impact or ""}
    if severity:
        typed["severity"] = severity
    typed["body"] = sys.stdin.read() if body == "-" else body
    typed["audience"] = "internal" if internal else "public"
    typed["notify"] = "no" if no_notify else "yes"
    if next_update is not None:
        typed |= {"promise": "within", "promise_within": span_text(next_update)}
    if no_promise is not None:
        typed |= {"promise": "none", "no_promise_reason": no_promise}
    return typed


def _components(page: Page, states: States) -> dict[Component, str]:
    return {components.find_by_name(page, name): status.value for name, status in states}


def _roles(given: tuple[tuple[str, str], ...]) -> tuple[tuple[IncidentRole, StaffUser], ...]:
    word = Word(IncidentRole, _SHORT_ROLES)
    held = []
    for name, email in given:
        role = IncidentRole(word.convert(name, None, None))
        held.append((role, staff.find_by_email(clean_address("email", email, "role"))))
    return tuple(dict.fromkeys(held))


def _warn_of_what_is_left(found: Incident, draft: UpdateDraft) -> None:
    if draft.status is IncidentStatus.RESOLVED:
        behind = publishing.not_green(found)
        if behind:
            names = ", ".join(f"{component.name} ({component.status.label.lower()})" for component in behind)
            click.echo(f"Still not operational: {names}.", err=True)


def _lines(known: Mapping[str, Any]) -> list[str]:
    promise = known["next_update_due_at"] or known["no_promise_reason"] or "none"
    lines = [
        known["title"],
        f"{known['status']} · {known['severity']} · {known['type']} · impact {known['impact']} · {known['audience']}",
        f"Started {known['started_at']} · resolved {known['resolved_at'] or 'not yet'} · next update {promise}",
        known["url"],
        *(f"  {component['name']}: {component['status']}" for component in known["components"]),
        *(f"  {held['role']}: {held['email']}" for held in known["roles"]),
    ]
    for said in known["updates"]:
        ledger = said["announcement"]
        told = " · ".join(f"{count} {state}" for state, count in ledger["states"].items()) if ledger else "nobody told"
        told = told or "nobody told yet"
        lines += [
            "",
            f"{said['sequence']}. {said['created_at']} {said['status']} ({said['audience']}; {told})",
            said["body"],
        ]
    lines += [
        f"Reminded {each['to']} ({each['step']}, {each['role']}) {each['created_at']}" for each in known["reminders"]
    ]
    return lines
