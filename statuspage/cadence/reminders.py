"""Chasing: who owes the next update is told before, at and after its time, with the composer one tap away."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, exists, insert, select, update
from sqlalchemy.orm import joinedload, lazyload, selectinload

from .. import audit
from ..audit import CLOCK
from ..db import db, reading
from ..delivery import outbox
from ..delivery.nudges import Nudge
from ..models import (
    CadencePolicy,
    Deadline,
    DeadlineReminder,
    Delivery,
    Incident,
    IncidentUpdate,
    Reminder,
    StaffUser,
)
from ..models.delivery import is_waiting
from ..vocabulary import DeliveryState
from . import owing, recall
from .chases import gather, with_people
from .plans import Call, OwedCall, Plan, draw_up
from .roster import Roster

log = structlog.get_logger(__name__)

AT_ONCE = 500
# What cannot be chased is tried again, not every second.
AFTER_TROUBLE = timedelta(seconds=10)


def remind_due(now: datetime) -> int:
    """Remind everyone who should have been reminded by now and was not; how many reminders is returned.

    What one person owes comes in one message, of each incident the highest step only. One transaction takes many
    incidents, in a fixed number of statements; where there is trouble it is taken apart until what is in trouble
    stands alone, and the others have their reminders.
    """
    with reading():
        due = list(
            db.session.scalars(
                select(Incident.id)
                .where(Incident.next_look_at <= now)
                .order_by(Incident.next_look_at, Incident.id)
                .limit(AT_ONCE)
            )
        )
    return _try(due, now, is_whole=True) if due else 0


def _try(numbers: Sequence[int], now: datetime, *, is_whole: bool = False) -> int:
    try:
        return _remind_of(numbers, now, is_whole=is_whole)
    except Exception:
        db.session.rollback()
        if len(numbers) == 1:
            log.exception("reminders.failed", incident=numbers[0])
            _look_later(numbers[0], now)
            return 0
    middle = len(numbers) // 2
    return _try(numbers[:middle], now) + _try(numbers[middle:], now)


def _remind_of(numbers: Collection[int], now: datetime, *, is_whole: bool) -> int:
    span = _longest_coalescing() if is_whole else timedelta(0)
    is_near = (Incident.next_look_at > now) & (Incident.next_look_at <= now + span)
    is_wanted = Incident.id.in_(numbers) | is_near if span else Incident.id.in_(numbers)
    # Not against those who only point to it, and not waiting for whoever is publishing: the next tick comes soon.
    query = select(Incident).where(is_wanted).order_by(Incident.id)
    query = query.with_for_update(key_share=True, skip_locked=True, of=Incident)
    mine = list(db.session.scalars(with_people(query).execution_options(populate_existing=True)))
    plan = draw_up(gather(mine), Roster(now), now, owing.gather(mine))
    _write_down(plan, now)
    for incident in mine:
        incident.next_look_at = plan.looks.get(incident.id)
    db.session.commit()
    return plan.count


def _longest_coalescing() -> timedelta:
    return max(db.session.scalars(select(CadencePolicy.coalescing).distinct()), default=timedelta(0))


def _look_later(number: int, now: datetime) -> None:
    db.session.execute(
        update(Incident)
        .where(Incident.id == number)
        .values(next_look_at=now + AFTER_TROUBLE)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _write_down(plan: Plan, now: datetime) -> None:
    """The reminders, their messages and the record. What is read is read first: each of these is one statement."""
    people = plan.people
    if not people:
        return
    unsent = _unsent(people)
    _load_last_words({call.incident.id for calls in plan.calls.values() for call in calls})
    recall.supersede({each.announcement_id for theirs in unsent.values() for each in theirs}, now)
    told = [
        _message(user, plan.calls.get(user, []), plan.owed.get(user, []), unsent.get(user.id, [])) for user in people
    ]
    numbers = outbox.announce_nudges([each.nudging for each in told], now)
    sent = list(zip(told, numbers, strict=True))
    for table, rows in (
        (Reminder, [row for each, number in sent for row in each.rows(number, now)]),
        (DeadlineReminder, [row for each, number in sent for row in each.owed_rows(number, now)]),
    ):
        if rows:
            db.session.execute(insert(table), rows)
    audit.record_many(CLOCK, "reminder.send", (record for each in told for record in each.records), now)
    for each, number in sent:
        for reminder in each.again:
            reminder.announcement_id = number


@dataclass(frozen=True)
class _Told:
    """One message to one person: what they are called for, and what was on its way to them and comes with it."""

    user: StaffUser
    calls: Sequence[Call]
    owed: Sequence[OwedCall]
    nudges: Sequence[Nudge]
    again: Sequence[recall.Said]

    @property
    def nudging(self) -> outbox.Nudging:
        """The message."""
        # A step that names no channels takes all of them.
        named = not self.owed and all(call.rung.channels for call in self.calls)
        channels = {channel for call in self.calls for channel in call.rung.channels} if named else set()
        owed = [
            Nudge(each.owing.incident, each.rung.step, each.due_at, deadline=each.owing.deadline) for each in self.owed
        ]
        said = [*self.nudges, *owed, *(recall.nudge_of(each) for each in self.again)]
        return outbox.Nudging(self.user, said, channels)

    @property
    def records(self) -> Iterator[tuple[Incident, dict[str, Any]]]:
        """What the record says of it."""
        to = self.user.public_id
        yield from ((call.incident, {"step": call.rung.step.value, "to": to}) for call in self.calls)
        for each in self.owed:
            yield each.owing.incident, {"step": each.rung.step.value, "to": to, "deadline": each.owing.deadline.name}

    def rows(self, announcement_id: int, now: datetime) -> list[dict[str, Any]]:
        """The reminders of promises that it carries."""
        return [
            {
                "public_id": nudge.reminder_id,
                "incident_id": call.incident.id,
                "staff_user_id": self.user.id,
                "announcement_id": announcement_id,
                "step": call.rung.step,
                "cause": call.cause,
                "round": call.rung.round,
                "role": call.rung.to.word,
                "promise_due_at": call.chase.climb.due_at,
                "due_at": call.due_at,
                "created_at": now,
            }
            for call, nudge in zip(self.calls, self.nudges, strict=True)
        ]

    def owed_rows(self, announcement_id: int, now: datetime) -> list[dict[str, Any]]:
        """The reminders of deadlines that it carries."""
        return [
            {
                "deadline_id": each.owing.deadline.id,
                "staff_user_id": self.user.id,
                "announcement_id": announcement_id,
                "step": each.rung.step,
                "round": each.rung.round,
                "due_at": each.rung.at,
                "created_at": now,
            }
            for each in self.owed
        ]


def _message(user: StaffUser, calls: Sequence[Call], owed: Sequence[OwedCall], unsent: Sequence[recall.Said]) -> _Told:
    """One message for all of it; what was on its way to this person and has not left comes with it."""
    ordered = sorted(calls, key=lambda call: (call.chase.climb.due_at, call.incident.id))
    nudges = [
        Nudge(call.incident, call.rung.step, call.due_at, call.cause, recall.wanted_role(call.cause, call.rung.to.word))
        for call in ordered
    ]
    again = _not_repeated(unsent, {call.incident.id for call in calls}, {each.owing.deadline.id for each in owed})
    return _Told(user, ordered, owed, nudges, again)


def _unsent(people: Collection[StaffUser]) -> dict[int, list[recall.Said]]:
    """By person: the reminders that have been written down and have not left on any channel yet, or not on all."""
    numbers = [user.id for user in people]
    promised = (
        select(Reminder)
        .where(Reminder.staff_user_id.in_(numbers), Reminder.cancelled_at.is_(None), _is_pending(Reminder))
        .options(joinedload(Reminder.incident).joinedload(Incident.page))
        .order_by(Reminder.id)
    )
    owed = (
        select(DeadlineReminder)
        .where(DeadlineReminder.staff_user_id.in_(numbers), _is_pending(DeadlineReminder))
        .options(joinedload(DeadlineReminder.deadline).joinedload(Deadline.incident).joinedload(Incident.page))
        .order_by(DeadlineReminder.id)
    )
    found: dict[int, list[recall.Said]] = {}
    for each in (*db.session.scalars(promised), *db.session.scalars(owed)):
        found.setdefault(each.staff_user_id, []).append(each)
    return found


def _is_pending(said: type[recall.Said]) -> ColumnElement[bool]:
    return exists().where(
        is_waiting, Delivery.announcement_id == said.announcement_id, Delivery.state == DeliveryState.PENDING
    )


def _not_repeated(unsent: Sequence[recall.Said], called: Collection[int], owed: Collection[int]) -> list[recall.Said]:
    """Of each incident and each deadline that is not spoken of anyway the latest reminder."""
    promises, deadlines = {}, {}
    for each in unsent:
        if isinstance(each, DeadlineReminder):
            if each.deadline_id not in owed and recall.is_owed(each.deadline):
                deadlines[each.deadline_id] = each
        elif each.incident_id not in called and each.incident.is_open:
            promises[each.incident_id] = each
    return [*promises.values(), *deadlines.values()]


def _load_last_words(numbers: Collection[int]) -> None:
    """What was last said of these incidents is in memory, for the messages that quote it."""
    words = selectinload(Incident.updates).options(
        lazyload(IncidentUpdate.components), lazyload(IncidentUpdate.revisions)
    )
    list(db.session.scalars(select(Incident).where(Incident.id.in_(numbers)).options(words)))
