"""Who is owed an update: the one rule, asked by the expansion, the dispatcher and the composer's count."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from ..db import db
from ..models import Announcement, Delivery, Page, Subscriber, Subscription
from ..vocabulary import AnnouncementKind, DeliveryState, EventLevel, SubscriberState

# Whoever may have got the words is owed their correction.
TOLD = (
    DeliveryState.SENT,
    DeliveryState.DELIVERED,
    DeliveryState.BOUNCED,
    DeliveryState.CAPTURED,
    DeliveryState.UNKNOWN,
)


def wants(page_id: int, component_ids: Collection[int], is_key_moment: bool) -> ColumnElement[bool]:
    """The condition on Subscriber that an update about these components meets: confirmed, and concerned."""
    is_confirmed = Subscriber.state == SubscriberState.CONFIRMED
    return and_(is_confirmed, _is_concerned(page_id, component_ids, is_key_moment))


@dataclass(frozen=True)
class Said:
    """What the rule must know of an announcement; its facts may be parameters that are filled in later."""

    kind: AnnouncementKind
    is_key_moment: bool
    id: Any
    page_id: Any
    incident_id: Any
    update_id: Any
    sequence: Any
    component_ids: Sequence[Any]
    created_at: Any


def is_owed(announcement: Announcement | Said) -> ColumnElement[bool]:
    """The condition on Subscriber that this announcement meets and has not been answered for yet.

    Confirmed now, or confirmed when it was said and gone since: they are in the ledger too, as spared.
    """
    was_there = and_(
        Subscriber.state.in_([SubscriberState.UNSUBSCRIBED, SubscriberState.QUARANTINED]),
        Subscriber.state_changed_at >= announcement.created_at,
        Subscriber.confirmed_at <= announcement.created_at,
    )
    is_there = or_(Subscriber.state == SubscriberState.CONFIRMED, was_there)
    if announcement.kind is AnnouncementKind.CORRECTION:
        return and_(is_there, _was_told(announcement), ~_is_in_ledger(announcement))
    concerned = _is_concerned(announcement.page_id, announcement.component_ids, announcement.is_key_moment)
    return and_(is_there, concerned, ~_is_answered(announcement))


def counts(page: Page, component_ids: Collection[int], is_key_moment: bool) -> dict[str, int]:
    """How many subscribers an update would reach, by channel."""
    rows = db.session.execute(
        select(Subscriber.channel, func.count())
        .where(wants(page.id, component_ids, is_key_moment))
        .group_by(Subscriber.channel)
        .order_by(Subscriber.channel)
    )
    return dict(rows.all())


def _is_concerned(page_id: Any, component_ids: Collection[Any], is_key_moment: bool) -> ColumnElement[bool]:
    """Of this page, at a level that includes it, and subscribed to the whole page or to one of the components.

    An update without components concerns the subscribers of the whole page.
    """
    about = or_(Subscription.component_id.is_(None), Subscription.component_id.in_(component_ids))
    subscribed = exists().where(Subscription.subscriber_id == Subscriber.id, about)
    # With the sum no index begins with this condition: a walk through ids must not become a search by page.
    conditions = [Subscriber.page_id + 0 == page_id, subscribed]
    if not is_key_moment:
        conditions.append(Subscriber.level == EventLevel.EVERY_UPDATE)
    return and_(*conditions)


def _is_answered(announcement: Announcement | Said) -> ColumnElement[bool]:
    """Already in the ledger with this state of the incident, or with a later one: who confirmed in the middle.

    What was taken back from somebody is no answer to them.
    """
    if announcement.incident_id is None:
        return _is_in_ledger(announcement)
    row = aliased(Delivery)
    return exists().where(
        row.subscriber_id == Subscriber.id,
        row.incident_id == announcement.incident_id,
        row.sequence >= announcement.sequence,
        or_(row.state != DeliveryState.WITHDRAWN, row.announcement_id == announcement.id),
    )


def _is_in_ledger(announcement: Announcement | Said) -> ColumnElement[bool]:
    row = aliased(Delivery)
    return exists().where(row.announcement_id == announcement.id, row.subscriber_id == Subscriber.id)


def _was_told(correction: Announcement | Said) -> ColumnElement[bool]:
    """Whether they got the update with other words: the first ones, or an earlier correction."""
    row, said = aliased(Delivery), aliased(Announcement)
    earlier = select(said.id).where(said.update_id == correction.update_id, said.id < correction.id)
    return exists().where(row.announcement_id.in_(earlier), row.subscriber_id == Subscriber.id, row.state.in_(TOLD))
