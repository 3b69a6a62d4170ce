"""From one announcement to shards: ranges of subscribers that workers take on lease.

Laying them out costs one count for each stretch of ids, never a row for each person, and may be repeated without harm.
"""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, func, literal, or_, select, update
from sqlalchemy.orm import aliased

from .. import queueing
from ..db import db, reading, upsert
from ..models import Announcement, Delivery, Shard, Subscriber
from ..models.delivery import is_waiting
from ..vocabulary import DeliveryState
from .audience import is_owed

# Subscribers in one shard, and ids looked at in one transaction.
SHARD = 1000
STRETCH = 20 * SHARD
STALE_AFTER = timedelta(hours=1)
NEWER = "A newer update of this incident took its place."
_ANY = select(Announcement.id).where(Announcement.expanded_at.is_(None)).limit(1)
_NEXT = (
    select(Announcement)
    .where(Announcement.expanded_at.is_(None))
    .order_by(Announcement.id)
    .limit(1)
    # Whoever else is laying it out is waited for: a later update of the same incident must not come first (C6).
    .with_for_update(of=Announcement)
)


def has_next() -> bool:
    """Whether an announcement waits to be laid out."""
    return db.session.scalar(_ANY) is not None


def expand_next(now: datetime) -> bool:
    """Lay out the next stretch of the oldest unexpanded announcement in shards; False when there is none.

    Shards and cursor move in one commit, so a crash repeats nothing and skips nobody.
    """
    with reading():  # an idle engine asks several times a second and must stand in nobody's way
        if db.session.scalar(_ANY) is None:
            return False
    announcement = db.session.scalar(_NEXT)
    if announcement is None:
        db.session.rollback()
        return False
    last = db.session.scalar(select(func.max(Subscriber.id)).where(Subscriber.page_id == announcement.page_id)) or 0
    upto = (announcement.expanded_to // STRETCH + 1) * STRETCH
    _lay_out(announcement, upto, now)
    announcement.expanded_to = upto
    if upto >= last:
        announcement.expanded_at = now
        supersede_older(now, Delivery.incident_id == announcement.incident_id)
    db.session.commit()
    return True


def supersede_older(
    now: datetime, only: ColumnElement[bool] | None = None, connection: Connection | None = None
) -> None:
    """Drop what has failed once, or is older than an hour, where the same person is owed something newer (C6).

    `only` says among which deliveries to look; without it, among all that wait. The caller commits.
    """
    newer = aliased(Delivery)
    conditions = [
        is_waiting,
        Delivery.state == DeliveryState.PENDING,
        or_(Delivery.attempt_count > 0, Delivery.created_at < now - STALE_AFTER),
        exists().where(
            newer.subscriber_id == Delivery.subscriber_id,
            newer.incident_id == Delivery.incident_id,
            newer.announcement_id > Delivery.announcement_id,
        ),
    ]
    if only is not None:
        conditions.append(only)
    (connection or db.session.connection()).execute(
        update(Delivery).where(and_(*conditions)).values(state=DeliveryState.SUPERSEDED, reason=NEWER, settled_at=now)
    )


def _lay_out(announcement: Announcement, upto: int, now: datetime) -> None:
    rank = (Subscriber.id - 1) // literal(SHARD, literal_execute=True)
    counted = db.session.execute(
        select(Subscriber.channel, rank.label("rank"), func.count())
        .where(is_owed(announcement), Subscriber.id > announcement.expanded_to, Subscriber.id <= upto)
        .group_by(Subscriber.channel, rank)
    )
    shards = [
        {
            "announcement_id": announcement.id,
            "incident_id": announcement.incident_id,
            "channel": channel,
            "rank": int(number),
            "reached": int(number) * SHARD,
            "last_id": (int(number) + 1) * SHARD,
            "owed": owed,
            "settled": 0,
            "is_doubtful": False,
            "due_at": announcement.held_until or now,
            "reason": "",
            "lease_token": "",
            "created_at": announcement.created_at,
        }
        for channel, number, owed in counted
    ]
    if shards:
        db.session.execute(upsert(Shard).on_conflict_do_nothing(), shards)
        queueing.hint_shards(announcement.id, Counter(str(shard["channel"]) for shard in shards))
