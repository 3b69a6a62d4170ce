"""What the figures are made of, asked of the database: so many questions, however long the history is."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from ..db import db
from ..models import (
    ChasePause,
    Component,
    Incident,
    IncidentAssignment,
    IncidentUpdate,
    Page,
    Promise,
    StaffUser,
    UpdateComponent,
)
from ..visibility import PUBLIC, may_see
from ..vocabulary import Audience, IncidentRole, PauseKind, PromiseOutcome
from . import messages, moves, states
from .facts import History, IncidentFacts, PromiseFacts
from .periods import Stretch


def history(page: Page, period: Stretch, now: datetime) -> History:
    """The page's facts of this period: of the incidents that began in it, and all that came of them.

    What was taken off the page is left out.
    """
    since = period.since(now)
    cohort = [Incident.page_id == page.id, Incident.hidden_at.is_(None), Incident.started_at <= now]
    known_since = db.session.scalar(select(func.min(Incident.started_at)).where(*cohort))
    if since is not None:
        cohort.append(Incident.started_at >= since)
    if period.ends_at is not None:
        cohort.append(Incident.started_at < period.ends_at)
    updates = db.session.execute(_UPDATES.where(*cohort)).all()
    incidents = _incidents(cohort, updates)
    told = messages.channels(page, cohort)
    begins_to_know = min(page.created_at, known_since) if known_since else page.created_at
    first = min((each.first_public_at for each in incidents.values() if each.first_public_at), default=None)
    return History(
        period,
        now,
        page.time_zone,
        begins_to_know,
        tuple(incidents.values()),
        _promises(incidents, db.session.execute(_PROMISES.where(*cohort))),
        told.channels,
        moves.between(page, first, now),
        told.announcements,
        told.measured,
        states.components(page, begins_to_know, since or begins_to_know),
    )


def promise_counts() -> dict[PromiseOutcome, int]:
    """How many promises of all pages were kept, late and withdrawn so far."""
    query = (
        select(Promise.outcome, func.count())
        .join(Incident)
        .join(Page)
        .where(_IS_REAL, Incident.hidden_at.is_(None), Promise.outcome.is_not(None))
        .group_by(Promise.outcome)
    )
    return {outcome: count for outcome, count in db.session.execute(query) if outcome is not None}


def promise_totals() -> dict[PromiseOutcome, int]:
    """How many promises ended so, ever: nothing that is taken off the page makes it fewer."""
    query = select(Promise.outcome, func.count()).join(Incident).join(Page).where(_IS_REAL)
    query = query.where(Promise.outcome.is_not(None)).group_by(Promise.outcome)
    return {outcome: count for outcome, count in db.session.execute(query) if outcome is not None}


def promises_standing(now: datetime) -> tuple[int, int]:
    """How many promises stand, and how many of these are late already; without what was taken off the page."""
    query = (
        select(func.count(), func.count().filter(Promise.due_at < now))
        .join(Incident)
        .join(Page)
        .where(_IS_REAL, Promise.outcome.is_(None), Incident.hidden_at.is_(None))
    )
    standing, late = db.session.execute(query).one()
    return standing, late


# What was promised in a drill is counted nowhere but on its score sheet.
_IS_REAL = Page.stage_pace.is_(None)
_UPDATES = (
    select(
        IncidentUpdate.incident_id,
        IncidentUpdate.audience,
        IncidentUpdate.created_at,
    )
    .join(Incident)
    .order_by(IncidentUpdate.incident_id, IncidentUpdate.sequence)
)
_PROMISES = (
    select(Promise.incident_id, Promise.due_at, Promise.outcome, Promise.settled_at, Promise.late_by)
    .join(Incident)
    .order_by(Promise.incident_id, Promise.id)
)
_ACKNOWLEDGED = (
    select(ChasePause.incident_id, func.min(ChasePause.created_at).label("at"))
    .join(Incident)
    .where(ChasePause.kind == PauseKind.ACKNOWLEDGED)
    .group_by(ChasePause.incident_id)
)
_INCIDENTS = select(
    Incident.id, Incident.public_id, Incident.title, Incident.severity, Incident.type, Incident.audience,
    Incident.started_at, Incident.created_at, Incident.detected_at, Incident.resolved_at, Incident.imported_from,
).order_by(Incident.started_at, Incident.id)  # fmt: skip
_COMPONENTS = (
    select(IncidentUpdate.incident_id, Component.name)
    .join(UpdateComponent, UpdateComponent.update_id == IncidentUpdate.id)
    .join(Component, Component.id == UpdateComponent.component_id)
    .join(Incident, Incident.id == IncidentUpdate.incident_id)
    .distinct()
    .order_by(IncidentUpdate.incident_id, Component.name)
)
_LEADS = (
    select(IncidentAssignment.incident_id, StaffUser.name, StaffUser.email)
    .join(StaffUser, StaffUser.id == IncidentAssignment.staff_user_id)
    .join(Incident, Incident.id == IncidentAssignment.incident_id)
    .where(IncidentAssignment.role == IncidentRole.COMMUNICATIONS_LEAD)
    .order_by(IncidentAssignment.incident_id, IncidentAssignment.id)
)


def _incidents(cohort: list[ColumnElement[bool]], updates: Iterable[Any]) -> dict[int, IncidentFacts]:
    rows = db.session.execute(_INCIDENTS.where(*cohort)).all()
    components = _by_incident(db.session.execute(_COMPONENTS.where(*cohort)))
    leads = _by_incident((number, name or email) for number, name, email in db.session.execute(_LEADS.where(*cohort)))
    public, answered = _first_public(updates), _answered(updates, db.session.execute(_ACKNOWLEDGED.where(*cohort)))
    return {
        row.id: IncidentFacts(
            public_id=row.public_id,
            title=row.title,
            severity=row.severity,
            type=row.type,
            started_at=row.started_at,
            created_at=row.created_at,
            detected_at=row.detected_at,
            acknowledged_at=answered.get(row.id),
            first_public_at=public.get(row.id) if may_see(PUBLIC, row) else None,
            resolved_at=row.resolved_at,
            is_imported=row.imported_from is not None,
            components=tuple(components.get(row.id, ())),
            leads=tuple(leads.get(row.id, ())),
        )
        for row in rows
    }


def _promises(incidents: dict[int, IncidentFacts], rows: Iterable[Any]) -> tuple[PromiseFacts, ...]:
    return tuple(
        PromiseFacts(incidents[row.incident_id], row.due_at, row.outcome, row.settled_at, row.late_by)
        for row in rows
        if row.incident_id in incidents
    )


def _first_public(updates: Iterable[Any]) -> dict[int, datetime]:
    found: dict[int, datetime] = {}
    for row in updates:
        if may_see(PUBLIC, row):
            found.setdefault(row.incident_id, row.created_at)
    return found


def _answered(updates: Iterable[Any], acknowledged: Iterable[Any]) -> dict[int, datetime]:
    """When somebody acknowledged it or said a word. What an incident was declared with inside is not an answer."""
    found: dict[int, datetime] = {row.incident_id: row.at for row in acknowledged}
    seen: set[int] = set()
    for row in updates:
        is_declaration = row.incident_id not in seen and row.audience is Audience.INTERNAL
        seen.add(row.incident_id)
        if not is_declaration:
            found[row.incident_id] = min(found.get(row.incident_id, row.created_at), row.created_at)
    return found


def _by_incident(pairs: Iterable[Any]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for number, name in pairs:
        found.setdefault(number, []).append(name)
    return found
