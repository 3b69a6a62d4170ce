"""What a program does to an incident in one request: change its facts and, if it has something to say, say it."""

from datetime import datetime

from . import audit, idempotency
from .audit import Actor
from .db import db
from .drafts import IncidentDraft, IncidentFacts, UpdateDraft
from .errors import Conflict
from .models import Incident, IncidentUpdate, Page
from .publishing import ALREADY_OVER, hold, impact_after, say
from .status import heaviest
from .vocabulary import Audience, Impact, IncidentStatus


def facts_of(incident: Incident) -> IncidentFacts:
    """The incident's facts as they are."""
    return IncidentFacts(incident.title, incident.impact_override, incident.client_data, incident.reminder_intervals)


def revise(  # noqa: PLR0913 - who, when and the key belong to every verb
    incident: Incident, facts: IncidentFacts, draft: UpdateDraft | None, by: Actor, now: datetime, key: str = ""
) -> Incident:
    """The incident's facts are as given; with a draft something is said too, and a resolved incident is reopened by it.

    All of it becomes true in one commit, or none of it. Raises Conflict for every rule of publishing.
    """
    made = idempotency.result(key, IncidentUpdate if draft else Incident)
    if made:
        return incident
    hold(incident)
    _apply(incident, facts, by, now)
    if draft is not None:
        if not incident.is_open and draft.status is IncidentStatus.RESOLVED:
            raise Conflict(ALREADY_OVER)
        say(incident, draft, by, now, key)
        return incident
    idempotency.remember(key, incident, now)
    db.session.commit()
    return incident


def backfill(page: Page, draft: IncidentDraft, by: Actor, now: datetime, key: str = "") -> Incident:
    """History gets an incident that is long over; nobody is told, and no component changes."""
    if made := idempotency.result(key, Incident):
        return made
    at = draft.started_at or now
    if at > now:
        raise Conflict("History lies in the past. Give a date that has been.")
    if draft.first.components:
        raise Conflict("What is written down afterwards changes no components. Leave them out.")
    incident = Incident(
        page=page,
        title=draft.title,
        type=draft.type,
        severity=draft.severity,
        status=IncidentStatus.RESOLVED,
        impact=draft.first.impact_override or Impact.NONE,
        impact_override=draft.first.impact_override,
        audience=Audience.PUBLIC,
        is_backfilled=True,
        client_data=dict(draft.client_data),
        reminder_intervals=draft.reminder_intervals,
        sequence=1,
        started_at=at,
        resolved_at=at,
        created_at=at,
        updated_at=now,
    )
    incident.updates = [
        IncidentUpdate(
            sequence=1, status=IncidentStatus.RESOLVED, body=draft.first.body, is_notified=False, created_at=at
        )
    ]
    page.updated_at = now
    db.session.add(incident)
    db.session.flush()
    audit.record(by, "incident.backfill", incident, now)
    idempotency.remember(key, incident, now)
    db.session.commit()
    return incident


def _apply(incident: Incident, facts: IncidentFacts, by: Actor, now: datetime) -> None:
    if facts == facts_of(incident):
        return
    if facts.impact_override is not incident.impact_override:
        incident.impact_override = facts.impact_override
        incident.impact = facts.impact_override or _reached(incident)
    incident.title, incident.reminder_intervals = facts.title, facts.reminder_intervals
    incident.client_data = dict(facts.client_data)
    incident.updated_at = incident.page.updated_at = now
    audit.record(by, "incident.edit", incident, now)


def _reached(incident: Incident) -> Impact:
    """The heaviest impact that the incident's components ever amounted to."""
    return heaviest(
        impact_after(Impact.NONE, {each.component: each.new_status for each in update.components}, None)
        for update in incident.updates
    )
