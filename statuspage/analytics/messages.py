"""What became of everything that was said to many, by channel, and how fast: one walk along the ledger's index.

The newest announcements first, and no more of them than make a million messages; how many that are is said.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
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
# A walk over so many takes about three seconds; what is older is left out of the times and counts of messages.
MOST = 1_000_000
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
    states: dict[str, Counter[DeliveryState]] = {}
    times: dict[str, Counter[float]] = {}
    for channel, state, took, count in db.session.execute(_walk([*of_cohort, Announcement.id >= sizes.oldest])):
        states.setdefault(channel, Counter())[state] += count
        if took is not None:
            times.setdefault(channel, Counter())[took] += count
    for channel, count in sizes.rest.items():
        states.setdefault(channel, Counter())[DeliveryState.PENDING] += count
    found = (ChannelFacts(each, dict(states[each]), _curve(times.get(each, {}))) for each in sorted(states))
    return Told(tuple(found), sizes.announcements, sizes.measured)


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
    newest = _newest(rows)
    rest_of: Counter[str] = Counter()
    for number, channel, _, waiting in rows:
        if number in newest and waiting:
            rest_of[channel] += int(waiting)
    return _Sizes(len({row[0] for row in rows}), len(newest), min(newest, default=0), dict(rest_of))


def _newest(rows: Sequence[Any]) -> set[int]:
    """As many announcements, newest first, as it takes to exceed `MOST`."""
    owed, found = 0, set()
    for number, _, size, _ in rows:
        if number not in found and owed > MOST:
            break
        found.add(number)
        owed += int(size)
    return found


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


def _curve(times: Mapping[float, int]) -> Curve:
    steps = sorted(times)
    return Curve(tuple(zip(steps, accumulate(times[at] for at in steps), strict=True)))
