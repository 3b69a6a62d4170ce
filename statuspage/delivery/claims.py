"""Claiming what has a row of its own: it belongs to one worker for the length of a lease, and to nobody after it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from ..db import db, new_id, reading
from ..models import Announcement, Delivery, Subscriber
from ..models.delivery import is_held, is_waiting
from ..vocabulary import WAITING_STATES, DeliveryState, Lane

# Statements are built once: putting one together costs more than running it, and idle workers ask several times a
# second. A row waits while an older update of the same incident is still owed to the same person (C6).
_older = aliased(Delivery)
_about = aliased(Announcement)


def is_due(channel: Any, lane: Any) -> ColumnElement[bool]:
    """The condition on Delivery that it may be claimed at the moment given as the parameter `now`."""
    return and_(
        is_waiting,
        Delivery.channel == channel,
        Delivery.lane == lane,
        Delivery.state == DeliveryState.PENDING,
        Delivery.due_at <= bindparam("now"),
        ~exists().where(
            _older.subscriber_id == Delivery.subscriber_id,
            _older.incident_id == Delivery.incident_id,
            _older.announcement_id < Delivery.announcement_id,
            _older.state.in_(WAITING_STATES),
        ),
        ~exists().where(_about.id == Delivery.announcement_id, _about.stopped_at.is_not(None)),
    )


_IS_DUE = is_due(bindparam("on"), bindparam("in_lane"))
_ANY = select(Delivery.id).where(_IS_DUE).limit(1)
_DUE = (
    select(Delivery.id)
    .where(_IS_DUE)
    .order_by(Delivery.due_at, Delivery.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(Delivery)
    .where(Delivery.id.in_(_DUE.scalar_subquery()))
    .values(state=DeliveryState.LEASED, lease_token=bindparam("token"), leased_until=bindparam("until"))
    .execution_options(synchronize_session=False)
)
_HELD = (
    select(Delivery)
    .where(is_held, Delivery.lease_token == bindparam("token"))
    .options(
        joinedload(Delivery.announcement).joinedload(Announcement.page),
        joinedload(Delivery.announcement).joinedload(Announcement.incident),
        joinedload(Delivery.subscriber).lazyload(Subscriber.subscriptions),
        selectinload(Delivery.staff_user),
    )
    .order_by(Delivery.id)
)


def claim(channel: str, lane: Lane, limit: int, lease: timedelta, now: datetime) -> list[Delivery]:
    """Lease up to `limit` due deliveries of a lane; the leases are committed.

    The rows come back detached, with all that a message needs: no transaction is open while the wire is slow.
    Where nothing is due nothing is written, so that idle workers never stand in a publisher's way.
    """
    asked = {"on": channel, "in_lane": lane, "now": now}
    with reading():
        if db.session.scalar(_ANY, asked) is None:
            return []
    token = new_id()
    db.session.connection().execute(_CLAIM, asked | {"most": limit, "token": token, "until": now + lease})
    db.session.commit()
    with Session(db.engine) as own:
        return list(own.scalars(_HELD, {"token": token}))


def release_lapsed(lease: timedelta, now: datetime) -> int:
    """Put back what was claimed by a worker that is no longer there; how many is returned.

    Whether it had left already nobody knows, so they are doubtful. A lease that ends later than any could is of a
    clock that has been set back since, and is over too.
    """
    is_over = or_(Delivery.leased_until < now, Delivery.leased_until > now + 2 * lease)
    is_lapsed = and_(is_waiting, Delivery.state == DeliveryState.LEASED, is_over)
    with reading():
        if db.session.scalar(select(Delivery.id).where(is_lapsed).limit(1)) is None:
            return 0
    released = db.session.execute(
        update(Delivery)
        .where(is_lapsed)
        .values(state=DeliveryState.PENDING, lease_token="", leased_until=None, due_at=now, is_doubtful=True)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    count: int = released.rowcount  # type: ignore[attr-defined]
    return count


def renew(token: str, until: datetime) -> None:
    """The worker is alive and still at it: the rest of its claim stays its own until then."""
    db.session.execute(
        update(Delivery)
        .where(is_held, Delivery.lease_token == token, Delivery.state == DeliveryState.LEASED)
        .values(leased_until=until)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def release(token: str, now: datetime) -> None:
    """Give back the rest of a claim, unsent."""
    db.session.execute(
        update(Delivery)
        .where(is_held, Delivery.lease_token == token, Delivery.state == DeliveryState.LEASED)
        .values(state=DeliveryState.PENDING, lease_token="", leased_until=None, due_at=now)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
