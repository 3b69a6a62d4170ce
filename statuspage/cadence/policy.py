"""The arithmetic of promises: pure, facts in and values out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from ..vocabulary import DeadlineKind, DeadlineStart, IncidentStatus, Phase, PromiseOutcome, ReminderStep, Severity
from .hours import Hours
from .steps import LadderStep, Recipient, Rung, ready_made

__all__ = ["DEFAULTS", "Act", "Cadence", "DeadlineRule", "Rung", "Settlement", "all_rungs", "due_rungs", "settle"]


@dataclass(frozen=True)
class DeadlineRule:
    """A word that is owed beside the interval, to customers or an authority, and who owes it."""

    name: str
    after: timedelta
    owner: Recipient
    since: DeadlineStart = DeadlineStart.DECLARED
    kind: DeadlineKind = DeadlineKind.CUSTOMERS


@dataclass(frozen=True)
class Cadence:
    """How often an incident speaks, and who is chased when it does not.

    `first` is the time to the first public update, `interval` the time from one to the next where `phases` says
    nothing else, `lead` how long before and after the promise the ready-made ladder reminds. A policy that keeps the
    page's business hours promises for the next opening what it would have promised for a time outside of them;
    `hours` is None where the page has none. `ladder` None is the
    ready-made one; its last moment is repeated every `repeat` (None: every interval). Reminders of one person that
    lie within `coalescing` of each other may go as one. `needs_second` asks for a second pair of eyes.
    """

    first: timedelta
    interval: timedelta
    lead: timedelta
    phases: Mapping[Phase, timedelta] = field(default_factory=dict)
    keeps_hours: bool = False
    hours: Hours | None = None
    ladder: tuple[LadderStep, ...] | None = None
    repeat: timedelta | None = None
    coalescing: timedelta = timedelta(0)
    needs_second: bool = False
    deadlines: tuple[DeadlineRule, ...] = ()

    @property
    def steps(self) -> tuple[LadderStep, ...]:
        """The ladder as it is climbed, earliest step first."""
        own = self.ladder if self.ladder is not None else ready_made(self.lead, self.interval)
        return tuple(sorted(own, key=lambda step: step.after))

    @property
    def repeats_every(self) -> timedelta:
        """How long after the last moment of the ladder it is climbed again, and again."""
        return self.repeat or self.interval

    def interval_in(self, phase: Phase) -> timedelta:
        """From one update to the next while the incident is in this phase."""
        return self.phases.get(phase, self.interval)

    def held(self, due_at: datetime) -> datetime:
        """The time a promise is made for: as it is, or with the next opening where nobody is at work by then.

        The lead comes after the opening, so that the chase begins with the day and wakes nobody before it.
        """
        if self.hours is None:
            return due_at
        soonest = self.hours.next_opening(due_at - self.lead) + self.lead
        return soonest if self.hours.are_open(soonest) else self.hours.next_opening(soonest) + self.lead


def _minutes(first: int, interval: int, lead: int) -> Cadence:
    return Cadence(
        timedelta(minutes=first),
        timedelta(minutes=interval),
        timedelta(minutes=lead),
        coalescing=timedelta(minutes=min(lead, 5)),
    )


# The ready-made set "web service".
DEFAULTS = {
    Severity.SEV1: _minutes(15, 30, 5),
    Severity.SEV2: _minutes(30, 60, 10),
    Severity.SEV3: _minutes(60, 120, 15),
    Severity.SEV4: _minutes(120, 240, 30),
}


def first_update_due(cadence: Cadence, now: datetime) -> datetime:
    """When the first public update of an incident known since `now` is due."""
    return cadence.held(now + cadence.first)


def next_update_due(cadence: Cadence, status: IncidentStatus, now: datetime) -> datetime | None:
    """When the next update is promised for; resolved incidents promise nothing."""
    if status is IncidentStatus.RESOLVED:
        return None
    return cadence.held(now + cadence.interval_in(Phase(status.value)))


def outcome(due_at: datetime, now: datetime) -> PromiseOutcome:
    """What became of a promise that is settled now."""
    return PromiseOutcome.KEPT if now <= due_at else PromiseOutcome.LATE


class Act(StrEnum):
    """What settles a promise: the word it promised, its withdrawal, or another promise in its place."""

    SPEAK = "speak"
    WITHDRAW = "withdraw"
    REPLACE = "replace"


@dataclass(frozen=True)
class Settlement:
    """What became of a promise, when, and by how much it was late if it was."""

    outcome: PromiseOutcome
    at: datetime
    late_by: timedelta | None = None


def settle(due_at: datetime, act: Act, now: datetime) -> Settlement:
    """What this act makes of the promise. One whose time has passed is late, whatever is done about it then."""
    if now > due_at:
        return Settlement(PromiseOutcome.LATE, now, now - due_at)
    return Settlement(_IN_TIME[act], now)


_IN_TIME = {
    Act.SPEAK: PromiseOutcome.KEPT,
    Act.WITHDRAW: PromiseOutcome.WITHDRAWN,
    Act.REPLACE: PromiseOutcome.REPLACED,
}


def due_rungs(due_at: datetime, cadence: Cadence, now: datetime) -> list[Rung]:
    """The rungs of the ladder that should have been climbed by now, lowest first.

    Of the repetitions only the latest is returned, so that a clock that stood still does not send a burst.
    """
    *earlier, last = _moments(cadence)
    climbed = [rung for moment in earlier for rung in _rungs(moment, due_at)]
    last_at = due_at + last.after
    times = max(0, (now - last_at) // cadence.repeats_every) if now >= last_at else 0
    return [rung for rung in [*climbed, *_rungs(last, due_at, times, cadence.repeats_every)] if rung.at <= now]


def all_rungs(due_at: datetime, cadence: Cadence, until: datetime) -> Iterator[Rung]:
    """Every rung climbed by then, with all its repetitions."""
    *earlier, last = _moments(cadence)
    for moment in earlier:
        yield from (rung for rung in _rungs(moment, due_at) if rung.at <= until)
    for times in range((until - due_at - last.after) // cadence.repeats_every + 1):
        yield from _rungs(last, due_at, times, cadence.repeats_every)


@dataclass(frozen=True)
class _Moment:
    """The steps that are climbed at once."""

    after: timedelta
    round: int
    steps: tuple[tuple[int, LadderStep], ...]


def _moments(cadence: Cadence) -> list[_Moment]:
    """The ladder's moments in order: steps of one word at one time. The overdue ones come last when times are equal."""
    words = list(ReminderStep)
    numbered = sorted(enumerate(cadence.steps), key=lambda each: (each[1].after, words.index(each[1].step)))
    rounds: dict[ReminderStep, int] = {}
    moments = []
    for (after, step), found in groupby(numbered, key=lambda each: (each[1].after, each[1].step)):
        moments.append(_Moment(after, rounds.get(step, 0), tuple(found)))
        rounds[step] = rounds.get(step, 0) + 1
    return moments


def _rungs(moment: _Moment, due_at: datetime, times: int = 0, every: timedelta = timedelta(0)) -> list[Rung]:
    at = due_at + moment.after + times * every
    return [Rung(each.step, at, each.to, moment.round + times, each.channels, place) for place, each in moment.steps]
