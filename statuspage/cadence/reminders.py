"""Chasing: who owes the next update is told before, at and after its time, with the composer one tap away."""

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy import select, update

from .. import audit
from ..audit import CLOCK
from ..db import db
from ..delivery import outbox
from ..models import Delivery, Incident, Reminder, Role, StaffUser
from ..models.delivery import is_waiting
from ..vocabulary import DeliveryState, IncidentRole, IncidentStatus, StaffRole
from .policies import cadence_for
from .policy import Rung, due_rungs
from .steps import Recipient

log = structlog.get_logger(__name__)

# Who stands in where an incident has nobody in a role.
_STAND_INS = {
    IncidentRole.COMMUNICATIONS_LEAD: (StaffRole.COMMS_LEAD, StaffRole.ADMIN),
    IncidentRole.INCIDENT_COMMANDER: (StaffRole.RESPONDER, StaffRole.ADMIN),
}


def remind_due(now: datetime) -> int:
    """Remind everyone who should have been reminded by now and was not; how many is returned.

    Each incident is one transaction, so that trouble with one leaves the others their reminders. A clock that
    stood still sends each person the latest step only.
    """
    waiting = db.session.scalars(
        select(Incident.id).where(Incident.status != IncidentStatus.RESOLVED, Incident.next_update_due_at.is_not(None))
    ).all()
    db.session.rollback()
    return sum(_try_to_remind_about(incident_id, now) for incident_id in waiting)


def people_for(incident: Incident, role: IncidentRole) -> list[StaffUser]:
    """Who holds the role on this incident; else whoever stands in for it on the staff."""
    held = [
        assignment.staff_user
        for assignment in incident.assignments
        if assignment.role is role and assignment.staff_user.active
    ]
    if held:
        return held
    for stand_in in _STAND_INS.get(role, ()):
        people = _staff(stand_in)
        if people:
            return people
    return []


def people_told(incident: Incident, to: Recipient) -> list[StaffUser]:
    """Everyone whom a step of the ladder is for, on this incident."""
    if to.role is not None:
        return people_for(incident, to.role)
    if to.staff_role is not None:
        return _staff(to.staff_role)
    if to.is_fallback:
        contact = incident.page.fallback_contact
        return [contact] if contact and contact.active else []
    return list(db.session.scalars(select(StaffUser).filter_by(public_id=to.person_id, active=True)))


def _try_to_remind_about(incident_id: int, now: datetime) -> int:
    try:
        return _remind_about(incident_id, now)
    except Exception:  # the next tick tries again
        log.exception("reminders.failed", incident=incident_id)
        db.session.rollback()
        return 0


def _remind_about(incident_id: int, now: datetime) -> int:
    # Not against those who only point to it: a worker that froze while noting its messages would stop the clock.
    mine = {"key_share": True, "of": Incident}
    incident = db.session.get(Incident, incident_id, with_for_update=mine, populate_existing=True)
    if incident is None or not incident.is_open or incident.next_update_due_at is None:
        db.session.rollback()
        return 0
    cadence = cadence_for(incident.page, incident.severity, incident.type)
    latest = _latest_rung_of_each(incident, due_rungs(incident.next_update_due_at, cadence, now))
    told = {(reminder.staff_user_id, reminder.step, reminder.round) for reminder in _reminders_so_far(incident)}
    fresh = [(user, rung) for user, rung in latest.items() if (user.id, rung.step, rung.round) not in told]
    for user, rung in fresh:
        _remind(incident, user, rung, now)
    db.session.commit()
    return len(fresh)


def _latest_rung_of_each(incident: Incident, rungs: Iterable[Rung]) -> dict[StaffUser, Rung]:
    return {user: rung for rung in rungs for user in people_told(incident, rung.to)}


def _reminders_so_far(incident: Incident) -> list[Reminder]:
    query = select(Reminder).filter_by(incident_id=incident.id, promise_due_at=incident.next_update_due_at)
    return list(db.session.scalars(query))


def _remind(incident: Incident, user: StaffUser, rung: Rung, now: datetime) -> None:
    assert incident.next_update_due_at is not None
    _supersede_earlier(incident, user, now)
    reminder_id, announcement = outbox.announce_reminder(incident, user, rung.step, now)
    reminder = Reminder(
        public_id=reminder_id,
        incident=incident,
        staff_user=user,
        announcement=announcement,
        step=rung.step,
        round=rung.round,
        role=rung.to.word,
        promise_due_at=incident.next_update_due_at,
        created_at=now,
    )
    db.session.add(reminder)
    db.session.flush()
    audit.record(CLOCK, "reminder.send", incident, now, step=rung.step.value, to=user.public_id)


def _supersede_earlier(incident: Incident, user: StaffUser, now: datetime) -> None:
    """What has not left yet is out of date: a relay that comes back brings one reminder, not the whole night."""
    earlier = select(Reminder.announcement_id).filter_by(incident_id=incident.id, staff_user_id=user.id)
    db.session.execute(
        update(Delivery)
        .where(is_waiting, Delivery.announcement_id.in_(earlier), Delivery.state == DeliveryState.PENDING)
        .values(state=DeliveryState.SUPERSEDED, reason="A newer reminder took its place.", settled_at=now)
        .execution_options(synchronize_session=False)
    )


def _staff(role: StaffRole) -> list[StaffUser]:
    query = select(StaffUser).where(StaffUser.active, StaffUser.roles.any(Role.name == role.value))
    return list(db.session.scalars(query.order_by(StaffUser.id)))
