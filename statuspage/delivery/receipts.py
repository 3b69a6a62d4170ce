"""What providers say afterwards, and what the ledger adds up to."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from ..db import LARGEST_ID, db
from ..models import Announcement, Attempt, Delivery, Shard, Subscriber
from ..vocabulary import WAITING_STATES, DeliveryState

# A callback may only move a row forward; providers repeat themselves and lose the order.
_RANK = {
    DeliveryState.PENDING: 0,
    DeliveryState.LEASED: 0,
    DeliveryState.UNKNOWN: 1,
    DeliveryState.SENT: 2,
    DeliveryState.DELIVERED: 3,
    DeliveryState.BOUNCED: 3,
}


@dataclass(frozen=True)
class Progress:
    """How far one announcement has come: the states and their counts add up to `owed`."""

    states: dict[DeliveryState, int]
    is_expanded: bool

    @property
    def owed(self) -> int:
        """How many people the announcement is owed to, as far as it has been expanded."""
        return sum(self.states.values())

    @property
    def waiting(self) -> int:
        """How many are still to be sent."""
        return sum(self.states.get(state, 0) for state in WAITING_STATES)


def progress(announcement: Announcement) -> Progress:
    """The announcement's ledger in numbers."""
    states: Counter[DeliveryState] = Counter()
    for by_state in by_channel(announcement).values():
        states.update(by_state)
    return Progress(dict(states), announcement.expanded_at is not None)


def by_channel(announcement: Announcement) -> dict[str, dict[DeliveryState, int]]:
    """How the deliveries of an announcement stand, channel by channel; those still in a shard are pending."""
    found: dict[str, dict[DeliveryState, int]] = {}
    rows = db.session.execute(
        select(Delivery.channel, Delivery.state, func.count())
        .where(Delivery.announcement_id == announcement.id)
        .group_by(Delivery.channel, Delivery.state)
        .order_by(Delivery.channel)
    )
    for channel, state, count in rows:
        found.setdefault(channel, {})[state] = count
    for channel, count in _in_shards(announcement).items():
        states = found.setdefault(channel, {})
        states[DeliveryState.PENDING] = states.get(DeliveryState.PENDING, 0) + count
    return found


def _in_shards(announcement: Announcement) -> dict[str, int]:
    """How many are owed this and have no line in the ledger yet, by channel."""
    rest = case((Shard.owed > Shard.settled, Shard.owed - Shard.settled), else_=0)
    rows = db.session.execute(
        select(Shard.channel, func.sum(rest))
        .where(Shard.announcement_id == announcement.id, Shard.closed_at.is_(None))
        .group_by(Shard.channel)
        .order_by(Shard.channel)
    )
    return {channel: int(count) for channel, count in rows if count}


def note_callback(
    reference: str, provider_id: str, state: DeliveryState, detail: str, now: datetime
) -> Delivery | None:
    """Settle the delivery of this reference as its provider says; the delivery if that moved it, otherwise None.

    Repeated and late answers change nothing. An answer that overtakes our own note of the sending stands. Without a
    provider's id the reference alone names the delivery.
    """
    named = _named(reference)
    row = _row(*named) if named else None
    if row is None and named is not None and _is_on_its_way(*named):
        row = _appended(*named, now)
    if row is None or (provider_id and row.provider_id and row.provider_id != provider_id):
        db.session.rollback()
        return None
    has_moved = _RANK.get(state, 0) > _RANK.get(row.state, 9)
    if has_moved:
        row.state, row.reason, row.settled_at = state, detail[:500], now
        row.provider_id = provider_id or row.provider_id
        row.lease_token, row.leased_until = "", None
        row.attempt_count += 1
        db.session.add(
            Attempt(delivery=row, number=row.attempt_count, ended_at=now, outcome=state.value, detail=detail[:500])
        )
    db.session.commit()
    return row if has_moved else None


def by_reference(reference: str) -> Delivery | None:
    """The line in the ledger that a message's reference names, locked until the transaction ends."""
    named = _named(reference)
    return _row(*named) if named else None


def _named(reference: str) -> tuple[str, str, int, str] | None:
    """Announcement, kind and number of the recipient, and channel; None for what is no reference of ours."""
    match = re.fullmatch(r"([a-z0-9]{12})-([su])([0-9]{1,18})-([a-z0-9_]{1,32})", reference)
    if match is None or int(match[3]) > LARGEST_ID:
        return None
    return match[1], match[2], int(match[3]), match[4]


def _row(announcement: str, kind: str, number: int, channel: str) -> Delivery | None:
    column = Delivery.subscriber_id if kind == "s" else Delivery.staff_user_id
    query = (
        select(Delivery)
        .join(Announcement)
        .where(Announcement.public_id == announcement, column == number, Delivery.channel == channel)
    )
    return db.session.scalar(query.with_for_update(of=Delivery))


def _is_on_its_way(announcement: str, kind: str, number: int, channel: str) -> bool:
    """Whether a worker has this recipient in hand: its provider may answer before the worker has written it down."""
    query = (
        select(Shard.id)
        .join(Announcement)
        .where(
            Announcement.public_id == announcement,
            Shard.channel == channel,
            Shard.reached < number,
            Shard.last_id >= number,
            Shard.lease_token != "",
        )
    )
    return kind == "s" and db.session.scalar(query) is not None


def _appended(announcement: str, _kind: str, number: int, channel: str, now: datetime) -> Delivery | None:
    """The line that the worker would have written, waiting for what the provider says."""
    about = db.session.scalars(select(Announcement).where(Announcement.public_id == announcement)).one()
    subscriber = db.session.get(Subscriber, number)
    if subscriber is None or subscriber.channel != channel:
        return None
    row = Delivery(
        announcement=about,
        subscriber=subscriber,
        channel=channel,
        lane=about.lane,
        incident_id=about.incident_id,
        sequence=about.sequence,
        state=DeliveryState.PENDING,
        reason="",
        attempt_count=0,
        provider_id="",
        lease_token="",
        due_at=now,
        created_at=about.created_at,
    )
    db.session.add(row)
    return row
