"""Claiming: a delivery belongs to one worker for the length of a lease, and to nobody after it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, and_, exists, select, update
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from ..db import db, new_id
from ..models import Announcement, Delivery, Subscriber
from ..vocabulary import WAITING_STATES, DeliveryState, Lane


def claim(channel: str, lanes: Sequence[Lane], limit: int, lease: timedelta, now: datetime) -> list[Delivery]:
    """Lease up to `limit` due deliveries of the first lane that has any; the leases are committed.

    The rows come back detached, with all that a message needs: no transaction is open while the wire is slow.

    A row waits while an older update of the same incident is still owed to the same person (C6).
    """
    for lane in lanes:
        token = new_id()
        claimed = db.session.execute(
            update(Delivery)
            .where(Delivery.id.in_(_due(channel, lane, limit, now)))
            .values(state=DeliveryState.LEASED, lease_token=token, leased_until=now + lease)
            .execution_options(synchronize_session=False)
        )
        if claimed.rowcount:  # type: ignore[attr-defined]
            db.session.commit()
            return _load(token)
        db.session.rollback()
    return []


def release_lapsed(now: datetime) -> int:
    """Put back what was claimed by a worker that is no longer there; how many is returned."""
    released = db.session.execute(
        update(Delivery)
        .where(Delivery.state == DeliveryState.LEASED, Delivery.leased_until < now)
        .values(state=DeliveryState.PENDING, lease_token="", leased_until=None, due_at=now)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    count: int = released.rowcount  # type: ignore[attr-defined]
    return count


def renew(token: str, lease: timedelta, now: datetime) -> datetime:
    """The worker is alive and still at it: the rest of its claim stays with it until the returned instant."""
    until = now + lease
    db.session.execute(
        update(Delivery)
        .where(Delivery.lease_token == token, Delivery.state == DeliveryState.LEASED)
        .values(leased_until=until)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    return until


def release(token: str, now: datetime) -> None:
    """Give back the rest of a claim, unsent."""
    db.session.execute(
        update(Delivery)
        .where(Delivery.lease_token == token, Delivery.state == DeliveryState.LEASED)
        .values(state=DeliveryState.PENDING, lease_token="", leased_until=None, due_at=now)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _due(channel: str, lane: Lane, limit: int, now: datetime) -> ScalarSelect[int]:
    older = aliased(Delivery)
    is_blocked = exists().where(
        older.subscriber_id == Delivery.subscriber_id,
        older.incident_id == Delivery.incident_id,
        older.sequence < Delivery.sequence,
        older.state.in_(WAITING_STATES),
    )
    due = and_(
        Delivery.channel == channel,
        Delivery.lane == lane,
        Delivery.state == DeliveryState.PENDING,
        Delivery.due_at <= now,
        ~is_blocked,
    )
    query = select(Delivery.id).where(due).order_by(Delivery.due_at, Delivery.id).limit(limit)
    return query.with_for_update(skip_locked=True).scalar_subquery()


def _load(token: str) -> list[Delivery]:
    query = (
        select(Delivery)
        .where(Delivery.lease_token == token)
        .options(
            joinedload(Delivery.announcement).joinedload(Announcement.page),
            joinedload(Delivery.announcement).joinedload(Announcement.incident),
            joinedload(Delivery.subscriber).lazyload(Subscriber.subscriptions),
            selectinload(Delivery.staff_user),
        )
        .order_by(Delivery.id)
    )
    with Session(db.engine) as own:
        return list(own.scalars(query))
