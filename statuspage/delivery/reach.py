"""How long it took until people were reached: half of them, nearly all, the last one, and the curve between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import bindparam, func, select

from ..db import db
from ..models import Announcement, Delivery
from ..vocabulary import DeliveryState

REACHED = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.CAPTURED)
# Up to so many everybody's own time is looked at; beyond it, how many had been reached at each of so many moments.
EXACT = 2000
MOMENTS = 96
LEAST_SECONDS = 0.05

_TIMES = (
    select(Delivery.channel, Delivery.settled_at)
    .where(
        Delivery.announcement_id == bindparam("about"),
        Delivery.state.in_(REACHED),
        Delivery.settled_at.is_not(None),
    )
    .order_by(Delivery.settled_at)
)
_SPAN = select(func.min(Delivery.settled_at), func.max(Delivery.settled_at)).where(
    Delivery.announcement_id == bindparam("about"),
    Delivery.state == bindparam("state"),
    Delivery.channel == bindparam("on"),
)
_BETWEEN = select(func.count()).where(
    Delivery.announcement_id == bindparam("about"),
    Delivery.state == bindparam("state"),
    Delivery.channel == bindparam("on"),
    Delivery.settled_at > bindparam("after"),
    Delivery.settled_at <= bindparam("upto"),
)


@dataclass(frozen=True)
class Curve:
    """So many people had been reached so many seconds after the words were said: (seconds, people), growing.

    Where `is_sampled`, the points are moments and what lies between two of them is taken as even.
    """

    points: tuple[tuple[float, int], ...] = ()
    is_sampled: bool = False

    @property
    def total(self) -> int:
        """How many were reached in the end."""
        return self.points[-1][1] if self.points else 0

    @property
    def last(self) -> float:
        """Seconds until the last one was."""
        return next((at for at, people in self.points if people == self.total), 0.0)

    def until(self, share: float) -> float:
        """Seconds until this share of those who were reached had been."""
        wanted = max(1, ceil(share * self.total))
        before = (0.0, 0)
        for at, people in self.points:
            if people >= wanted:
                gained = people - before[1]
                part = (wanted - before[1]) / gained if self.is_sampled else 1.0
                return before[0] + (at - before[0]) * part if self.is_sampled else at
            before = (at, people)
        return self.last


def curves(announcement: Announcement, counts: Mapping[str, Mapping[DeliveryState, int]]) -> dict[str, Curve]:
    """The curve of each channel that has reached anybody; `counts` is what `receipts.by_channel` says."""
    reached = {
        channel: {state: n for state, n in states.items() if state in REACHED and n}
        for channel, states in counts.items()
    }
    if sum(sum(states.values()) for states in reached.values()) <= EXACT:
        return _exact(announcement)
    return _sampled(announcement, {channel: list(states) for channel, states in reached.items() if states})


def together(each: Sequence[Curve]) -> Curve:
    """All channels as one."""
    steps: list[tuple[float, int]] = []
    for curve in each:
        before = 0
        for at, people in curve.points:
            steps.append((at, people - before))
            before = people
    return Curve(_summed(sorted(steps)), any(curve.is_sampled for curve in each))


def _exact(announcement: Announcement) -> dict[str, Curve]:
    found: dict[str, list[tuple[float, int]]] = {}
    for channel, at in db.session.execute(_TIMES, {"about": announcement.id}):
        assert at is not None
        found.setdefault(channel, []).append((_seconds(announcement, at), 1))
    return {channel: Curve(_summed(steps)) for channel, steps in found.items()}


def _sampled(announcement: Announcement, wanted: Mapping[str, Sequence[DeliveryState]]) -> dict[str, Curve]:
    """All at the same moments, so that they can be added up."""
    asked = {
        channel: [{"about": announcement.id, "on": channel, "state": state} for state in states]
        for channel, states in wanted.items()
    }
    spans = [at for each in asked.values() for one in each for at in db.session.execute(_SPAN, one).one() if at]
    moments = _moments(announcement, min(spans), max(spans)) if spans else []
    found = {}
    for channel, each in asked.items():
        steps, after = [], announcement.created_at - timedelta(days=1)
        for upto in moments:
            gained = sum(db.session.scalar(_BETWEEN, one | {"after": after, "upto": upto}) or 0 for one in each)
            steps.append((_seconds(announcement, upto), gained))
            after = upto
        found[channel] = Curve(_summed(steps), is_sampled=True)
    return found


def _moments(announcement: Announcement, first: datetime, last: datetime) -> list[datetime]:
    """Moments from the first to the last, growing by the same factor: fine where it matters, coarse where it drags."""
    begin, end = (max(LEAST_SECONDS, _seconds(announcement, at)) for at in (first, last))
    factor = (end / begin) ** (1 / (MOMENTS - 1))
    between = [announcement.created_at + timedelta(seconds=begin * factor**step) for step in range(MOMENTS - 1)]
    return [*(at for at in between if at < last), last]


def _summed(steps: Sequence[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    """Growing sums, one for each moment."""
    total, found = 0, {}
    for at, gained in steps:
        total += gained
        found[at] = total
    return tuple(found.items())


def _seconds(announcement: Announcement, at: datetime) -> float:
    return max(0.0, (at - announcement.created_at).total_seconds())
