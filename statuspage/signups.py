"""Housekeeping of sign-ups that nobody confirmed."""

from datetime import datetime

from sqlalchemy import delete, func, select

from .db import db
from .models import Delivery, Subscriber, Subscription
from .subscriptions import UNCONFIRMED_FOR
from .vocabulary import SubscriberState


def forget_unconfirmed(now: datetime) -> int:
    """Delete the addresses never confirmed within a week of our last asking; how many is returned.

    The ledger keeps that a confirmation was sent, without the address.
    """
    never_confirmed = select(Subscriber.id).where(
        Subscriber.state == SubscriberState.PENDING,
        Subscriber.confirmed_at.is_(None),
        func.coalesce(Subscriber.confirmation_sent_at, Subscriber.created_at) < now - UNCONFIRMED_FOR,
    )
    # Whoever confirms at this moment holds their row, and is passed over.
    ids = list(db.session.scalars(never_confirmed.limit(500).with_for_update(skip_locked=True)))
    if ids:
        db.session.query(Delivery).filter(Delivery.subscriber_id.in_(ids)).update(
            {"subscriber_id": None, "address": ""}, synchronize_session=False
        )
        db.session.execute(delete(Subscription).where(Subscription.subscriber_id.in_(ids)))
        db.session.execute(delete(Subscriber).where(Subscriber.id.in_(ids)))
    db.session.commit()
    return len(ids)
