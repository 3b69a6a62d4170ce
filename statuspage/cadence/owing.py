"""The deadlines of many incidents at once, and how their owners are reminded: before, when due, and until settled."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from ..db import db
from ..models import Deadline, DeadlineReminder, Incident, StaffUser
from ..vocabulary import ReminderStep
from .climb import Climb
from .policies import Rulebook, rulebook
from .policy import Cadence
from .roster import Roster
from .steps import FALLBACK, MANAGERS, LadderStep, Recipient, Rung

# A policy's lead is made for half an hour; a deadline of a day wants more notice: this share of the time there was.
NOTICE = 12
NOTHING = timedelta(0)


@dataclass(frozen=True)
class Owing:
    """One deadline that is owed, and what was said of it so far."""

    deadline: Deadline
    climb: Climb
    told: Sequence[DeadlineReminder] = ()

    @property
    def incident(self) -> Incident:
        """On which incident."""
        return self.deadline.incident

    def numbered(self, rung: Rung) -> Rung:
        """The rung with a round that nobody was told of under this word: a policy may change in the middle."""
        told = [each.round for each in self.told if each.step is rung.step]
        return replace(rung, round=max(rung.round, max(told) + 1)) if told else rung


def ladder(lead: timedelta, interval: timedelta) -> tuple[LadderStep, ...]:
    """The owner before and at the time, and every interval after it."""
    owner = Recipient("owner")
    return (
        LadderStep(ReminderStep.DUE_SOON, -lead, owner),
        LadderStep(ReminderStep.DUE, NOTHING, owner),
        LadderStep(ReminderStep.OVERDUE, interval, owner),
    )


def notice(cadence: Cadence, span: timedelta) -> timedelta:
    """How long before a deadline its owner hears of it, with this much time in all."""
    return max(min(cadence.lead, span), span / NOTICE)


def climb(deadline: Deadline, cadence: Cadence, reached_at: datetime | None) -> Climb:
    """How far the reminders of this deadline are, by the policy as it is now. Pure."""
    lead = notice(cadence, max(NOTHING, deadline.due_at - deadline.created_at))
    own = Cadence(
        cadence.first, cadence.interval, lead, ladder=ladder(lead, cadence.interval), coalescing=cadence.coalescing
    )
    # Nobody but the owner is reminded: that a ladder has run out is nothing here.
    return Climb(deadline.due_at, own, reached_at, has_told_fallback=True)


def owners(deadline: Deadline, roster: Roster) -> list[StaffUser]:
    """Who is reminded: whoever owes it; where that is nobody any more, the fallback contact, or else the admins."""
    meant = (_recipient(deadline.owner), FALLBACK, MANAGERS)
    found = (roster.people(deadline.incident, to) for to in meant if to is not None)
    return next(filter(None, found), [])


def gather(incidents: Collection[Incident]) -> list[Owing]:
    """The deadlines that these incidents owe; what was taken off the page owes nothing."""
    numbers = [each.id for each in incidents if not each.is_hidden]
    if not numbers:
        return []
    query = select(Deadline).where(Deadline.incident_id.in_(numbers), Deadline.done_at.is_(None))
    query = query.order_by(Deadline.due_at, Deadline.id).execution_options(populate_existing=True)
    owed = db.session.scalars(query).all()
    if not owed:
        return []
    told = _told([each.id for each in owed])
    books = {page.id: rulebook(page) for page in {each.incident.page for each in owed}}
    return [_owing(each, books[each.incident.page_id], told[each.id]) for each in owed]


def _owing(deadline: Deadline, book: Rulebook, told: Sequence[DeadlineReminder]) -> Owing:
    cadence = book.cadence(deadline.incident.severity, deadline.incident.type)
    return Owing(deadline, climb(deadline, cadence, max((each.due_at for each in told), default=None)), told)


def _told(numbers: Collection[int]) -> dict[int, list[DeadlineReminder]]:
    query = select(DeadlineReminder).where(DeadlineReminder.deadline_id.in_(numbers)).order_by(DeadlineReminder.id)
    found: dict[int, list[DeadlineReminder]] = defaultdict(list)
    for each in db.session.scalars(query):
        found[each.deadline_id].append(each)
    return found


def _recipient(word: str) -> Recipient | None:
    try:
        return Recipient.read(word)
    except ValueError:  # a hand in the database: the others are told
        return None
