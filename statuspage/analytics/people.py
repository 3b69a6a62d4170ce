"""Who came and who went while something was going on: each move counts for one incident, or for none."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from .facts import History, IncidentFacts, Move

# People leave after the last word, too.
AFTERMATH = timedelta(hours=24)


@dataclass(frozen=True)
class Tide:
    """What one incident, or all of them, did to the number of subscribers."""

    won: int = 0
    lost: int = 0
    stopped: int = 0

    @property
    def is_still(self) -> bool:
        """Whether nobody moved."""
        return not (self.won or self.lost or self.stopped)


@dataclass(frozen=True)
class Window:
    """From an incident's first public word until a day after its end."""

    begin: datetime
    end: datetime
    incident: IncidentFacts


def tides(history: History) -> tuple[tuple[IncidentFacts, Tide], ...]:
    """The incidents during which somebody came or went, the latest first.

    Where incidents overlap, a move counts for the one that was public last, so that the sums are right.
    """
    counts: dict[str, Counter[Move]] = {}
    windows = _windows(history)
    begins = [window.begin for window in windows]
    latest_end = list(accumulate((window.end for window in windows), max))
    for moves in history.moves:
        place = bisect_right(begins, moves.at) - 1
        while place >= 0 and latest_end[place] > moves.at:
            if windows[place].end > moves.at:
                counts.setdefault(windows[place].incident.public_id, Counter())[moves.move] += moves.count
                break
            place -= 1
    return tuple(
        (window.incident, _tide(counts[window.incident.public_id]))
        for window in reversed(windows)
        if window.incident.public_id in counts
    )


def together(each: Sequence[tuple[IncidentFacts, Tide]]) -> Tide:
    """All of them."""
    return Tide(*(sum(getattr(tide, name) for _, tide in each) for name in ("won", "lost", "stopped")))


def _tide(counts: Counter[Move]) -> Tide:
    return Tide(counts[Move.WON], counts[Move.LOST], counts[Move.STOPPED])


def _windows(history: History) -> list[Window]:
    """By their beginning, to the minute, as moves are."""
    public = [each for each in history.incidents if each.first_public_at is not None]
    found = [
        Window(
            (each.first_public_at or each.created_at).replace(second=0, microsecond=0),
            (each.resolved_at or history.now) + AFTERMATH,
            each,
        )
        for each in public
    ]
    return sorted(found, key=lambda window: (window.begin, window.incident.public_id))
