"""Columns as an SVG can draw them: shares of the width, points of the height, and words for those who do not see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log10

HEIGHT = 140
MOST_LABELS = 6
_GAP = 0.2
# Bars are cut at so many times of what is allowed.
MOST_BEYOND = 3.0


@dataclass(frozen=True)
class Piece:
    """One part of a column: how far along in percent, how wide, where its top is and how high it is."""

    series: int
    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True)
class Label:
    """Words below the axis, and how they stand to their place."""

    x: float
    words: str
    anchor: str


@dataclass(frozen=True)
class Columns:
    """Everything that is drawn. `grid` has the heights of the lines behind, with their numbers.

    `series` are the numbers and names of what a column is made of; the number says the colour.
    """

    pieces: Sequence[Piece]
    labels: Sequence[Label]
    grid: Sequence[tuple[float, int]]
    series: Mapping[int, str]
    words: str


def columns(
    names: Sequence[str], values: Sequence[Sequence[int]], series: Mapping[int, str], words: str
) -> Columns | None:
    """A column for each name, its values on top of each other; None where there is nothing to see."""
    most = max((sum(each) for each in values), default=0)
    if not most:
        return None
    top = _round_up(most)
    step, pieces = 100 / len(names), []
    for place, each in enumerate(values):
        below = 0
        for number, value in zip(series, each, strict=True):
            if value:
                below += value
                y = HEIGHT * (1 - below / top)
                pieces.append(
                    Piece(
                        number,
                        round((place + _GAP / 2) * step, 3),
                        round(step * (1 - _GAP), 3),
                        round(y, 2),
                        round(HEIGHT * value / top, 2),
                    )
                )
    return Columns(pieces, _labels(names, step), _grid(top), series, words)


@dataclass(frozen=True)
class Bar:
    """One bar: its name, and how much of the width is filled; beyond the mark it is over what is allowed."""

    name: str
    within: float
    beyond: float
    share: float


@dataclass(frozen=True)
class Bars:
    """Bars on one scale. `mark` is where all of what is allowed lies, in percent of the width."""

    bars: Sequence[Bar]
    mark: float
    words: str


def bars(shares: Sequence[tuple[str, float]], words: str) -> Bars | None:
    """A bar for each name, from nothing to all and beyond; None where there is none."""
    if not shares:
        return None
    # What is far beyond is cut: the number beside it says how far.
    top = min(max(1.0, *(share for _, share in shares)), MOST_BEYOND)
    drawn = [(name, share, min(share, top)) for name, share in shares]
    return Bars(
        [
            Bar(name, round(100 * min(part, 1.0) / top, 2), round(100 * max(part - 1.0, 0.0) / top, 2), share)
            for name, share, part in drawn
        ],
        round(100 / top, 2),
        words,
    )


def _labels(names: Sequence[str], step: float) -> list[Label]:
    stride = ceil(len(names) / MOST_LABELS)
    return [
        Label(round((place + 0.5) * step, 3), name, _anchor((place + 0.5) * step))
        for place, name in enumerate(names)
        if place % stride == 0
    ]


def _anchor(x: float) -> str:
    return "start" if x < 6 else "end" if x > 94 else "middle"


def _grid(top: int) -> list[tuple[float, int]]:
    marks = (0, top // 2, top) if top % 2 == 0 else (0, top)
    return [(HEIGHT * (1 - mark / top), mark) for mark in marks]


def _round_up(most: int) -> int:
    """The next number that an axis would end at: 1, 2, 4, 6, 8 or 10 of its size."""
    size: int = 10 ** int(log10(most))
    return next(size * factor for factor in (1, 2, 4, 6, 8, 10) if size * factor >= most)
