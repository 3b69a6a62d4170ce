"""The arithmetic of figures: shares, and what a heap of spans amounts to. Nothing to count is None, never zero."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

DEFINITION = (
    "Percentiles are by nearest rank: the p-th of n values in order is the one at place p·n/100, rounded up. "
    "The median is the 50th; it is always a value that occurred."
)


@dataclass(frozen=True)
class Spread:
    """What so many spans amount to, in seconds."""

    count: int
    mean: float
    median: float
    p95: float
    longest: float


def nearest_rank(ordered: Sequence[float], percent: int) -> float:
    """The percentile of values in growing order, as `DEFINITION` says; there is at least one value."""
    rank = -(-percent * len(ordered) // 100)  # rounded up, without a float's last digit
    return ordered[max(1, rank) - 1]


def spread(spans: Iterable[timedelta]) -> Spread | None:
    """Mean, median, 95th percentile and the longest; None where there is none."""
    seconds = sorted(span.total_seconds() for span in spans)
    if not seconds:
        return None
    return Spread(
        len(seconds), sum(seconds) / len(seconds), nearest_rank(seconds, 50), nearest_rank(seconds, 95), seconds[-1]
    )


def share(part: int, whole: int) -> float | None:
    """The part of the whole, from 0 to 1; None of nothing."""
    return part / whole if whole else None
