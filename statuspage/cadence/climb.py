"""Climbing the ladder of one promise: which rungs are fresh, and when to look again. Pure, facts in and values out."""

from dataclasses import dataclass
from datetime import datetime

from ..vocabulary import ReminderStep
from .policy import Cadence, due_rungs
from .steps import FALLBACK, Rung


@dataclass(frozen=True)
class Climb:
    """What the clock knows of one chase.

    `reached_at` is the time of the highest rung climbed so far: nothing at or below it is climbed again, whatever
    clocks and policies do meanwhile. Until `paused_until` it stands still by somebody's word.
    """

    due_at: datetime
    cadence: Cadence
    reached_at: datetime | None = None
    paused_until: datetime | None = None
    has_told_fallback: bool = False

    def is_paused(self, now: datetime) -> bool:
        """Whether it stands still at this moment."""
        return self.paused_until is not None and now < self.paused_until

    def fresh_rungs(self, now: datetime) -> list[Rung]:
        """The rungs that should have been climbed by now and were not, lowest first; none while it stands still."""
        return [] if self.is_paused(now) else self._above(due_rungs(self.due_at, self.cadence, now), now)

    def rungs_by(self, until: datetime, now: datetime) -> list[Rung]:
        """What will be climbed by then, seen from now, if nobody speaks."""
        return [] if self.is_paused(now) else self._above(due_rungs(self.due_at, self.cadence, until), until)

    def next_look(self, now: datetime) -> datetime | None:
        """When the clock has to look again, if nobody does anything meanwhile."""
        if self.is_paused(now):
            return self.paused_until
        return self.next_rung_at(now)

    def next_rung_at(self, now: datetime) -> datetime | None:
        """When the next rung above this moment is due; the last moment of the ladder comes again and again."""
        moments = [self.due_at + step.after for step in self.cadence.steps]
        if not moments:
            return None
        coming = [at for at in moments if at > now]
        if coming:
            return min(coming)
        last, every = max(moments), self.cadence.repeats_every
        return last + ((now - last) // every + 1) * every

    def _above(self, rungs: list[Rung], by: datetime) -> list[Rung]:
        rungs = [*rungs, *self._run_out(rungs, by)]
        fresh = [rung for rung in rungs if self.reached_at is None or rung.at > self.reached_at]
        return [rung for rung in fresh if not (rung.to.is_fallback and self.has_told_fallback)]

    def _run_out(self, rungs: list[Rung], by: datetime) -> list[Rung]:
        """A ladder that does not name the fallback contact tells them when it has run out: as its end comes again."""
        steps = self.cadence.steps
        if not rungs or any(step.to.is_fallback for step in steps):
            return []
        at = self.due_at + max(step.after for step in steps) + self.cadence.repeats_every
        return [Rung(ReminderStep.OVERDUE, at, FALLBACK, rungs[-1].round, place=len(steps))] if at <= by else []
