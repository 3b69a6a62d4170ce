"""Whether a message may still be sent, asked again just before it goes (C8)."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select

from notifiers import HasSchedule

from ..channels import channels
from ..db import db, reading
from ..models import Announcement, Delivery, Reminder, StaffUser, Subscriber
from ..vocabulary import AnnouncementKind, DeliveryState, SubscriberState
from .closing import EXPIRED, WITHDRAWN
from .shards import NEWS_FOR

# What may be said to somebody who is not confirmed.
_WANTED = {
    AnnouncementKind.CONFIRMATION: SubscriberState.PENDING,
    AnnouncementKind.QUARANTINE: SubscriberState.QUARANTINED,
}

# Built once: putting a statement together costs more than running it.
_SUBSCRIBER = select(Subscriber.state).where(Subscriber.id == bindparam("id"))
# A message may carry reminders of several incidents: it is out of date once all of them are.
_CANCELLED = select((func.count() > 0) & (func.count() == func.count(Reminder.cancelled_at))).where(
    Reminder.announcement_id == bindparam("id")
)
_GONE = select(Announcement.withdrawn_at).where(Announcement.id == bindparam("id"))
_ACTIVE = select(StaffUser.active).where(StaffUser.id == bindparam("id"))


def refusal(row: Delivery, now: datetime) -> tuple[DeliveryState, str] | None:
    """The final state and the reason why this message must not be sent any more; None when it may be.

    No transaction is left open behind the answer.
    """
    if now - row.created_at > _news_for(row.channel):
        return DeliveryState.EXPIRED, EXPIRED
    with reading():
        if db.session.scalar(_GONE, {"id": row.announcement_id}):
            return DeliveryState.WITHDRAWN, WITHDRAWN
        if row.announcement.kind is AnnouncementKind.REMINDER:
            return _reminder_refusal(row)
        return _subscriber_refusal(row) if row.subscriber_id is not None else None


def _news_for(channel: str) -> timedelta:
    """How long a message is news; machines are told for as long as their channel goes on trying."""
    known = channels().get(channel)
    return sum(known.schedule, NEWS_FOR) if isinstance(known, HasSchedule) else NEWS_FOR


def spared_because(state: SubscriberState) -> str:
    """Why somebody who was owed a message does not get it."""
    return f"The subscriber is {state.label.lower()} now."


def _subscriber_refusal(row: Delivery) -> tuple[DeliveryState, str] | None:
    state = db.session.scalar(_SUBSCRIBER, {"id": row.subscriber_id}) or SubscriberState.UNSUBSCRIBED
    wanted = _WANTED.get(row.announcement.kind, SubscriberState.CONFIRMED)
    return None if state is wanted else (DeliveryState.SUPPRESSED, spared_because(state))


def _reminder_refusal(row: Delivery) -> tuple[DeliveryState, str] | None:
    if db.session.scalar(_CANCELLED, {"id": row.announcement_id}):
        return DeliveryState.WITHDRAWN, "The update came before the reminder left."
    if not db.session.scalar(_ACTIVE, {"id": row.staff_user_id}):
        return DeliveryState.SUPPRESSED, "This person no longer works here."
    return None
