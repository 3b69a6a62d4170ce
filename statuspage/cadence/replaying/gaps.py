"""The silences of a history, the promise that would have stood over each, and who would have been chased."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ...vocabulary import PromiseOutcome
from ..policy import Cadence, Rung, all_rungs, next_update_due, outcome
from .stories import Story

NOTHING = timedelta()
# By this much before the next update a reminder counts as sent: an update at the very moment comes first.
_A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Gap:
    """From one update that leaves an incident open to the next one; `ended_at` is None where none has come yet."""

    story: Story
    cadence: Cadence
    began_at: datetime
    due_at: datetime
    ended_at: datetime | None

    @property
    def length(self) -> timedelta:
        """How long nobody spoke."""
        assert self.ended_at is not None
        return self.ended_at - self.began_at

    @property
    def outcome(self) -> PromiseOutcome | None:
        """What would have become of the promise; None for one that nothing has settled."""
        return outcome(self.due_at, self.ended_at) if self.ended_at is not None else None

    @property
    def is_late(self) -> bool:
        """Whether the silence outlasted the promise."""
        return self.outcome is PromiseOutcome.LATE

    @property
    def late_by(self) -> timedelta:
        """How long readers waited beyond what was promised."""
        return max(NOTHING, self.ended_at - self.due_at) if self.ended_at is not None else NOTHING

    @property
    def rungs(self) -> Iterator[Rung]:
        """Every step of the ladder that would have been climbed before the next update, its repetitions included."""
        if self.ended_at is None:
            return
        yield from all_rungs(self.due_at, self.cadence, self.ended_at - _A_MOMENT)


def gaps_of(story: Story, cadence: Cadence) -> list[Gap]:
    """The incident's silences in order. What follows a resolved incident is none: nobody waits for news then."""
    said = [(before, after.at) for before, after in pairwise(story.statements)]
    gaps = []
    for statement, ended_at in [*said, (story.statements[-1], None)]:
        due_at = next_update_due(cadence, statement.status, statement.at)
        if due_at is not None:
            gaps.append(Gap(story, cadence, statement.at, due_at, ended_at))
    return gaps


def settled(gaps: Iterable[Gap]) -> list[Gap]:
    """Those whose end is known."""
    return [gap for gap in gaps if gap.ended_at is not None]
