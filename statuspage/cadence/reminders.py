"""Chasing: who owes the next update is told before, at and after its time, with the composer one tap away."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import joinedload, lazyload, selectinload

from .. import audit
from ..audit import CLOCK
from ..db import db, reading
from ..delivery import outbox
from ..delivery.nudges import Nudge
from ..models import CadencePolicy, Delivery, Incident, IncidentUpdate, Reminder, StaffUser
from ..models.delivery import is_waiting
from ..vocabulary import DeliveryState
from . import recall
from .chases import gather, with_people
from .plans import Call, Plan, draw_up
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
    plan = draw_up(gather(mine), Roster(now), now)
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
    if not plan.calls:
        return
    unsent = _unsent(plan.calls)
    _load_last_words({call.incident.id for calls in plan.calls.values() for call in calls})
    recall.supersede({each.announcement_id for theirs in unsent.values() for each in theirs}, now)
    told = [_message(user, calls, unsent.get(user.id, [])) for user, calls in plan.calls.items()]
    numbers = outbox.announce_nudges([each.nudging for each in told], now)
    rows = [row for each, number in zip(told, numbers, strict=True) for row in each.rows(number, now)]
    db.session.execute(insert(Reminder), rows)
    audit.record_many(
        CLOCK,
        "reminder.send",
        (
            (call.incident, {"step": call.rung.step.value, "to": each.user.public_id})
            for each in told
            for call in each.calls
        ),
        now,
    )
    for each, number in zip(told, numbers, strict=True):
        for reminder in each.again:
            reminder.announcement_id = number


@dataclass(frozen=True)
class _Told:
    """One message to one person: what they are called for, and what was on its way to them and comes with it."""

    user: StaffUser
    calls: Sequence[Call]
    nudges: Sequence[Nudge]
    again: Sequence[Reminder]

    @property
    def nudging(self) -> outbox.Nudging:
        """The message."""
        # A step that names no channels takes all of them.
        named = all(call.rung.channels for call in self.calls)
        channels = {channel for call in self.calls for channel in call.rung.channels} if named else set()
        said = [*self.nudges, *(recall.nudge_of(each) for each in self.again)]
        return outbox.Nudging(self.user, said, channels)

    def rows(self, announcement_id: int, now: datetime) -> list[dict[str, Any]]:
        """The reminders it carries."""
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


def _message(user: StaffUser, calls: Sequence[Call], unsent: Sequence[Reminder]) -> _Told:
    """One message for all of it; what was on its way to this person and has not left comes with it."""
    ordered = sorted(calls, key=lambda call: (call.chase.climb.due_at, call.incident.id))
    nudges = [
        Nudge(call.incident, call.rung.step, call.due_at, call.cause, recall.wanted_role(call.cause, call.rung.to.word))
        for call in ordered
    ]
    return _Told(user, ordered, nudges, _not_repeated(unsent, {call.incident.id for call in calls}))


def _unsent(people: Collection[StaffUser]) -> dict[int, list[Reminder]]:
    """By person: the reminders that have been written down and have not left on any channel yet, or not on all."""
    is_pending = exists().where(
        is_waiting, Delivery.announcement_id == Reminder.announcement_id, Delivery.state == DeliveryState.PENDING
    )
    query = (
        select(Reminder)
        .where(Reminder.staff_user_id.in_([user.id for user in people]), Reminder.cancelled_at.is_(None), is_pending)
        .options(joinedload(Reminder.incident).joinedload(Incident.page))
        .order_by(Reminder.id)
    )
    found: dict[int, list[Reminder]] = {}
    for each in db.session.scalars(query):
        found.setdefault(each.staff_user_id, []).append(each)
    return found


def _not_repeated(unsent: Sequence[Reminder], called: Collection[int]) -> list[Reminder]:
    """Of each incident that is not spoken of anyway the latest reminder."""
    latest = {each.incident_id: each for each in unsent if each.incident_id not in called and each.incident.is_open}
    return list(latest.values())


def _load_last_words(numbers: Collection[int]) -> None:
    """What was last said of these incidents is in memory, for the messages that quote it."""
    words = selectinload(Incident.updates).options(
        lazyload(IncidentUpdate.components), lazyload(IncidentUpdate.revisions)
    )
    list(db.session.scalars(select(Incident).where(Incident.id.in_(numbers)).options(words)))
