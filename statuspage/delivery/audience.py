"""Who is owed an update: the one rule, asked by the expansion and by the composer's count."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from ..db import db
from ..models import Page, Subscriber, Subscription
from ..vocabulary import EventLevel, SubscriberState


def wants(page_id: int, component_ids: Collection[int], is_key_moment: bool) -> ColumnElement[bool]:
    """The condition on Subscriber that an update about these components meets.

    Confirmed on this page, at a level that includes it, and subscribed to the whole page or to one of the
    components. An update without components concerns the subscribers of the whole page.
    """
    about = or_(Subscription.component_id.is_(None), Subscription.component_id.in_(component_ids))
    subscribed = exists().where(Subscription.subscriber_id == Subscriber.id, about)
    conditions = [Subscriber.page_id == page_id, Subscriber.state == SubscriberState.CONFIRMED, subscribed]
    if not is_key_moment:
        conditions.append(Subscriber.level == EventLevel.EVERY_UPDATE)
    return and_(*conditions)


def counts(page: Page, component_ids: Collection[int], is_key_moment: bool) -> dict[str, int]:
    """How many subscribers an update would reach, by channel."""
    rows = db.session.execute(
        select(Subscriber.channel, func.count())
        .where(wants(page.id, component_ids, is_key_moment))
        .group_by(Subscriber.channel)
        .order_by(Subscriber.channel)
    )
    return dict(rows.all())
