"""v1: incidents. A write says something new when it carries a status, a body or states that differ."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from .. import publishing, revising, urls
from ..drafts import DEFAULT_TYPE, IncidentDraft, IncidentFacts, UpdateDraft, default_words
from ..errors import Invalid
from ..models import Component, Incident
from ..vocabulary import ComponentStatus, Impact, IncidentStatus, Scope, Severity
from . import answers, facts, resources, shapes
from .documents import Document
from .operations import Call, v1

BASE = "/pages/{page_id}/incidents"
ONE = BASE + "/{incident_id}"
SCHEDULED = ("scheduled", "in_progress", "verifying", "completed")
NOT_YET = "Maintenances cannot be scheduled here yet. Open an incident instead."


@v1.operation("GET", BASE, scope=Scope.READ, answer=list[answers.Incident], query=shapes.IncidentPaging)
def list_incidents(call: Call) -> list[Document]:
    """List incidents, newest first."""
    size = min(call.query.limit, 100)
    start = max(call.query.page - 1, 0) * size
    return _resources(call, facts.incidents(call.page, search=call.query.q, limit=size, offset=start))


@v1.operation("POST", BASE, scope=Scope.PUBLISH, answer=answers.Incident, body=shapes.NewIncident, status=201)
def create_incident(call: Call) -> Document:
    """Create an incident and tell its subscribers."""
    asked: shapes.NewIncidentAttributes = call.body.incident
    _refuse_maintenance(asked)
    status = IncidentStatus(asked.status or ("resolved" if asked.backfilled else "investigating"))
    draft = IncidentDraft(
        title=asked.name,
        type=DEFAULT_TYPE,
        severity=Severity.SEV3,
        first=UpdateDraft(
            status=status,
            body=_words(asked) or default_words(status),
            components=_states(call, asked),
            is_notified=asked.deliver_notifications is not False,
            impact_override=Impact(asked.impact_override) if asked.impact_override else None,
            leaves_components=True,
        ),
        started_at=datetime.fromisoformat(asked.backfill_date) if asked.backfill_date and asked.backfilled else None,
        client_data=asked.metadata or {},
        reminder_intervals=asked.reminder_intervals,
    )
    verb = revising.backfill if asked.backfilled else publishing.open_incident
    return _resource(call, verb(call.page, draft, call.by, call.now, call.once))


@v1.operation("GET", BASE + "/unresolved", scope=Scope.READ, answer=list[answers.Incident], query=shapes.Paging)
def list_unresolved_incidents(call: Call) -> list[Document]:
    """List unresolved incidents."""
    size = min(call.query.per_page, 100)
    start = max(call.query.page - 1, 0) * size
    return _resources(call, facts.incidents(call.page, only_open=True, limit=size, offset=start))


@v1.operation("GET", BASE + "/scheduled", scope=Scope.READ, answer=list[answers.Incident], query=shapes.Paging)
def list_scheduled_incidents(_call: Call) -> list[Document]:
    """List scheduled maintenances; there are none until they can be planned here."""
    return []


@v1.operation("GET", BASE + "/upcoming", scope=Scope.READ, answer=list[answers.Incident], query=shapes.Paging)
def list_upcoming_incidents(_call: Call) -> list[Document]:
    """List maintenances ahead; there are none until they can be planned here."""
    return []


@v1.operation("GET", BASE + "/active_maintenance", scope=Scope.READ, answer=list[answers.Incident], query=shapes.Paging)
def list_active_maintenances(_call: Call) -> list[Document]:
    """List maintenances in progress; there are none until they can be planned here."""
    return []


@v1.operation("GET", ONE, scope=Scope.READ, answer=answers.Incident)
def get_incident(call: Call) -> Document:
    """Get an incident."""
    return _resource(call, facts.incident(call.page, call.ids["incident_id"]))


@v1.operation("PATCH", ONE, scope=Scope.PUBLISH, answer=answers.Incident, body=shapes.IncidentChange)
def update_incident(call: Call) -> Document:
    """Change an incident, and say what is new about it."""
    incident = facts.incident(call.page, call.ids["incident_id"])
    asked: shapes.IncidentAttributes = call.body.incident
    _refuse_maintenance(asked)
    changed = _changed_facts(incident, asked)
    draft = _draft(call, incident, asked, changed)
    return _resource(call, revising.revise(incident, changed, draft, call.by, call.now, call.once))


@v1.operation("DELETE", ONE, scope=Scope.PUBLISH, answer=answers.Incident)
def delete_incident(call: Call) -> Document:
    """Take an incident out of public sight; the record keeps it."""
    incident = facts.incident(call.page, call.ids["incident_id"])
    gone = _resource(call, incident)
    publishing.hide(incident, call.by, call.now)
    return gone


def offered(call: Call, ids: Iterable[str], field: str) -> list[Component]:
    """The page's components with these ids; raises Invalid naming one that is not among them."""
    known = {component.public_id: component for component in facts.listed_components(call.page)}
    wanted = list(dict.fromkeys(ids))
    unknown = [each for each in wanted if each not in known]
    if unknown:
        raise Invalid({field: f"“{unknown[0][:40]}” is not a component of this page."})
    return [known[each] for each in wanted]


def _draft(
    call: Call, incident: Incident, asked: shapes.IncidentAttributes, changed: IncidentFacts
) -> UpdateDraft | None:
    """What is said; None when nothing is new."""
    status = IncidentStatus(asked.status) if asked.status else incident.status
    states, words = _states(call, asked), _words(asked)
    moved = {component for component, state in states.items() if component.status is not state}
    joins = set(states) - set(publishing.affected(incident))
    if not words and status is incident.status and not moved and not joins:
        return None
    return UpdateDraft(
        status=status,
        body=words or default_words(status if status is not incident.status else None),
        components=states,
        is_notified=asked.deliver_notifications is not False,
        impact_override=changed.impact_override,
        leaves_components=True,
    )


def _changed_facts(incident: Incident, asked: shapes.IncidentAttributes) -> IncidentFacts:
    present, given = revising.facts_of(incident), asked.model_fields_set
    override = Impact(asked.impact_override) if asked.impact_override else None
    return IncidentFacts(
        title=asked.name or present.title,
        impact_override=override if "impact_override" in given else present.impact_override,
        client_data=asked.metadata if asked.metadata is not None else present.client_data,
        reminder_intervals=asked.reminder_intervals if "reminder_intervals" in given else present.reminder_intervals,
    )


def _states(call: Call, asked: shapes.IncidentAttributes) -> dict[Component, ComponentStatus]:
    """Every component concerned, with its state from now on; those only named keep theirs."""
    states: dict[str, Any] = dict.fromkeys(asked.component_ids or [], "")
    if isinstance(asked.components, list):
        states |= dict.fromkeys(asked.components, "")
    elif asked.components:
        states |= asked.components
    field = "incident.component_ids" if asked.component_ids else "incident.components"
    return {
        component: ComponentStatus(states[component.public_id] or component.status)
        for component in offered(call, states, field)
    }


def _words(asked: shapes.IncidentAttributes) -> str:
    return asked.body or asked.message or ""


def _refuse_maintenance(asked: shapes.IncidentAttributes) -> None:
    if asked.status in SCHEDULED:
        raise Invalid({"incident.status": NOT_YET})
    if asked.scheduled_for or asked.scheduled_until:
        field = "scheduled_for" if asked.scheduled_for else "scheduled_until"
        raise Invalid({f"incident.{field}": NOT_YET})


def _resource(call: Call, incident: Incident) -> Document:
    return resources.incident_resource(call.page, urls.settings().base_url, incident)


def _resources(call: Call, incidents: Iterable[Incident]) -> list[Document]:
    return [_resource(call, incident) for incident in incidents]
