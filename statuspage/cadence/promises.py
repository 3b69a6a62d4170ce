"""The promise of the next update: made by each public statement, settled by the next, never rewritten."""

from datetime import datetime

from sqlalchemy import select, update as sql_update

from ..db import db
from ..drafts import Promise
from ..models import Delivery, Incident, IncidentUpdate, Page, Reminder
from ..vocabulary import Audience, DeliveryState, IncidentStatus, PromiseOutcome, Severity
from .policies import cadence_for
from .policy import next_update_due, outcome


def renew(incident: Incident, update: IncidentUpdate, promise: Promise, now: datetime) -> None:
    """Settle the promise that stood until now and write down the next one; the caller commits.

    An internal note keeps no promise. An incident that is open inside alone promises its first public update;
    when it is over before that, the promise is withdrawn.
    """
    if update.audience is Audience.INTERNAL:
        if not incident.is_open:
            _settle(incident, PromiseOutcome.WITHDRAWN, now)
            incident.next_update_due_at = None
        elif incident.audience is Audience.INTERNAL and incident.next_update_due_at is None:
            cadence = cadence_for(incident.page, incident.severity)
            incident.next_update_due_at = update.next_update_due_at = now + cadence.first
        return
    if incident.next_update_due_at is not None:
        _settle(incident, outcome(incident.next_update_due_at, now), now)
    due_at = promised_at(incident.page, incident.severity, update.status, promise, now)
    incident.next_update_due_at = update.next_update_due_at = due_at
    incident.no_promise_reason = update.no_promise_reason = promise.none_because


def withdraw(incident: Incident, now: datetime) -> None:
    """Nobody waits for the next update any more; the caller commits."""
    _settle(incident, PromiseOutcome.WITHDRAWN, now, incident.sequence)
    incident.next_update_due_at = None


def promised_at(
    page: Page, severity: Severity, status: IncidentStatus, promise: Promise, now: datetime
) -> datetime | None:
    """When a public statement made now promises the next one: as its author says, else as the policy says."""
    if promise.none_because:
        return None
    due_at = next_update_due(cadence_for(page, severity), status, now)
    return now + promise.within if due_at is not None and promise.within is not None else due_at


def is_late(incident: Incident, now: datetime) -> bool:
    """Whether the incident's promise has slipped."""
    return incident.is_open and incident.next_update_due_at is not None and now > incident.next_update_due_at


def _settle(incident: Incident, became: PromiseOutcome, now: datetime, newest: int | None = None) -> None:
    """Settle what stood before the statement at hand, or up to the `newest` one."""
    _cancel_reminders(incident, now)
    promised = db.session.scalar(
        select(IncidentUpdate)
        .where(
            IncidentUpdate.incident_id == incident.id,
            IncidentUpdate.next_update_due_at.is_not(None),
            IncidentUpdate.promise_outcome.is_(None),
            IncidentUpdate.sequence <= (incident.sequence - 1 if newest is None else newest),
        )
        .order_by(IncidentUpdate.sequence.desc())
        .limit(1)
    )
    if promised:
        promised.promise_outcome, promised.promise_settled_at = became, now


def _cancel_reminders(incident: Incident, now: datetime) -> None:
    pending = db.session.scalars(
        select(Reminder).where(Reminder.incident_id == incident.id, Reminder.cancelled_at.is_(None))
    )
    for reminder in pending:
        reminder.cancelled_at = now
        db.session.execute(
            sql_update(Delivery)
            .where(Delivery.announcement_id == reminder.announcement_id, Delivery.state == DeliveryState.PENDING)
            .values(state=DeliveryState.WITHDRAWN, reason="The update came before the reminder left.", settled_at=now)
        )
