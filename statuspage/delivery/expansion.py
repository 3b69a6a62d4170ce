"""From one announcement to a delivery for each person it is owed to, in chunks that may be repeated without harm."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Insert, and_, exists, insert, literal, or_, select, update
from sqlalchemy.orm import aliased

from ..db import db, reading
from ..models import Announcement, Delivery, Subscriber
from ..models.delivery import is_waiting
from ..vocabulary import DeliveryState
from .audience import wants

CHUNK = 1000
STALE_AFTER = timedelta(hours=1)
_ANY = select(Announcement.id).where(Announcement.expanded_at.is_(None)).limit(1)
_NEXT = (
    select(Announcement)
    .where(Announcement.expanded_at.is_(None))
    .order_by(Announcement.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def expand_next(now: datetime) -> bool:
    """Turn the next chunk of the oldest unexpanded announcement into deliveries; False when there is none.

    Rows and cursor move in one commit, so a crash repeats nothing and skips nobody.
    """
    with reading():  # an idle engine asks several times a second and must stand in nobody's way
        if db.session.scalar(_ANY) is None:
            return False
    announcement = db.session.scalar(_NEXT)
    if announcement is None:
        db.session.rollback()
        return False
    chunk = _chunk(announcement)
    if chunk:
        db.session.execute(_insert(announcement, chunk, now))
        announcement.expanded_to = chunk[-1]
    if len(chunk) < CHUNK:
        announcement.expanded_at = now
        supersede_older(now, Delivery.incident_id == announcement.incident_id)
    db.session.commit()
    return True


def supersede_older(now: datetime, only: ColumnElement[bool] | None = None) -> None:
    """Drop what has failed once, or is older than an hour, where the same person is owed something newer (C6).

    `only` says among which deliveries to look; without it, among all that wait.
    """
    newer = aliased(Delivery)
    conditions = [
        is_waiting,
        Delivery.state == DeliveryState.PENDING,
        or_(Delivery.attempt_count > 0, Delivery.created_at < now - STALE_AFTER),
        exists().where(
            newer.subscriber_id == Delivery.subscriber_id,
            newer.incident_id == Delivery.incident_id,
            newer.sequence > Delivery.sequence,
        ),
    ]
    if only is not None:
        conditions.append(only)
    db.session.execute(
        update(Delivery)
        .where(and_(*conditions))
        .values(
            state=DeliveryState.SUPERSEDED, reason="A newer update of this incident took its place.", settled_at=now
        )
        .execution_options(synchronize_session=False)
    )


def _chunk(announcement: Announcement) -> list[int]:
    """The next subscribers in order of id. Whoever has been answered with this state already is left out."""
    answered = exists().where(
        Delivery.subscriber_id == Subscriber.id,
        Delivery.incident_id == announcement.incident_id,
        Delivery.sequence >= announcement.sequence,
    )
    ids = (
        select(Subscriber.id)
        .where(
            wants(announcement.page_id, announcement.component_ids, announcement.is_key_moment),
            Subscriber.id > announcement.expanded_to,
            ~answered,
        )
        .order_by(Subscriber.id)
        .limit(CHUNK)
    )
    return list(db.session.scalars(ids))


def _insert(announcement: Announcement, chunk: list[int], now: datetime) -> Insert:
    columns = {
        "announcement_id": literal(announcement.id),
        "subscriber_id": Subscriber.id,
        "channel": Subscriber.channel,
        "address": Subscriber.address,
        "lane": literal(announcement.lane, Delivery.lane.type),
        "incident_id": literal(announcement.incident_id),
        "sequence": literal(announcement.sequence),
        "state": literal(DeliveryState.PENDING, Delivery.state.type),
        "reason": literal(""),
        "attempt_count": literal(0),
        "due_at": literal(now, Delivery.due_at.type),
        "lease_token": literal(""),
        "provider_id": literal(""),
        "created_at": literal(announcement.created_at, Delivery.created_at.type),
    }
    rows = select(*columns.values()).where(Subscriber.id.in_(chunk))
    return insert(Delivery).from_select(list(columns), rows)
