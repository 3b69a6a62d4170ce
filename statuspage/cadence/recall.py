"""Taking reminders back: what has not left yet and is no longer wanted stays here. The callers commit."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import select, update

from ..db import db
from ..delivery import outbox
from ..delivery.nudges import Nudge
from ..models import Deadline, DeadlineReminder, Delivery, Incident, Reminder, StaffUser
from ..models.delivery import is_waiting
from ..vocabulary import DeliveryState, IncidentRole, ReminderCause

ANSWERED = "The update came before the reminder left."
NEWER = "A newer reminder took its place."
SETTLED = "The deadline was settled before the reminder left."

Said = Reminder | DeadlineReminder


def cancel(incident: Incident, now: datetime) -> None:
    """The promise is settled: its reminders ask for nothing any more, and those that have not left never will."""
    live = _live_of(incident)
    for reminder in live:
        reminder.cancelled_at = now
    _take_back(live, DeliveryState.WITHDRAWN, ANSWERED, now)


def withdraw_unsent(incident: Incident, reason: str, now: datetime) -> None:
    """Nobody is reminded of this incident by what has not left yet; links that are out still work."""
    _take_back(_live_of(incident), DeliveryState.WITHDRAWN, reason, now)


def release(incident: Incident, user: StaffUser, reason: str, now: datetime) -> None:
    """The person is no longer asked about this incident: their links end, and what has not left stays here."""
    theirs = [each for each in _live_of(incident) if each.staff_user_id == user.id]
    for reminder in theirs:
        reminder.cancelled_at = now
    _take_back(theirs, DeliveryState.WITHDRAWN, reason, now)


def withdraw_of(deadlines: Collection[Deadline], reason: str, now: datetime) -> None:
    """Nobody is reminded of these deadlines by what has not left yet."""
    query = select(DeadlineReminder).where(DeadlineReminder.deadline_id.in_([each.id for each in deadlines]))
    _take_back(db.session.scalars(query).all(), DeliveryState.WITHDRAWN, reason, now)


def supersede(announcement_ids: Collection[int], now: datetime) -> None:
    """What has not left yet is out of date: a relay that comes back brings one reminder, not the whole night."""
    if announcement_ids:
        _settle(announcement_ids, DeliveryState.SUPERSEDED, NEWER, now)


def _live_of(incident: Incident) -> list[Reminder]:
    query = select(Reminder).where(Reminder.incident_id == incident.id, Reminder.cancelled_at.is_(None))
    return list(db.session.scalars(query.order_by(Reminder.id)))


def _take_back(reminders: Iterable[Said], state: DeliveryState, reason: str, now: datetime) -> None:
    """The messages of these reminders stay here; one that spoke of other incidents too is said again without them."""
    gone = set(reminders)
    if not gone:
        return
    db.session.flush()
    announcements = {each.announcement_id for each in gone}
    waiting = list(
        db.session.execute(
            select(Delivery.announcement_id, Delivery.channel).where(
                is_waiting, Delivery.announcement_id.in_(announcements), Delivery.state == DeliveryState.PENDING
            )
        )
    )
    if not waiting:
        return
    _settle({number for number, _ in waiting}, state, reason, now)
    for number in sorted({number for number, _ in waiting}):
        rest = [each for each in _live_on(number) if each not in gone]
        if rest:
            _say_again(rest, [channel for of, channel in waiting if of == number], now)


def _live_on(announcement_id: int) -> list[Said]:
    """What this message says that still holds."""
    promised = select(Reminder).where(Reminder.announcement_id == announcement_id, Reminder.cancelled_at.is_(None))
    owed = select(DeadlineReminder).where(DeadlineReminder.announcement_id == announcement_id)
    return [
        *db.session.scalars(promised.order_by(Reminder.id)),
        *(each for each in db.session.scalars(owed.order_by(DeadlineReminder.id)) if is_owed(each.deadline)),
    ]


def is_owed(deadline: Deadline) -> bool:
    """Whether somebody still has to settle it."""
    return deadline.done_at is None and not deadline.incident.is_hidden


def _say_again(rest: list[Said], channels: Collection[str], now: datetime) -> None:
    nudging = outbox.Nudging(rest[0].staff_user, [nudge_of(each) for each in rest], only=channels)
    (number,) = outbox.announce_nudges([nudging], now)
    for reminder in rest:
        reminder.announcement_id = number


def nudge_of(reminder: Said) -> Nudge:
    """What a message says of this reminder."""
    if isinstance(reminder, DeadlineReminder):
        deadline = reminder.deadline
        return Nudge(deadline.incident, reminder.step, reminder.should_come_at, deadline=deadline)
    by = wanted_role(reminder.cause, reminder.role)
    return Nudge(reminder.incident, reminder.step, reminder.due_at, reminder.cause, by, reminder.public_id)


def wanted_role(cause: ReminderCause, word: str) -> str:
    """Which role nobody has, in words; empty where that is not the reason."""
    return IncidentRole(word).label.lower() if cause is ReminderCause.UNCLAIMED else ""


def _settle(announcement_ids: Collection[int], state: DeliveryState, reason: str, now: datetime) -> None:
    db.session.execute(
        update(Delivery)
        .where(is_waiting, Delivery.announcement_id.in_(announcement_ids), Delivery.state == DeliveryState.PENDING)
        .values(state=state, reason=reason, settled_at=now)
        .execution_options(synchronize_session=False)
    )
