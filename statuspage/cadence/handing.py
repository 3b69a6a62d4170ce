"""Who speaks for an incident changes hands: handed to a colleague, who is told, or taken over."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from .. import audit, text
from ..audit import Actor
from ..clock import iso_text
from ..db import db, lock
from ..delivery import outbox
from ..delivery.nudges import Nudge
from ..errors import Conflict, Invalid
from ..models import Incident, IncidentAssignment, Reminder, StaffUser
from ..vocabulary import Audience, IncidentRole, ReminderCause, ReminderStep
from . import pauses, recall

LEAD = IncidentRole.COMMUNICATIONS_LEAD
EXCERPT = 200
OVER = "This incident is resolved: there is nothing to hand over."


def hand_over(incident: Incident, to: StaffUser, by: Actor, now: datetime) -> bool:
    """The colleague speaks for the incident from now on and is told so; who did until now is asked no more.

    How things stood at that moment is in the journal. Handing it to whoever has it already changes nothing, and
    says so: False.
    """
    _hold(incident)
    if not to.active:
        db.session.rollback()
        raise Invalid({"to": "This colleague has left. Choose another."})
    if not incident.page.may_tell(to):
        db.session.rollback()
        raise Invalid({"to": "This colleague takes no part in the drill. Choose another."})
    before = _holders(incident, LEAD)
    if [each.id for each in before] == [to.id]:
        db.session.rollback()
        return False
    _give(incident, LEAD, to)
    pauses.end(incident, now)
    for former in before:
        recall.release(incident, former, f"{to.display_name} has it now.", now)
    if by.user is not None and by.user.id != to.id:
        recall.release(incident, by.user, f"{to.display_name} has it now.", now)
    if by.user_id != to.id:
        _tell(incident, to, by, now)
    incident.next_look_at = now
    audit.record(by, "incident.hand_over", incident, now, to=to.public_id, **_state(incident, before))
    db.session.commit()
    return True


def take_over(incident: Incident, by: Actor, now: datetime, role: IncidentRole = LEAD) -> None:
    """Whoever says so has this role on the incident from now on, alone. Said twice it changes nothing more."""
    if by.user is None:
        raise Conflict("Only a person can take a role.")
    _hold(incident)
    before = _holders(incident, role)
    if [each.id for each in before] == [by.user.id]:
        db.session.rollback()
        return
    _give(incident, role, by.user)
    if role is LEAD:
        pauses.end(incident, now)
        for former in before:
            recall.release(incident, former, f"{by.user.display_name} has it now.", now)
    incident.next_look_at = now
    audit.record(by, "incident.take_over", incident, now, role=role.value, **_state(incident, before))
    db.session.commit()


def _hold(incident: Incident) -> None:
    lock(incident)
    db.session.expire(incident, ["assignments"])
    if not incident.is_open:
        db.session.rollback()
        raise Conflict(OVER)


def _holders(incident: Incident, role: IncidentRole) -> list[StaffUser]:
    return [held.staff_user for held in incident.assignments if held.role is role]


def _give(incident: Incident, role: IncidentRole, user: StaffUser) -> None:
    incident.assignments = [held for held in incident.assignments if held.role is not role]
    db.session.flush()
    incident.assignments.append(IncidentAssignment(role=role, staff_user=user))


def _tell(incident: Incident, to: StaffUser, by: Actor, now: datetime) -> None:
    """The new one is told at once, with a link of their own."""
    due_at = incident.next_update_due_at
    if due_at is None:
        due_at = now  # nothing is promised: the link is theirs all the same
    step = ReminderStep.OVERDUE if now > due_at else ReminderStep.DUE_SOON
    name = by.user.display_name if by.user else "A colleague"
    nudge = Nudge(incident, step, now, ReminderCause.HANDED_OVER, name)
    counted = select(func.count()).where(
        Reminder.incident_id == incident.id, Reminder.cause == ReminderCause.HANDED_OVER
    )
    (number,) = outbox.announce_nudges([outbox.Nudging(to, [nudge])], now)
    reminder = Reminder(
        public_id=nudge.reminder_id,
        incident=incident,
        staff_user=to,
        announcement_id=number,
        step=step,
        cause=ReminderCause.HANDED_OVER,
        round=db.session.scalar(counted) or 0,
        role=LEAD.value,
        promise_due_at=due_at,
        due_at=now,
        created_at=now,
    )
    db.session.add(reminder)


def _state(incident: Incident, before: list[StaffUser]) -> dict[str, Any]:
    """How things stand at this moment, for the journal: status, promise, and the last words in public."""
    due_at = incident.next_update_due_at
    said = [update for update in incident.updates if update.audience is Audience.PUBLIC]
    return {
        "from": [each.public_id for each in before],
        "status": incident.status.value,
        "promise": iso_text(due_at) if due_at else incident.no_promise_reason or "none",
        "last_words": text.excerpt(text.plain(said[-1].body), EXCERPT) if said else "nothing was said in public yet",
        "last_said": iso_text(said[-1].created_at) if said else None,
    }
