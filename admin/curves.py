"""A curve as an SVG can draw it: shares over time on an axis where each step is ten times the last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from statuspage.delivery.reach import Curve

WIDTH = HEIGHT = 1000
MOST_POINTS = 200
_TICKS = ((0.1, "0.1 s"), (1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (36000, "10 h"))


@dataclass(frozen=True)
class Tick:
    """A mark on the axis: its place in percent, its words, and how the words stand to it."""

    at: float
    words: str
    anchor: str


@dataclass(frozen=True)
class Line:
    """One channel's way up, as a path in a square of a thousand."""

    channel: str
    path: str


@dataclass(frozen=True)
class Chart:
    """Everything that is drawn."""

    lines: Sequence[Line]
    ticks: Sequence[Tick]


def chart(curves: Mapping[str, Curve], owed: Mapping[str, int]) -> Chart | None:
    """The curves, each as the share of those whom its channel owes it; None where nobody has been reached."""
    drawn = {channel: curve for channel, curve in curves.items() if curve.total and owed.get(channel)}
    if not drawn:
        return None
    first = min(curve.points[0][0] for curve in drawn.values())
    begin, end = _axis(first, max(curve.last for curve in drawn.values()))
    lines = [
        Line(channel, _path(curve, max(curve.total, owed[channel]), begin, end)) for channel, curve in drawn.items()
    ]
    marks = [(at, words) for at, words in _TICKS if begin <= at <= end]
    ticks = [Tick(round(100 * _along(at, begin, end), 2), words, _anchor(at, begin, end)) for at, words in marks]
    return Chart(lines, ticks)


def _axis(first: float, last: float) -> tuple[float, float]:
    """From the mark before the first moment to the last moment, and to the next mark at least."""
    marks = [at for at, _ in _TICKS]
    begin = max((at for at in marks[:-1] if at <= first), default=marks[0])
    return begin, max(last, min(at for at in marks if at > begin))


def _path(curve: Curve, whole: int, begin: float, end: float) -> str:
    """A staircase where every point is known, straight from moment to moment where only moments are."""
    points = _thinned(curve.points)
    x, y = _along(points[0][0], begin, end) * WIDTH, float(HEIGHT)
    steps = [f"M{x:.0f} {y:.0f}"]
    for at, people in points:
        x, y = _along(at, begin, end) * WIDTH, HEIGHT * (1 - people / whole)
        steps.append(f"L{x:.0f} {y:.0f}" if curve.is_sampled else f"H{x:.0f}V{y:.0f}")
    steps.append(f"H{WIDTH}")
    return "".join(steps)


def _thinned(points: Sequence[tuple[float, int]]) -> Sequence[tuple[float, int]]:
    stride = max(1, len(points) // MOST_POINTS)
    return [*points[:-1:stride], points[-1]]


def _along(seconds: float, begin: float, end: float) -> float:
    """How far along the axis a moment is, from 0 to 1."""
    return min(1.0, max(0.0, log(max(seconds, begin) / begin) / log(end / begin)))


def _anchor(at: float, begin: float, end: float) -> str:
    along = _along(at, begin, end)
    return "start" if along < 0.05 else "end" if along > 0.95 else "middle"
