"""Shards on lease: which range of an announcement a worker takes next, and who in it is still owed."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, insert, literal, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from ..db import db, new_id, reading
from ..models import Announcement, Delivery, Shard, Subscriber
from ..vocabulary import DeliveryState, Lane
from .audience import is_owed

NEWS_FOR = timedelta(hours=24)

_older = aliased(Shard)
_about = aliased(Announcement)


def is_due(channel: Any) -> ColumnElement[bool]:
    """The condition on Shard that it may be taken at the moment `now`: free, neither stopped nor withdrawn.

    Something older of the incident on its way there goes first (C6). What was said before the moment `old` is no news.
    """
    return and_(
        Shard.closed_at.is_(None),
        Shard.channel == channel,
        Shard.lease_token == "",
        Shard.due_at <= bindparam("now"),
        Shard.created_at >= bindparam("old"),
        exists().where(_about.id == Shard.announcement_id, _about.stopped_at.is_(None), _about.withdrawn_at.is_(None)),
        ~exists().where(
            _older.closed_at.is_(None),
            _older.incident_id == Shard.incident_id,
            _older.rank == Shard.rank,
            _older.channel == Shard.channel,
            _older.announcement_id < Shard.announcement_id,
        ),
    )


_IS_DUE = is_due(bindparam("on"))
_ANY = select(Shard.id).where(_IS_DUE).limit(1)
_URGENT = select(Shard.id).where(_IS_DUE, Shard.rank < bindparam("rank")).limit(1)
_NEXT = (
    select(Shard.id).where(_IS_DUE).order_by(Shard.rank, Shard.id).limit(1).with_for_update(skip_locked=True, of=Shard)
)
_TAKE = (
    update(Shard)
    .where(Shard.id == bindparam("of"), Shard.lease_token == "")
    .values(lease_token=bindparam("token"), leased_until=bindparam("until"))
    .execution_options(synchronize_session=False)
)
_HELD = (
    select(Shard)
    .where(Shard.id == bindparam("of"))
    .options(
        joinedload(Shard.announcement).joinedload(Announcement.page),
        joinedload(Shard.announcement).joinedload(Announcement.incident),
    )
)


def take(channel: str, lease: timedelta, now: datetime) -> Shard | None:
    """Lease the next shard of a channel, lowest rank first; the lease is committed, the shard comes back detached."""
    asked = {"on": channel, "now": now, "old": now - NEWS_FOR}
    with reading():
        if db.session.scalar(_ANY, asked) is None:
            return None
    found, token = db.session.scalar(_NEXT, asked), new_id()
    if found is None:
        db.session.rollback()
        return None
    taken = db.session.connection().execute(_TAKE, {"of": found, "token": token, "until": now + lease})
    db.session.commit()
    if not taken.rowcount:
        return None
    with Session(db.engine) as own:
        return own.scalars(_HELD, {"of": found}).one()


def has_more_urgent(channel: str, rank: int, now: datetime) -> bool:
    """Whether something waits that has not come as far: a newer publish."""
    asked = {"on": channel, "now": now, "old": now - NEWS_FOR, "rank": rank}
    with reading():
        return db.session.scalar(_URGENT, asked) is not None


def renew(token: str, until: datetime) -> None:
    """The worker is alive: what it holds under this token stays its own until then."""
    db.session.execute(
        update(Shard)
        .where(Shard.closed_at.is_(None), Shard.lease_token == token)
        .values(leased_until=until)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def release_lapsed(lease: timedelta, now: datetime) -> int:
    """Free the shards of workers that are no longer there; how many is returned.

    A lease that ends later than any could is of a clock that has been set back since, and is over too.
    """
    is_lapsed = and_(
        Shard.closed_at.is_(None),
        Shard.lease_token != "",
        or_(Shard.leased_until < now, Shard.leased_until > now + 2 * lease),
    )
    with reading():
        if db.session.scalar(select(Shard.id).where(is_lapsed).limit(1)) is None:
            return 0
    freed = db.session.execute(
        update(Shard)
        .where(is_lapsed)
        .values(lease_token="", leased_until=None, is_doubtful=True)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    count: int = freed.rowcount  # type: ignore[attr-defined]
    return count


def close(shard: Shard, state: DeliveryState, reason: str, now: datetime) -> None:
    """Whoever in this shard is still owed ends in this state, in one statement; the caller commits.

    The shard must be free, or held by the caller.
    """
    announcement = shard.announcement
    columns = {
        "announcement_id": literal(announcement.id),
        "subscriber_id": Subscriber.id,
        "channel": literal(shard.channel),
        "address": literal(""),
        "is_doubtful": literal(False),
        "lane": literal(Lane.BULK, Delivery.lane.type),
        "incident_id": literal(announcement.incident_id),
        "sequence": literal(announcement.sequence),
        "state": literal(state, Delivery.state.type),
        "reason": literal(reason[:500]),
        "attempt_count": literal(0),
        "due_at": literal(now, Delivery.due_at.type),
        "lease_token": literal(""),
        "provider_id": literal(""),
        "settled_at": literal(now, Delivery.settled_at.type),
        "created_at": literal(announcement.created_at, Delivery.created_at.type),
    }
    rows = select(*columns.values()).where(
        Subscriber.channel == shard.channel,
        is_owed(announcement),
        Subscriber.id > shard.reached,
        Subscriber.id <= shard.last_id,
    )
    made = db.session.execute(insert(Delivery).from_select(list(columns), rows))
    db.session.execute(
        update(Shard)
        .where(Shard.id == shard.id)
        .values(
            closed_at=now,
            reached=shard.last_id,
            settled=Shard.settled + made.rowcount,  # type: ignore[attr-defined]
            lease_token="",
            leased_until=None,
            reason=reason[:500],
        )
        .execution_options(synchronize_session=False)
    )
