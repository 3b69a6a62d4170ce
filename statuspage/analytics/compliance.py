"""Promises kept and late: all together, and by severity, component, comms lead and hour of the day."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..vocabulary import PromiseOutcome, Severity
from .arithmetic import Spread, share, spread
from .facts import History, IncidentFacts, PromiseFacts

NO_COMPONENT, NO_LEAD = "No component named", "Nobody assigned"
# A late promise belongs to the first of these that it does not exceed.
BOUNDS = (
    ("up to 5 min", timedelta(minutes=5)),
    ("5 to 15 min", timedelta(minutes=15)),
    ("15 to 30 min", timedelta(minutes=30)),
    ("30 to 60 min", timedelta(hours=1)),
    ("1 to 2 h", timedelta(hours=2)),
    ("more than 2 h", timedelta.max),
)


@dataclass(frozen=True)
class Tally:
    """What became of so many promises. One that is overdue now is broken already, and has no outcome yet."""

    kept: int = 0
    late: int = 0
    overdue: int = 0
    pending: int = 0
    withdrawn: int = 0
    replaced: int = 0

    @property
    def made(self) -> int:
        """How many there were."""
        return self.kept + self.late + self.overdue + self.pending + self.withdrawn + self.replaced

    @property
    def due(self) -> int:
        """How many fell due and were neither withdrawn nor replaced before that."""
        return self.kept + self.late + self.overdue

    @property
    def broken(self) -> int:
        """How many of these were not kept."""
        return self.late + self.overdue

    @property
    def share(self) -> float | None:
        """The share kept, of those due."""
        return share(self.kept, self.due)


@dataclass(frozen=True)
class Group:
    """What one severity, component, person or hour has to show."""

    name: str
    incidents: int
    tally: Tally
    lateness: Spread | None


@dataclass(frozen=True)
class Compliance:
    """Everything about promises."""

    tally: Tally
    lateness: Spread | None
    buckets: tuple[tuple[str, int], ...]
    by_severity: tuple[Group, ...]
    by_component: tuple[Group, ...]
    by_lead: tuple[Group, ...]
    by_hour: tuple[Tally, ...]


def compliance(history: History) -> Compliance:
    """The period's promises in figures."""
    promises, now, zone = history.promises, history.now, ZoneInfo(history.zone)
    late = lateness(promises)
    return Compliance(
        tally(promises, now),
        spread(late),
        _buckets(late),
        _groups(history, lambda one: (one.severity.label,), [each.label for each in Severity]),
        _groups(history, lambda one: one.components or (NO_COMPONENT,)),
        _groups(history, lambda one: one.leads or (NO_LEAD,)),
        tuple(tally([one for one in promises if one.due_at.astimezone(zone).hour == hour], now) for hour in range(24)),
    )


def by_incident(history: History) -> tuple[tuple[IncidentFacts, Tally], ...]:
    """What became of the promises of each incident, in the order in which they began."""
    promises: dict[str, list[PromiseFacts]] = {}
    for each in history.promises:
        promises.setdefault(each.incident.public_id, []).append(each)
    return tuple((each, tally(promises.get(each.public_id, ()), history.now)) for each in history.incidents)


def tally(promises: Iterable[PromiseFacts], now: datetime) -> Tally:
    """How many were kept, late, and so on."""
    counts = dict.fromkeys(("kept", "late", "overdue", "pending", "withdrawn", "replaced"), 0)
    for each in promises:
        counts[_became(each, now)] += 1
    return Tally(**counts)


def lateness(promises: Iterable[PromiseFacts]) -> list[timedelta]:
    """By how much promises were late whose update has come."""
    return [
        each.settled_at - each.due_at if each.late_by is None else each.late_by
        for each in promises
        if each.outcome is PromiseOutcome.LATE and each.settled_at is not None
    ]


def _became(promise: PromiseFacts, now: datetime) -> str:
    if promise.outcome is None:
        return "overdue" if promise.due_at < now else "pending"
    return promise.outcome.value


def _buckets(late: Sequence[timedelta]) -> tuple[tuple[str, int], ...]:
    counts = dict.fromkeys((name for name, _ in BOUNDS), 0)
    for span in late:
        counts[next(name for name, bound in BOUNDS if span <= bound)] += 1
    return tuple(counts.items())


def _groups(
    history: History, names: Callable[[IncidentFacts], Sequence[str]], order: Sequence[str] = ()
) -> tuple[Group, ...]:
    """Each promise and incident counts for every name it has. In the order given, or those with most to show first."""
    incidents: dict[str, int] = {}
    promises: dict[str, list[PromiseFacts]] = {}
    for incident in history.incidents:
        for name in names(incident):
            incidents[name] = incidents.get(name, 0) + 1
    for promise in history.promises:
        for name in names(promise.incident):
            promises.setdefault(name, []).append(promise)
    groups = [
        Group(name, count, tally(promises.get(name, ()), history.now), spread(lateness(promises.get(name, ()))))
        for name, count in incidents.items()
    ]
    if order:
        return tuple(sorted(groups, key=lambda group: order.index(group.name)))
    return tuple(sorted(groups, key=lambda group: (-group.tally.due, -group.incidents, group.name)))
