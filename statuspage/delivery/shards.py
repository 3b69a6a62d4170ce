"""Shards on lease: which range of an announcement a worker takes next, and who in it is still owed."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, exists, insert, literal, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from ..db import db, new_id, reading, reading_on
from ..models import Announcement, Delivery, Shard, Subscriber
from ..prepared import Prepared
from ..vocabulary import DeliveryState, Lane
from .audience import is_owed
from .letters import Letter

NEWS_FOR = timedelta(hours=24)

_older = aliased(Shard)
_about = aliased(Announcement)
# What may be taken: due, free, neither stopped nor withdrawn, and nothing older of the incident on its way there (C6).
_IS_DUE = and_(
    Shard.closed_at.is_(None),
    Shard.channel == bindparam("on"),
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
_MAY_GO_ON = (
    select(Shard.id)
    .join(Announcement)
    .where(
        Shard.id == bindparam("of"),
        Shard.lease_token == bindparam("token"),
        Announcement.stopped_at.is_(None),
        Announcement.withdrawn_at.is_(None),
    )
)


class Met(NamedTuple):
    """Somebody on the way: who they are, where they are reached, and whether they still want to be."""

    number: int
    public_id: str
    salt: str
    address: str
    state: str


@dataclass
class Walk:
    """One worker's way through a leased shard: whom it has fetched, and who of them is settled."""

    shard: Shard
    letter: Letter
    token: str
    query: Prepared
    fetched: int
    # How many of the next ones may have been sent to by a worker that died.
    doubtful: int = 0
    # Whether something older of the same incident may still be owed to the same people.
    has_older: bool = False
    fetched_all: bool = False
    # No more is fetched: something else is more urgent, or the shard is no longer this worker's.
    is_left: bool = False
    # Closed, or given back.
    is_over: bool = False
    waiting: deque[int] = field(default_factory=deque)
    settled: set[int] = field(default_factory=set)

    @property
    def announcement(self) -> Announcement:
        """What is being said."""
        return self.shard.announcement

    @property
    def is_done(self) -> bool:
        """Whether everybody in it is settled."""
        return self.fetched_all and not self.waiting

    def window(self, connection: Connection, most: int) -> list[Met]:
        """The next recipients in order of id, as they are now; marks the end when there are no more.

        None come when the shard is no longer this worker's, or its announcement was stopped or withdrawn.
        """
        with reading_on(connection):
            asked = {"of": self.shard.id, "token": self.token, "after": self.fetched, "most": most}
            rows = [Met._make(row) for row in self.query.run(connection, asked).all()]
            self.is_left = len(rows) < most and connection.execute(_MAY_GO_ON, asked).first() is None
        if rows:
            self.fetched = rows[-1].number
            self.waiting.extend(row.number for row in rows)
        self.fetched_all = len(rows) < most and not self.is_left
        return rows

    def reach(self, subscriber_ids: Sequence[int]) -> int:
        """These are settled; the id up to which everybody is comes back."""
        self.settled.update(subscriber_ids)
        while self.waiting and self.waiting[0] in self.settled:
            self.settled.discard(self.waiting.popleft())
        if self.waiting:
            return self.waiting[0] - 1
        return self.shard.last_id if self.fetched_all else self.fetched


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


def walk(shard: Shard, doubtful: int) -> Walk:
    """The way through a shard that has just been taken; raises whatever keeps its words from being put together."""
    query = (
        select(Subscriber.id, Subscriber.public_id, Subscriber.salt, Subscriber.address, Subscriber.state)
        .where(
            _MAY_GO_ON.exists(),
            Subscriber.channel == shard.channel,
            is_owed(shard.announcement),
            Subscriber.id > bindparam("after"),
            Subscriber.id <= shard.last_id,
        )
        .order_by(Subscriber.id)
        .limit(bindparam("most"))
    )
    letter = Letter(shard.announcement, shard.channel)
    with reading():
        has_older = db.session.scalar(
            select(Announcement.id)
            .where(Announcement.incident_id == shard.incident_id, Announcement.id < shard.announcement_id)
            .limit(1)
        )
    return Walk(
        shard,
        letter,
        shard.lease_token,
        Prepared(query, db.engine.dialect, "of", "token", "after", "most"),
        fetched=shard.reached,
        doubtful=doubtful if shard.is_doubtful else 0,
        has_older=has_older is not None,
    )


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
