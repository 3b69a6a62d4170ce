"""What providers say afterwards, and what the ledger adds up to."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, func, literal, select

from ..db import db
from ..models import Announcement, Attempt, Delivery
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
    rows = db.session.execute(
        select(Delivery.state, func.count()).where(Delivery.announcement_id == announcement.id).group_by(Delivery.state)
    )
    return Progress(dict(rows.all()), announcement.expanded_at is not None)


def note_callback(reference: str, provider_id: str, state: DeliveryState, detail: str, now: datetime) -> bool:
    """Settle the delivery of this reference as its provider says; False when there is none.

    Repeated and late answers change nothing. An answer that overtakes our own note of the sending stands.
    """
    row = _by_reference(reference)
    if row is None or (row.provider_id and row.provider_id != provider_id):
        db.session.rollback()
        return False
    if _RANK.get(state, 0) > _RANK.get(row.state, 9):
        row.state, row.reason, row.provider_id, row.settled_at = state, detail[:500], provider_id, now
        row.lease_token, row.leased_until = "", None
        row.attempt_count += 1
        db.session.add(
            Attempt(
                delivery_id=row.id, number=row.attempt_count, ended_at=now, outcome=state.value, detail=detail[:500]
            )
        )
    db.session.commit()
    return True


def _by_reference(reference: str) -> Delivery | None:
    match = re.fullmatch(r"([a-z0-9]{12})-([su])([0-9]{1,18})-([a-z0-9_]{1,32})", reference)
    if not match:
        return None
    announcement, kind, number, channel = match.groups()
    column = Delivery.subscriber_id if kind == "s" else Delivery.staff_user_id
    identity = literal(int(number), BigInteger)  # a stranger's number may be more than the column holds
    query = (
        select(Delivery)
        .join(Announcement)
        .where(Announcement.public_id == announcement, column == identity, Delivery.channel == channel)
    )
    return db.session.scalar(query.with_for_update(of=Delivery))
