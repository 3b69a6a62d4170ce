"""How each chase stands, for people: who was reminded, at which step, who has it, what comes next and when."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from ..db import db
from ..models import ChasePause, Incident, Reminder, StaffUser
from ..vocabulary import PauseKind, ReminderCause, ReminderStep
from .chases import Chase, gather, with_people
from .checking import word_for
from .roster import Roster

_STEPS = {
    ReminderStep.DUE_SOON: "before the promised time",
    ReminderStep.DUE: "at the promised time",
    ReminderStep.OVERDUE: "after the promised time",
}


@dataclass(frozen=True)
class Standing:
    """One chase at one moment."""

    # Who was reminded at the highest step so far, and when.
    chased: tuple[StaffUser, ...] = ()
    step: str = ""
    reminded_at: datetime | None = None
    pause: ChasePause | None = None
    next_at: datetime | None = None
    next_people: tuple[StaffUser, ...] = ()
    # The fallback contact was told: nobody is left above them.
    has_run_out: bool = False
    asked: tuple[StaffUser, ...] = ()

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody has said that they have it, and it holds."""
        return self.pause is not None and self.pause.kind is PauseKind.ACKNOWLEDGED

    @property
    def names(self) -> str:
        """Who is chased."""
        return ", ".join(each.display_name for each in self.chased)

    @property
    def next_names(self) -> str:
        """Who is next."""
        return ", ".join(each.display_name for each in self.next_people)


def of_incidents(incidents: Collection[Incident], now: datetime) -> dict[int, Standing]:
    """How the chase of each of these incidents stands, by number; those that promise nothing have none."""
    numbers = [each.id for each in incidents]
    if not numbers:
        return {}
    loaded = list(db.session.scalars(with_people(select(Incident).where(Incident.id.in_(numbers)))))
    roster = Roster(now)
    return {chase.incident.id: _standing(chase, roster, now) for chase in gather(loaded)}


def open_for(user: StaffUser, now: datetime) -> list[Reminder]:
    """What this person was reminded of and nobody has answered or taken in hand, the most urgent first."""
    paused = select(ChasePause.incident_id).where(ChasePause.ended_at.is_(None), ChasePause.until > now)
    query = (
        select(Reminder)
        .join(Incident)
        .where(
            Reminder.staff_user_id == user.id,
            Reminder.cancelled_at.is_(None),
            Reminder.promise_due_at == Incident.next_update_due_at,
            Reminder.incident_id.not_in(paused),
        )
        .options(joinedload(Reminder.incident))
        .order_by(Reminder.promise_due_at, Reminder.id.desc())
    )
    found: dict[int, Reminder] = {}
    for each in db.session.scalars(query):
        found.setdefault(each.incident_id, each)
    return list(found.values())


def is_chased(user: StaffUser, incident: Incident) -> bool:
    """Whether this person has been reminded of the promise that stands."""
    if incident.next_update_due_at is None:
        return False
    query = select(func.count()).where(
        Reminder.incident_id == incident.id,
        Reminder.staff_user_id == user.id,
        Reminder.promise_due_at == incident.next_update_due_at,
        Reminder.cancelled_at.is_(None),
    )
    return bool(db.session.scalar(query))


def _standing(chase: Chase, roster: Roster, now: datetime) -> Standing:
    latest = [each for each in chase.latest if each.cancelled_at is None]
    handed = [each for each in chase.reminders if each.cause is ReminderCause.HANDED_OVER and not each.cancelled_at]
    newest = max([*latest, *handed], key=lambda each: each.created_at, default=None)
    if newest is not None and newest.cause is ReminderCause.HANDED_OVER:
        latest = [newest]
    next_at, people = _next(chase, roster, now)
    return Standing(
        chased=_people(latest),
        step=_step(newest),
        reminded_at=newest.created_at if newest else None,
        pause=chase.pause if chase.climb.is_paused(now) else None,
        next_at=next_at,
        next_people=people,
        has_run_out=chase.climb.has_told_fallback,
        asked=_people([each for theirs in _asked(chase).values() for each in theirs]),
    )


def _asked(chase: Chase) -> Mapping[object, Sequence[Reminder]]:
    return {role: chase.asked.get(role, []) for role in chase.unclaimed}


def _next(chase: Chase, roster: Roster, now: datetime) -> tuple[datetime | None, tuple[StaffUser, ...]]:
    """When the next step comes and whom it reaches, if nobody does anything."""
    climb = chase.climb
    from_ = climb.paused_until if climb.is_paused(now) and climb.paused_until else now
    resumed = type(climb)(climb.due_at, climb.cadence, climb.reached_at, None, climb.has_told_fallback)
    waiting = resumed.fresh_rungs(from_)
    at = from_ if waiting else resumed.next_rung_at(max(from_, climb.reached_at or from_))
    if at is None:
        return None, ()
    rungs = waiting or [rung for rung in resumed.fresh_rungs(at) if rung.at == at]
    people = dict.fromkeys(user for rung in rungs for user in roster.people(chase.incident, rung.to))
    return at, tuple(people)


def _people(reminders: Sequence[Reminder]) -> tuple[StaffUser, ...]:
    return tuple(dict.fromkeys(each.staff_user for each in reminders))


def _step(reminder: Reminder | None) -> str:
    """Which step that is, in words."""
    if reminder is None:
        return ""
    if reminder.cause is ReminderCause.HANDED_OVER:
        return "by hand-over"
    again = f", the {_ordinal(reminder.round + 1)} time" if reminder.round else ""
    return f"{_STEPS[word_for(reminder.due_at - reminder.promise_due_at)]}{again}"


def _ordinal(number: int) -> str:
    return f"{number}{'th' if 10 < number % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
