"""The score sheet: facts of a drill in, what went well and what was missed out. Pure; minutes are the script's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..vocabulary import IncidentStatus, PromiseOutcome
from .lint import Finding, Said, findings
from .script import Expectation


@dataclass(frozen=True)
class Statement:
    """What was published, and when."""

    at: datetime
    status: IncidentStatus


@dataclass(frozen=True)
class Kept:
    """What became of one promise; an outcome of None: it stood when the drill ended."""

    due_at: datetime
    is_first: bool
    outcome: PromiseOutcome | None
    late_by: timedelta | None


@dataclass(frozen=True)
class Played:
    """All that a score sheet is made of. `first_within` is the time that the policy gives, in the script's time."""

    started_at: datetime
    until: datetime
    pace: float
    first_within: timedelta
    statements: Sequence[Statement]
    promises: Sequence[Kept]
    expectations: Sequence[Expectation]
    words: Sequence[Said]


@dataclass(frozen=True)
class Step:
    """One expected step: by which minute, in which it came, and whether that was in time.

    `came` is None where it never came; `is_due` is False where the drill ended before it was.
    """

    label: str
    by: int
    came: timedelta | None
    is_due: bool

    @property
    def is_kept(self) -> bool:
        """Whether it came in time."""
        return self.came is not None and self.came <= timedelta(minutes=self.by)

    @property
    def is_missed(self) -> bool:
        """Whether it came too late or never."""
        return self.is_due and not self.is_kept


@dataclass(frozen=True)
class Sheet:
    """How the drill went."""

    first: timedelta | None
    first_within: timedelta
    steps: tuple[Step, ...]
    kept: int
    late: tuple[timedelta, ...]
    withdrawn: int
    findings: tuple[Finding, ...]
    length: timedelta

    @property
    def is_first_in_time(self) -> bool:
        """Whether the first update came as soon as the policy says."""
        return self.first is not None and self.first <= self.first_within

    @property
    def missed(self) -> int:
        """How many expected steps came too late or never."""
        return sum(each.is_missed for each in self.steps)

    @property
    def settled(self) -> int:
        """How many promises were kept or late."""
        return self.kept + len(self.late)


def score(played: Played) -> Sheet:
    """The sheet of a drill as far as it has come."""

    def minutes(at: datetime) -> timedelta:
        return (at - played.started_at) * played.pace

    late = tuple(
        (each.late_by or played.until - each.due_at) * played.pace
        for each in played.promises
        if each.outcome is PromiseOutcome.LATE or (each.outcome is None and each.due_at < played.until)
    )
    return Sheet(
        first=minutes(played.statements[0].at) if played.statements else None,
        first_within=played.first_within,
        steps=tuple(
            Step(
                each.label,
                each.minute,
                next((minutes(said.at) for said in played.statements if _is(said, each)), None),
                minutes(played.until) >= timedelta(minutes=each.minute),
            )
            for each in played.expectations
        ),
        kept=sum(each.outcome is PromiseOutcome.KEPT for each in played.promises),
        late=late,
        withdrawn=sum(each.outcome in (PromiseOutcome.WITHDRAWN, PromiseOutcome.REPLACED) for each in played.promises),
        findings=tuple(findings(played.words)),
        length=minutes(played.until),
    )


def _is(said: Statement, expected: Expectation) -> bool:
    return expected.status is None or said.status is expected.status
