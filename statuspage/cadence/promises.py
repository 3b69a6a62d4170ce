"""The promise of the next update: made by each public statement, settled once by what comes next, never rewritten."""

from datetime import datetime

from sqlalchemy import select

from .. import drafts
from ..audit import Actor
from ..db import db
from ..models import Incident, IncidentUpdate, Page, Promise
from ..vocabulary import Audience, IncidentStatus, IncidentType, Severity
from . import pauses, recall
from .policies import cadence_for
from .policy import Act, first_update_due, next_update_due, settle

OVER_INSIDE = "It was over before anything was said in public."
TAKEN_OFF = "The incident was taken off the page."


def renew(incident: Incident, update: IncidentUpdate, promise: drafts.Promise, now: datetime) -> None:
    """Settle the promise that stood until now and write down the next one; the caller commits.

    An internal note keeps no promise. An incident that is open inside alone promises its first public update;
    when it is over before that, the promise is withdrawn.
    """
    if update.audience is Audience.INTERNAL:
        if not incident.is_open:
            _settle(incident, Act.WITHDRAW, update.author_id, now, OVER_INSIDE)
        elif incident.audience is Audience.INTERNAL and incident.next_update_due_at is None:
            cadence = cadence_for(incident.page, incident.severity, incident.type)
            _make(incident, first_update_due(cadence, now), update.author_id, now, update, is_first=True)
        elif incident.next_update_due_at is not None:
            incident.next_look_at = now  # the note may have changed the severity, and so who is chased when
        return
    _settle(incident, Act.SPEAK, update.author_id, now)
    due_at = promised_at(incident.page, incident.severity, update.status, promise, now, incident.type)
    if due_at is not None:
        _make(incident, due_at, update.author_id, now, update)
    incident.no_promise_reason = update.no_promise_reason = promise.none_because


def standing(incident: Incident) -> Promise | None:
    """The promise that is neither settled nor over."""
    return db.session.scalar(select(Promise).where(Promise.incident_id == incident.id, Promise.outcome.is_(None)))


def withdraw(incident: Incident, reason: str, by: Actor, now: datetime) -> Promise | None:
    """Nobody waits for the next update any more; the promise that stood comes back. The caller commits."""
    return _settle(incident, Act.WITHDRAW, by.user_id, now, reason)


def replace(incident: Incident, due_at: datetime, reason: str, by: Actor, now: datetime) -> Promise | None:
    """Another promise stands in the place of the one that stood, which comes back. The caller commits."""
    before = _settle(incident, Act.REPLACE, by.user_id, now, reason)
    if before is not None:
        _make(incident, due_at, by.user_id, now, is_first=before.is_first)
    return before


def promised_at(  # noqa: PLR0913 - what is said of what, and when
    page: Page,
    severity: Severity,
    status: IncidentStatus,
    promise: drafts.Promise,
    now: datetime,
    of_type: IncidentType | None = None,
) -> datetime | None:
    """When a public statement made now promises the next one: as its author says, else as the policy says."""
    if promise.none_because:
        return None
    due_at = next_update_due(cadence_for(page, severity, of_type), status, now)
    return now + page.paced(promise.within) if due_at is not None and promise.within is not None else due_at


def is_late(incident: Incident, now: datetime) -> bool:
    """Whether the incident's promise has slipped."""
    return incident.is_open and incident.next_update_due_at is not None and now > incident.next_update_due_at


def _make(  # noqa: PLR0913 - a promise is all of it
    incident: Incident,
    due_at: datetime,
    by_id: int | None,
    now: datetime,
    update: IncidentUpdate | None = None,
    *,
    is_first: bool = False,
) -> None:
    promise = Promise(incident=incident, update=update, is_first=is_first, made_at=now, made_by_id=by_id, due_at=due_at)
    db.session.add(promise)
    incident.next_update_due_at, incident.next_look_at = due_at, now
    if update is not None:
        update.next_update_due_at = due_at


def _settle(incident: Incident, act: Act, by_id: int | None, now: datetime, reason: str = "") -> Promise | None:
    """Settle what stands, once; who was about to be reminded of it is not."""
    # Looked at once more: a deadline may be owed still.
    incident.next_update_due_at, incident.next_look_at = None, now
    promise = standing(incident)
    if promise is None:
        return None
    recall.cancel(incident, now)
    pauses.end(incident, now)
    became = settle(promise.due_at, act, now)
    promise.outcome, promise.settled_at, promise.late_by = became.outcome, became.at, became.late_by
    promise.settled_by_id, promise.reason = by_id, reason
    db.session.flush()  # one stands at a time, and the next is about to be made
    return promise
