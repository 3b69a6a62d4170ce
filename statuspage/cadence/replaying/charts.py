"""What an SVG needs to draw a replay: places across in percent, heights in pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from .measuring import Replay, Told
from .slots import LENGTHS, Slot

HEIGHT, GUTTER = 160.0, 9.0
_NICE = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)


@dataclass(frozen=True)
class Bar:
    """A rectangle that stands on whatever is below it."""

    y: float
    height: float


@dataclass(frozen=True)
class Column:
    """One slot: what ended in time below, what came late above it."""

    slot: Slot
    x: float
    width: float
    kept: Bar
    late: Bar
    label: str

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True)
class Grid:
    """A line across, and the number it stands for."""

    y: float
    number: int


@dataclass(frozen=True)
class Columns:
    """A chart of columns. `mark` is where the promise ends, where that is between two columns."""

    columns: Sequence[Column]
    grid: Sequence[Grid]
    mark: float | None = None


@dataclass(frozen=True)
class Stretch:
    """A piece of a strip."""

    x: float
    width: float
    is_late: bool


@dataclass(frozen=True)
class Strip:
    """One incident from its first word to its last: silences, and the moments at which somebody spoke."""

    told: Told
    stretches: Sequence[Stretch]
    said: Sequence[float]


def by_length(replay: Replay, promised_minutes: float | None) -> Columns:
    """The gaps by length; the mark is at the promised interval."""
    labels = [f"{end}" if end < 120 else f"{end // 60} h" for end in LENGTHS] + [f">{LENGTHS[-1] // 60} h"]
    chart = columns(replay.slots.lengths, labels)
    if promised_minutes not in LENGTHS:
        return chart
    before = chart.columns[LENGTHS.index(int(promised_minutes)) + 1]
    return Columns(chart.columns, chart.grid, round(before.x - 0.1 * before.width, 2))


def by_hour(replay: Replay) -> Columns:
    """The gaps by the hour at which they began; every third hour is named."""
    return columns(replay.slots.hours, [slot.name if not int(slot.name) % 3 else "" for slot in replay.slots.hours])


def by_weekday(replay: Replay) -> Columns:
    """The gaps by the weekday on which they began."""
    return columns(replay.slots.weekdays, [slot.name[:3] for slot in replay.slots.weekdays])


def by_lateness(replay: Replay) -> Columns:
    """The late promises by how late they were."""
    names = [slot.name.removeprefix("up to ").replace("over ", ">").replace(" min", "") for slot in
             replay.slots.lateness]  # fmt: skip
    return columns(replay.slots.lateness, names)


def columns(slots: Sequence[Slot], labels: Sequence[str]) -> Columns:
    """The slots side by side, on a scale that begins at nothing."""
    step = _step(max((slot.gaps for slot in slots), default=0))
    top = step * 4
    room = (100 - GUTTER) / len(slots)
    drawn = [
        _column(slot, label, GUTTER + number * room, room, top)
        for number, (slot, label) in enumerate(zip(slots, labels, strict=True))
    ]
    return Columns(drawn, [Grid(HEIGHT * (1 - number / 4), number * step) for number in range(5)])


def strip(told: Told) -> Strip:
    """The incident as a strip as wide as it was long."""
    statements = told.story.statements
    begin, end = statements[0].at, statements[-1].at
    whole = max((end - begin).total_seconds(), 1.0)

    def across(at: datetime) -> float:
        return round(100 * (at - begin).total_seconds() / whole, 3)

    stretches = []
    for gap in told.gaps:
        assert gap.ended_at is not None
        in_time_until = min(gap.due_at, gap.ended_at)
        stretches.append(Stretch(across(gap.began_at), across(in_time_until) - across(gap.began_at), False))
        if gap.is_late:
            stretches.append(Stretch(across(gap.due_at), across(gap.ended_at) - across(gap.due_at), True))
    return Strip(told, stretches, [across(each.at) for each in statements])


def _column(slot: Slot, label: str, x: float, room: float, top: int) -> Column:
    kept, late = HEIGHT * slot.kept / top, HEIGHT * slot.late / top
    return Column(
        slot,
        round(x + 0.1 * room, 2),
        round(0.8 * room, 2),
        Bar(round(HEIGHT - kept, 1), round(kept, 1)),
        Bar(round(HEIGHT - kept - late, 1), round(late, 1)),
        label,
    )


def _step(most: int) -> int:
    """A quarter of the scale: the smallest round number that leaves room for the highest column."""
    steps = (round(nice * 10.0**power) for power in count() for nice in _NICE if nice.is_integer() or power)
    return next(step for step in steps if 4 * step >= most)
