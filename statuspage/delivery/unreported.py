"""Sent, no receipt: the provider took it, and a quarter of an hour later has still not said what became of it."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from ..channels import reporting
from ..db import db
from ..models import Announcement, Delivery
from ..vocabulary import DeliveryState

RECEIPT_WITHIN = timedelta(minutes=15)


def counts(announcement: Announcement, now: datetime) -> dict[str, int]:
    """How many of those sent are without a receipt, by channel; channels that give none are not asked about."""
    query = (
        select(Delivery.channel, func.count())
        .where(
            Delivery.announcement_id == announcement.id,
            Delivery.state == DeliveryState.SENT,
            Delivery.channel.in_(reporting()),
            Delivery.settled_at < now - RECEIPT_WITHIN,
        )
        .group_by(Delivery.channel)
    )
    return dict(db.session.execute(query).all())


def is_unreported(row: Delivery, now: datetime) -> bool:
    """Whether this one is among them."""
    is_old = row.settled_at is not None and row.settled_at < now - RECEIPT_WITHIN
    return row.state is DeliveryState.SENT and is_old and row.channel in reporting()
