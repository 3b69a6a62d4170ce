"""Trying again what failed, because a person says so: never what arrived, and never what may not be sent any more."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from notifiers import Channel, KnowsRepeats, Reconciles

from .. import audit
from ..audit import Actor
from ..channels import channels
from ..db import db
from ..errors import Conflict
from ..models import Announcement, Delivery, StaffUser, Subscriber
from ..vocabulary import AnnouncementKind, DeliveryState, Lane, SubscriberState
from .shards import NEWS_FOR

AGAIN = "It is tried again because a person asked for it."


def retry_failed(announcement: Announcement, by: Actor, now: datetime) -> int:
    """What failed is owed once more; how many is returned. Raises Conflict where the words are no longer to be sent.

    What nobody knows the outcome of is tried again only where the provider can be asked first, or where the
    recipient recognises a repetition. Addresses that have been given up stay out.
    """
    db.session.refresh(announcement, with_for_update=True)
    if sentence := refusal(announcement, now):
        db.session.rollback()
        raise Conflict(sentence)
    retried = db.session.execute(
        update(Delivery)
        .where(_may_be_retried(announcement))
        .values(
            state=DeliveryState.PENDING,
            reason=AGAIN,
            lane=case((Delivery.staff_user_id.is_(None), Lane.RETRY.value), else_=Delivery.lane),
            is_doubtful=or_(Delivery.is_doubtful, Delivery.state == DeliveryState.UNKNOWN),
            due_at=now,
            settled_at=None,
            lease_token="",
            leased_until=None,
        )
        .execution_options(synchronize_session=False)
    )
    count: int = retried.rowcount  # type: ignore[attr-defined]
    if count:
        audit.record(by, "announcement.retry", announcement, now, people=count)
    db.session.commit()
    return count


def count_failed(announcement: Announcement, now: datetime) -> int:
    """How many `retry_failed` would try again."""
    if refusal(announcement, now):
        return 0
    return db.session.scalar(select(func.count()).select_from(Delivery).where(_may_be_retried(announcement))) or 0


def refusal(announcement: Announcement, now: datetime) -> str:
    """Why these words are not to be sent again; empty when they may be."""
    if announcement.withdrawn_at is not None:
        return "These words were taken back. Post an update instead."
    if announcement.stopped_at is not None:
        return "Sending is stopped. Let it go on first."
    if now - announcement.created_at > NEWS_FOR:
        return "This is older than a day and no longer news. Post an update instead."
    if _has_better_words(announcement):
        return "These words were corrected since. Post an update to reach those who got neither."
    return ""


def _may_be_retried(announcement: Announcement) -> ColumnElement[bool]:
    newer = aliased(Delivery)
    wanted = {AnnouncementKind.CONFIRMATION: SubscriberState.PENDING}
    is_subscriber = exists().where(
        Subscriber.id == Delivery.subscriber_id,
        Subscriber.state == wanted.get(announcement.kind, SubscriberState.CONFIRMED),
        Subscriber.channel == Delivery.channel,
    )
    is_colleague = exists().where(StaffUser.id == Delivery.staff_user_id, StaffUser.active)
    is_overtaken = exists().where(
        newer.subscriber_id == Delivery.subscriber_id,
        newer.incident_id == Delivery.incident_id,
        newer.announcement_id > Delivery.announcement_id,
    )
    is_unknown = and_(Delivery.state == DeliveryState.UNKNOWN, Delivery.channel.in_(_forgiving(channels())))
    return and_(
        Delivery.announcement_id == announcement.id,
        Delivery.state.in_([DeliveryState.FAILED, DeliveryState.UNKNOWN]),
        or_(Delivery.state == DeliveryState.FAILED, is_unknown),
        or_(is_subscriber, is_colleague),
        ~is_overtaken,
    )


def _forgiving(known: Mapping[str, Channel]) -> list[str]:
    """The channels where a second try cannot double: the provider is asked first, or a repetition is recognised."""
    return [
        kind
        for kind, channel in known.items()
        if isinstance(channel, Reconciles) or (isinstance(channel, KnowsRepeats) and channel.knows_repeats)
    ]


def _has_better_words(announcement: Announcement) -> bool:
    if announcement.update_id is None:
        return False
    query = select(Announcement.id).where(
        Announcement.update_id == announcement.update_id,
        Announcement.id > announcement.id,
        Announcement.kind.in_([AnnouncementKind.INCIDENT_UPDATE, AnnouncementKind.CORRECTION]),
    )
    return db.session.scalar(query.limit(1)) is not None
