"""How promises and deadlines read in the panel: what became of each, in words and by how much."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from statuspage.cadence import deadlines
from statuspage.cadence.naming import recipient_words
from statuspage.clock import span_words
from statuspage.models import Deadline, Incident, Promise, StaffUser
from statuspage.vocabulary import PromiseOutcome

NOTHING = timedelta(0)
TONES = {
    PromiseOutcome.KEPT: ("ok", "check"),
    PromiseOutcome.LATE: ("partial", "alert"),
    PromiseOutcome.WITHDRAWN: ("neutral", "info"),
    PromiseOutcome.REPLACED: ("neutral", "undo"),
}


@dataclass(frozen=True)
class PromiseRow:
    """One promise with what became of it."""

    promise: Promise
    words: str
    tone: str
    icon: str


@dataclass(frozen=True)
class DeadlineRow:
    """One deadline, who owes it, and how it stands."""

    deadline: Deadline
    owner: str
    # Who was reminded last, and when that was.
    reminded: str
    reminded_at: datetime | None
    may_settle: bool
    words: str
    tone: str
    icon: str


def promise_rows(incident: Incident, now: datetime) -> list[PromiseRow]:
    """The incident's promises, the newest first."""
    return [PromiseRow(each, _became(each, now), *_look(each, now)) for each in reversed(incident.promises)]


def deadline_rows(incident: Incident, user: StaffUser, now: datetime) -> list[DeadlineRow]:
    """The incident's deadlines as this person sees them, the most urgent first."""
    return [_deadline_row(each, user, now) for each in incident.deadlines]


def _deadline_row(deadline: Deadline, user: StaffUser, now: datetime) -> DeadlineRow:
    at = max((each.created_at for each in deadline.reminders), default=None)
    names = [each.staff_user.display_name for each in deadline.reminders if each.created_at == at]
    may_settle = deadlines.may_settle(user, deadline, now)
    owner = recipient_words(deadline.owner)
    return DeadlineRow(deadline, owner, ", ".join(names), at, may_settle, *_stands(deadline, now))


def _became(promise: Promise, now: datetime) -> str:
    match promise.outcome:
        case PromiseOutcome.KEPT:
            return f"Kept{_to_spare(promise)}"
        case PromiseOutcome.LATE:
            return f"Late by {span_words(promise.late_by)}" if promise.late_by else "Late"
        case PromiseOutcome.REPLACED:
            return "Moved"
        case PromiseOutcome.WITHDRAWN:
            return "Withdrawn"
    return f"Overdue for {span_words(now - promise.due_at)}" if now > promise.due_at else "Stands"


def _to_spare(promise: Promise) -> str:
    spare = promise.due_at - promise.settled_at if promise.settled_at else None
    return f", {span_words(spare)} before" if spare else " to the moment"


def _look(promise: Promise, now: datetime) -> tuple[str, str]:
    if promise.outcome is not None:
        return TONES[promise.outcome]
    return ("major", "outage") if now > promise.due_at else ("info", "clock")


def _stands(deadline: Deadline, now: datetime) -> tuple[str, str, str]:
    if deadline.is_waived:
        return "Does not apply", "neutral", "info"
    if deadline.done_at is not None:
        late = deadline.done_at - deadline.due_at
        return (
            (f"Done, late by {span_words(late)}", "partial", "check")
            if late.total_seconds() > 0
            else ("Done", "ok", "check")
        )
    if now > deadline.due_at:
        return f"Overdue for {span_words(now - deadline.due_at)}", "major", "outage"
    return f"Due in {span_words(deadline.due_at - now)}", "info", "clock"
