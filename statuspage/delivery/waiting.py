"""What waits: messages on their way, whether in a row of their own or still in a shard, since when, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from ..db import db
from ..models import Announcement, Delivery, Shard
from ..models.delivery import is_waiting
from ..vocabulary import DeliveryState, Lane
from . import breakers

PATIENCE = timedelta(seconds=60)
STOPPED = "Sending was stopped by a person."

# From when on it could have left.
_said_at = case(
    (Announcement.held_until > Announcement.created_at, Announcement.held_until), else_=Announcement.created_at
)
_left_in_shard = case((Shard.owed > Shard.settled, Shard.owed - Shard.settled), else_=0)
_may_leave = and_(Announcement.stopped_at.is_(None), Announcement.withdrawn_at.is_(None))


@dataclass(frozen=True)
class Waiting:
    """So many messages of one announcement that wait on one channel for one reason."""

    announcement_id: int
    channel: str
    reason: str
    count: int
    since: datetime


@dataclass(frozen=True)
class Queue:
    """What waits on one channel and may leave: nobody has stopped it and no hold is on it.

    `since` is when the oldest could have left; of those that wait their first turn it is `fresh_since`, of those that
    failed once `tried_since`. `overdue_since` is from when on something free might have been taken up, `in_hand` how
    many rows and ranges workers hold.
    """

    channel: str
    count: int = 0
    since: datetime | None = None
    fresh_since: datetime | None = None
    tried_since: datetime | None = None
    overdue_since: datetime | None = None
    in_hand: int = 0
    reason: str = ""


def behind(now: datetime, only: ColumnElement[bool]) -> list[Waiting]:
    """What has waited for more than a minute of the announcements that `only` names, by reason, newest first."""
    found = [*_rows_behind(now, only), *_shards_behind(now, only)]
    return sorted(found, key=lambda each: (-each.announcement_id, -each.count))


def queues(now: datetime) -> dict[str, Queue]:
    """What waits, channel by channel."""
    rows, ranges = _row_facts(now), _shard_facts(now)
    return {
        channel: _joined(channel, [each for each in (rows.get(channel), ranges.get(channel)) if each])
        for channel in sorted({*rows, *ranges})
    }


def last_before(at: datetime) -> int:
    """The number of the last announcement before this moment: what is newer has a higher one."""
    query = select(Announcement.id).where(Announcement.created_at <= at).order_by(Announcement.id.desc()).limit(1)
    return db.session.scalar(query) or 0


def unexpanded_since() -> datetime | None:
    """Since when the oldest announcement waits for somebody to work out who is told; None when none does."""
    query = select(func.min(Announcement.created_at)).where(Announcement.expanded_at.is_(None))
    return db.session.scalar(query)


def _rows_behind(now: datetime, only: ColumnElement[bool]) -> Iterator[Waiting]:
    stopped = Announcement.stopped_at.is_not(None)
    query = (
        select(
            Delivery.announcement_id, Delivery.channel, Delivery.reason, func.count(), func.min(_said_at),
            func.max(case((stopped, 1), else_=0)),
        )
        .join(Announcement)
        .where(is_waiting, only, _said_at < now - PATIENCE)
        .group_by(Delivery.announcement_id, Delivery.channel, Delivery.reason)
    )  # fmt: skip
    for number, channel, reason, count, since, is_stopped in db.session.execute(query):
        yield Waiting(number, channel, STOPPED if is_stopped else reason, count, since)


def _shards_behind(now: datetime, only: ColumnElement[bool]) -> Iterator[Waiting]:
    query = (
        select(
            Shard.announcement_id, Shard.channel, Shard.reason, func.sum(_left_in_shard), func.min(_said_at),
            func.max(Announcement.stopped_at),
        )
        .join(Announcement)
        .where(Shard.closed_at.is_(None), only, _said_at < now - PATIENCE)
        .group_by(Shard.announcement_id, Shard.channel, Shard.reason)
    )  # fmt: skip
    left_alone = breakers.pauses(now) | breakers.standing()
    merged: dict[tuple[int, str, str], Waiting] = {}
    for number, channel, reason, count, since, stopped_at in db.session.execute(query):
        breaker = left_alone.get(channel)
        why = STOPPED if stopped_at else (breaker.reason if breaker else "") or reason
        known = merged.get((number, channel, why))
        total = int(count) + (known.count if known else 0)
        merged[number, channel, why] = Waiting(number, channel, why, total, since)
    yield from (each for each in merged.values() if each.count)


def _row_facts(now: datetime) -> dict[str, Queue]:
    # What is in the lane of retries may be due and yet wait behind an older message to the same person.
    is_retry = or_(Delivery.lane == Lane.RETRY, Delivery.attempt_count > 0)
    has_failed = and_(is_retry, or_(Delivery.due_at > now, Delivery.due_at < now - PATIENCE))
    is_free = and_(~is_retry, Delivery.state == DeliveryState.PENDING, Delivery.due_at <= now)
    query = (
        select(
            Delivery.channel,
            func.count(),
            func.min(_said_at),
            func.min(case((~is_retry, _said_at))),
            func.min(case((has_failed, _said_at))),
            func.min(case((is_free, Delivery.due_at))),
            func.sum(case((Delivery.state == DeliveryState.LEASED, 1), else_=0)),
            func.max(Delivery.reason),
        )
        .join(Announcement)
        .where(is_waiting, _may_leave, _said_at <= now)
        .group_by(Delivery.channel)
    )
    return {row[0]: Queue(*row) for row in db.session.execute(query)}


def _shard_facts(now: datetime) -> dict[str, Queue]:
    is_free = Shard.lease_token == ""
    query = (
        select(
            Shard.channel,
            func.sum(_left_in_shard),
            func.min(_said_at),
            func.min(case((and_(is_free, Shard.due_at <= now), Shard.due_at))),
            func.sum(case((is_free, 0), else_=1)),
            func.max(Shard.reason),
        )
        .join(Announcement)
        .where(Shard.closed_at.is_(None), _may_leave, _said_at <= now)
        .group_by(Shard.channel)
    )
    return {
        channel: Queue(channel, int(count), since, since, None, overdue_since, in_hand, reason)
        for channel, count, since, overdue_since, in_hand, reason in db.session.execute(query)
    }


def _joined(channel: str, parts: list[Queue]) -> Queue:
    def earliest(name: str) -> datetime | None:
        return min((at for part in parts if (at := getattr(part, name)) is not None), default=None)

    return Queue(
        channel,
        sum(part.count for part in parts),
        earliest("since"),
        earliest("fresh_since"),
        earliest("tried_since"),
        earliest("overdue_since"),
        sum(part.in_hand for part in parts),
        next((part.reason for part in parts if part.reason), ""),
    )
