"""The gaps sorted into slots: by length, by lateness, by hour of day and weekday."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from .gaps import Gap

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Upper ends in minutes, included; what is longer than the last has a slot of its own.
LENGTHS = (5, 10, 15, 20, 30, 45, 60, 90, 120, 240)
LATENESS = (5, 15, 30, 60, 120, 240)
# Intervals that are tried beside the promised one.
TRIED = tuple(timedelta(minutes=each) for each in (15, 20, 30, 45, 60, 90, 120, 240))


@dataclass
class Slot:
    """How many gaps fall here, how many of them outlasted the promise, and the reminders that fall here."""

    name: str
    gaps: int = 0
    late: int = 0
    reminders: int = 0

    @property
    def kept(self) -> int:
        """How many ended in time."""
        return self.gaps - self.late

    @property
    def share(self) -> float:
        """The share that outlasted the promise."""
        return self.late / self.gaps if self.gaps else 0.0


@dataclass(frozen=True)
class Slots:
    """All the ways in which the gaps are sorted."""

    lengths: Sequence[Slot] = field(default_factory=list)
    lateness: Sequence[Slot] = field(default_factory=list)
    hours: Sequence[Slot] = field(default_factory=list)
    weekdays: Sequence[Slot] = field(default_factory=list)


def sort(gaps: Iterable[Gap], zone: ZoneInfo) -> Slots:
    """The settled gaps by length and lateness, and by the local hour and weekday at which each silence began.

    A reminder counts at the local hour and weekday at which it would have gone out.
    """
    gaps = list(gaps)
    lengths, lateness = _bands(LENGTHS), _bands(LATENESS)
    hours, weekdays = [Slot(f"{hour:02d}") for hour in range(24)], [Slot(name) for name in WEEKDAYS]
    for gap in gaps:
        local = gap.began_at.astimezone(zone)
        for slot in (lengths[_band(gap.length, LENGTHS)], hours[local.hour], weekdays[local.weekday()]):
            _count(slot, gap)
        if gap.is_late:
            _count(lateness[_band(gap.late_by, LATENESS)], gap)
        for rung in gap.rungs:
            at = rung.at.astimezone(zone)
            hours[at.hour].reminders += 1
            weekdays[at.weekday()].reminders += 1
    return Slots(lengths, lateness, hours, weekdays)


def darkest(slots: Sequence[Slot], least: int = 50) -> Slot | None:
    """The slot with the highest share of late gaps among those with enough of them to say so."""
    known = [slot for slot in slots if slot.gaps >= least]
    return max(known, key=lambda slot: slot.share, default=None)


def words_of(minutes: float) -> str:
    """Minutes as short as they can be said: "45 min", "2 h"."""
    return f"{minutes:g} min" if minutes < 120 else f"{minutes / 60:g} h"


def _count(slot: Slot, gap: Gap) -> None:
    slot.gaps += 1
    slot.late += gap.is_late


def _bands(ends: Sequence[int]) -> list[Slot]:
    named = [f"up to {words_of(end)}" for end in ends]
    return [Slot(name) for name in [*named, f"over {words_of(ends[-1])}"]]


def _band(span: timedelta, ends: Sequence[int]) -> int:
    minutes = span / timedelta(minutes=1)
    return next((place for place, end in enumerate(ends) if minutes <= end), len(ends))
