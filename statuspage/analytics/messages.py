"""What became of everything that was said to many, by channel, and how fast: one walk along the ledger's index.

The newest announcements first, and no more of them than some millions of messages; how many that are is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from ..db import db
from ..delivery.reach import REACHED, Curve
from ..models import Announcement, Delivery, Incident, Page, Shard
from ..vocabulary import AnnouncementKind, DeliveryState
from .facts import ChannelFacts
from .instants import seconds

TO_MANY = (AnnouncementKind.INCIDENT_UPDATE, AnnouncementKind.CORRECTION)
# A walk over so many takes some seconds; what is older is left out of the times and counts of messages.
MOST = 2_000_000
FINENESS = (
    "Times count from publishing, a hold included; they are exact to a tenth of a second below a minute, to a second "
    "below an hour, to a minute below a day and to an hour beyond."
)


@dataclass(frozen=True)
class Told:
    """The channels' facts, how many announcements there were, and of how many, the newest, these facts are."""

    channels: tuple[ChannelFacts, ...]
    announcements: int
    measured: int


@dataclass(frozen=True)
class _Sizes:
    """Announcements, and how many messages of each channel have no line in the ledger yet."""

    announcements: int
    measured: int
    oldest: int
    rest: dict[str, int]


def channels(page: Page, cohort: Sequence[ColumnElement[bool]]) -> Told:
    """What became of the announcements of these incidents."""
    of_cohort = [
        Announcement.page_id == page.id,
        Announcement.kind.in_(TO_MANY),
        Announcement.incident_id.in_(select(Incident.id).where(*cohort)),
    ]
    sizes = _sizes(of_cohort)
    states: dict[str, dict[DeliveryState, int]] = {}
    steps: dict[str, dict[float, int]] = {}
    for channel, state, took, count in db.session.execute(_walk([*of_cohort, Announcement.id >= sizes.oldest])):
        by_state = states.setdefault(channel, {})
        by_state[state] = by_state.get(state, 0) + count
        if took is not None:
            by_time = steps.setdefault(channel, {})
            by_time[took] = by_time.get(took, 0) + count
    for channel, count in sizes.rest.items():
        by_state = states.setdefault(channel, {})
        by_state[DeliveryState.PENDING] = by_state.get(DeliveryState.PENDING, 0) + count
    found = tuple(ChannelFacts(each, states[each], _curve(steps.get(each, {}))) for each in sorted(states))
    return Told(found, sizes.announcements, sizes.measured)


def _sizes(of_cohort: Sequence[ColumnElement[bool]]) -> _Sizes:
    """How large the announcements are, by the shards in which they were laid out."""
    rest = case((Shard.closed_at.is_(None) & (Shard.owed > Shard.settled), Shard.owed - Shard.settled), else_=0)
    rows = db.session.execute(
        select(Announcement.id, Shard.channel, func.coalesce(func.sum(Shard.owed), 0), func.coalesce(func.sum(rest), 0))
        .outerjoin(Shard, Shard.announcement_id == Announcement.id)
        .where(*of_cohort)
        .group_by(Announcement.id, Shard.channel)
        .order_by(Announcement.id.desc())
    ).all()
    ids = {row[0] for row in rows}
    owed, oldest, left, measured = 0, 0, {}, set()  # type: ignore[var-annotated]
    for number, channel, size, waiting in rows:
        if number not in measured and owed > MOST:
            break
        measured.add(number)
        oldest, owed = number, owed + int(size)
        if waiting:
            left[channel] = left.get(channel, 0) + int(waiting)
    return _Sizes(len(ids), len(measured), oldest, left)


def _walk(of_cohort: Sequence[ColumnElement[bool]]) -> Any:
    """How many messages, by channel, state and time taken."""
    took = case(
        (Delivery.state.in_(REACHED), _rounded(seconds(Delivery.settled_at) - seconds(Announcement.created_at)))
    )
    rows = (
        select(Delivery.channel, Delivery.state, took.label("took"))
        .join(Announcement, Announcement.id == Delivery.announcement_id)
        .where(*of_cohort)
        .subquery()
    )
    return select(rows.c.channel, rows.c.state, rows.c.took, func.count()).group_by(
        rows.c.channel, rows.c.state, rows.c.took
    )


def _rounded(took: ColumnElement[float]) -> ColumnElement[float]:
    """As `FINENESS` says, so that there are some thousands of different times at most."""
    return case(
        (took < 0, 0.0),
        (took < 60, func.round(took * 10) / 10),
        (took < 3600, func.round(took)),
        (took < 86400, func.round(took / 60) * 60),
        else_=func.round(took / 3600) * 3600,
    )


def _curve(steps: dict[float, int]) -> Curve:
    times = sorted(steps)
    return Curve(tuple(zip(times, accumulate(steps[at] for at in times), strict=True)))
