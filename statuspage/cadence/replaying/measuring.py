"""The figures of a replay: what silence cost, and what a promise would have made of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil
from zoneinfo import ZoneInfo

from ...vocabulary import ReminderStep
from ..policy import Cadence
from .gaps import NOTHING, Gap, gaps_of, settled
from .slots import TRIED, Slots, sort
from .stories import History, Story, tidied

DARK = timedelta(hours=1)
WORST = 10

CadenceOf = Callable[[Story], Cadence]


@dataclass(frozen=True)
class Spread:
    """How spans are spread, by nearest rank: half are no longer than `median`, nine in ten no longer than `p90`."""

    median: timedelta
    p90: timedelta
    longest: timedelta


@dataclass(frozen=True)
class FirstWords:
    """How long the first update took, over the incidents for which that is on record."""

    recorded: int
    in_time: int
    spread: Spread | None


@dataclass(frozen=True)
class Promises:
    """What would have become of the promise that each update makes."""

    kept: int
    late: int
    unsettled: int
    lateness: Spread | None

    @property
    def made(self) -> int:
        """All of them."""
        return self.kept + self.late + self.unsettled


@dataclass(frozen=True)
class Told:
    """One incident in figures."""

    story: Story
    gaps: Sequence[Gap]

    @property
    def beyond(self) -> timedelta:
        """How long its readers waited beyond what was promised, all its silences together."""
        return sum((gap.late_by for gap in self.gaps), NOTHING)

    @property
    def longest(self) -> timedelta:
        """Its longest silence."""
        return max((gap.length for gap in self.gaps), default=NOTHING)

    @property
    def reminders(self) -> int:
        """How many reminders would have gone out."""
        return sum(1 for gap in self.gaps for _ in gap.rungs)


@dataclass(frozen=True)
class Tried:
    """Another interval, and how many of the gaps would have outlasted it."""

    interval: timedelta
    longer: int


@dataclass(frozen=True)
class Replay:
    """A history measured against a cadence."""

    history: History
    zone: str
    gaps: Sequence[Gap]
    unsettled: Sequence[Gap]
    told: Sequence[Told]
    lengths: Spread | None
    first: FirstWords
    promises: Promises
    reminders: dict[ReminderStep, int]
    slots: Slots
    tried: Sequence[Tried]

    @property
    def incidents(self) -> int:
        """How many incidents were measured."""
        return len(self.told)

    @property
    def updates(self) -> int:
        """How many updates they have."""
        return sum(len(each.story.statements) for each in self.told)

    @property
    def late_share(self) -> float:
        """The share of gaps that were longer than the promised interval."""
        return self.promises.late / len(self.gaps) if self.gaps else 0.0

    @property
    def dark(self) -> int:
        """In how many incidents readers waited more than an hour for the next word."""
        return sum(each.longest > DARK for each in self.told)

    @property
    def dark_share(self) -> float:
        """The same as a share of all incidents."""
        return self.dark / self.incidents if self.incidents else 0.0

    @property
    def beyond(self) -> timedelta:
        """How long readers waited beyond what was promised, in all."""
        return sum((each.beyond for each in self.told), NOTHING)

    @property
    def worst(self) -> list[Told]:
        """The ten incidents whose readers waited longest beyond what was promised."""
        late = [each for each in self.told if each.beyond]
        return sorted(late, key=lambda each: (each.beyond, each.longest), reverse=True)[:WORST]

    @property
    def began_at(self) -> datetime:
        """When the first of the incidents was first spoken of."""
        return min(each.story.statements[0].at for each in self.told)

    @property
    def last_at(self) -> datetime:
        """When the last word was said."""
        return max(each.story.statements[-1].at for each in self.told)


def measure(history: History, cadence_of: CadenceOf, zone: str, now: datetime) -> Replay:
    """The history as it would have gone under these cadences. Times of day are in `zone`; `now` ends the past."""
    history = tidied(history, now)
    promises = [gap for story in history.stories for gap in gaps_of(story, cadence_of(story))]
    gaps = settled(promises)
    by_story = {key: list(group) for key, group in groupby(gaps, key=lambda gap: gap.story.id)}
    lengths = [gap.length for gap in gaps]
    late = [gap.late_by for gap in gaps if gap.is_late]
    return Replay(
        history=history,
        zone=zone,
        gaps=gaps,
        unsettled=[gap for gap in promises if gap.ended_at is None],
        told=[Told(story, by_story.get(story.id, [])) for story in history.stories],
        lengths=spread(lengths),
        first=_first_words(history.stories, cadence_of),
        promises=Promises(len(gaps) - len(late), len(late), len(promises) - len(gaps), spread(late)),
        reminders=_reminders(gaps),
        slots=sort(gaps, ZoneInfo(zone)),
        tried=[Tried(interval, sum(length > interval for length in lengths)) for interval in TRIED],
    )


def spread(spans: Iterable[timedelta]) -> Spread | None:
    """How these spans are spread; None where there are none."""
    ordered = sorted(spans)
    if not ordered:
        return None
    return Spread(_rank(ordered, 0.5), _rank(ordered, 0.9), ordered[-1])


def _rank(ordered: Sequence[timedelta], share: float) -> timedelta:
    return ordered[max(0, ceil(len(ordered) * share) - 1)]


def _first_words(stories: Iterable[Story], cadence_of: CadenceOf) -> FirstWords:
    spans = []
    in_time = 0
    for story in stories:
        said_at = story.statements[0].at
        if story.known_at is not None:
            spans.append(said_at - story.known_at)
            in_time += spans[-1] <= cadence_of(story).first
    return FirstWords(len(spans), in_time, spread(spans))


def _reminders(gaps: Iterable[Gap]) -> dict[ReminderStep, int]:
    count = Counter(rung.step for gap in gaps for rung in gap.rungs)
    return {step: count[step] for step in ReminderStep}
