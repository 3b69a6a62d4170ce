"""How soon people heard, how long it took, how often it happens."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ..vocabulary import IncidentType
from .arithmetic import Spread, share, spread
from .facts import History, IncidentFacts

WEEK, MONTH = timedelta(days=7), timedelta(days=365.25 / 12)


class Origin(StrEnum):
    """What the wait for the first public word is counted from: the earliest of what is recorded."""

    START = "start"
    DECLARATION = "declaration"


@dataclass(frozen=True)
class FirstWords:
    """How long people waited for the first public update.

    `unrecorded`: their first word is also the first thing we know of them, so there is nothing to count from.
    """

    all: Spread | None
    by_origin: tuple[tuple[Origin, Spread | None], ...]
    unrecorded: int
    inside: int


@dataclass(frozen=True)
class Measure:
    """A span between two moments of an incident, over those of which both are recorded."""

    spread: Spread | None
    recorded: int
    of: int


@dataclass(frozen=True)
class Frequency:
    """How many incidents began, all in all, on average, and in each week (from Monday) and month."""

    total: int
    per_week: float | None
    per_month: float | None
    weeks: tuple[tuple[date, int], ...]
    months: tuple[tuple[date, int], ...]


@dataclass(frozen=True)
class ChangeFailures:
    """Incidents that a deployment caused, among those whose type somebody chose."""

    caused: int
    classified: int

    @property
    def share(self) -> float | None:
        """Their share."""
        return share(self.caused, self.classified)


def first_word(incident: IncidentFacts) -> tuple[Origin, timedelta] | None:
    """From what, and how long, people waited for the first public word; None where that is not recorded.

    A start that equals the declaration was not written down by anybody: it is what an incident has by itself.
    """
    if incident.first_public_at is None:
        return None
    is_typed = incident.started_at < incident.created_at
    origin = Origin.START if is_typed else Origin.DECLARATION
    span = incident.first_public_at - (incident.started_at if is_typed else incident.created_at)
    return (origin, span) if span > timedelta() else None


def first_words(history: History) -> FirstWords:
    """The wait for the first public word."""
    waits = [found for each in history.incidents if (found := first_word(each))]
    told = sum(each.first_public_at is not None for each in history.incidents)
    return FirstWords(
        spread(span for _, span in waits),
        tuple((origin, spread(span for found, span in waits if found is origin)) for origin in Origin),
        told - len(waits),
        len(history.incidents) - told,
    )


def detecting(history: History) -> Measure:
    """MTTD: from the start, where somebody wrote one down, until it was noticed."""
    return _measure(history, [_later(each.started_at, each.detected_at) for each in history.incidents])


def acknowledging(history: History) -> Measure:
    """MTTA: from the alarm, where one was noted, else from the declaration, until somebody answered it."""
    return _measure(history, [_later(alarmed_at(each), each.acknowledged_at) for each in history.incidents])


def alarmed_at(incident: IncidentFacts) -> datetime:
    """When we knew: it was noticed, or at the latest declared."""
    return min(incident.detected_at or incident.created_at, incident.created_at)


def repairing(history: History) -> Measure:
    """MTTR: from the start until it was resolved. One that is over the moment it begins was only written down."""
    return _measure(history, [_later(each.started_at, each.resolved_at) for each in history.incidents])


def frequency(history: History) -> Frequency:
    """How often something happens. There is an average only once a whole week, or month, has been looked at."""
    zone, total, span = ZoneInfo(history.zone), len(history.incidents), history.until - history.since
    days = [each.started_at.astimezone(zone).date() for each in history.incidents]
    last_moment = history.until - timedelta(microseconds=1)
    first, last = history.since.astimezone(zone).date(), last_moment.astimezone(zone).date()
    first = min([first, *days])
    weeks = Counter(_monday(day) for day in days)
    months = Counter(day.replace(day=1) for day in days)
    return Frequency(
        total,
        total / (span / WEEK) if span >= WEEK else None,
        total / (span / MONTH) if span >= MONTH else None,
        tuple((week, weeks[week]) for week in _weeks(first, last)),
        tuple((month, months[month]) for month in _months(first, last)),
    )


def change_failures(history: History) -> ChangeFailures:
    """How many incidents a deployment caused."""
    chosen = [each for each in history.incidents if not each.is_imported]
    return ChangeFailures(sum(each.type is IncidentType.DEPLOYMENT for each in chosen), len(chosen))


def _measure(history: History, spans: list[timedelta | None]) -> Measure:
    recorded = [span for span in spans if span is not None]
    return Measure(spread(recorded), len(recorded), len(history.incidents))


def _later(begin: datetime, end: datetime | None) -> timedelta | None:
    return end - begin if end is not None and end > begin else None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _weeks(first: date, last: date) -> list[date]:
    begin = _monday(first)
    return [begin + number * WEEK for number in range((_monday(last) - begin).days // 7 + 1)]


def _months(first: date, last: date) -> list[date]:
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    begin = first.year * 12 + first.month - 1
    return [date((begin + number) // 12, (begin + number) % 12 + 1, 1) for number in range(count)]
