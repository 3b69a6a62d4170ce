"""Forgetting an address and still knowing it when it is asked for: a keyed pseudonym takes its place.

Who has such a row and signs up again gets a new one: forgetting is never undone, and a stranger who types a
forgotten address brings back nothing. An address that comes and goes more than once leaves one row each time, told
apart by a number behind the pseudonym.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from . import audit, urls
from .audit import CLOCK, Actor
from .db import db, new_id
from .models import Delivery, Page, Subscriber, Subscription
from .models.subscriber import key_of
from .subscribers import change_state
from .tokens import signer
from .vocabulary import DeliveryState, SubscriberState

AT_ONCE = 500
ROUNDS = 32
ERASED = "The subscriber has been erased."


def pseudonymise(subscriber: Subscriber, by: Actor, now: datetime) -> None:
    """The address is gone; the ledger of what it was told stays, to be found by whoever names the address.

    Nothing more is sent: what still waits is suppressed. Asking again changes nothing.
    """
    if subscriber.address:
        _replace(subscriber, now)
        audit.record(by, "subscriber.pseudonymise", subscriber, now)
    db.session.commit()


def erase(subscriber: Subscriber, by: Actor, now: datetime) -> None:
    """As `pseudonymise`, because the owner of the address wants it; their consent and network are forgotten too."""
    if subscriber.address:
        _replace(subscriber, now)
        change_state(subscriber, SubscriberState.UNSUBSCRIBED, "erased", now)
        subscriber.consent = ""
        audit.record(by, "subscriber.erase", subscriber, now)
    db.session.commit()


def pseudonymise_old(now: datetime) -> int:
    """Forget the addresses of those who left long ago, some hundreds at a time; how many is returned."""
    since = now - timedelta(days=urls.settings().pseudonymise_days)
    query = select(Subscriber).where(
        Subscriber.page_id.in_(select(Page.id)),
        Subscriber.state.in_([state for state in SubscriberState if state is not SubscriberState.CONFIRMED]),
        Subscriber.state_changed_at < since,
        Subscriber.address != "",
    )
    found = list(db.session.scalars(query.order_by(Subscriber.id).limit(AT_ONCE)))
    for subscriber in found:
        pseudonymise(subscriber, CLOCK, now)
    db.session.rollback()
    return len(found)


def known_by(page: Page, channel: str, address: str) -> list[Subscriber]:
    """The page's subscribers who have this cleaned address on this channel, or had it before it was forgotten."""
    keys = [key_of(address), *_keys(channel, key_of(address))]
    query = select(Subscriber).where(
        Subscriber.page_id == page.id, Subscriber.channel == channel, Subscriber.address_key.in_(keys)
    )
    return list(db.session.scalars(query.order_by(Subscriber.id)))


def has_left(page: Page, channel: str, address: str) -> bool:
    """Whether this address was unsubscribed, be it forgotten since: only its owner can sign it up again."""
    return any(each.state is SubscriberState.UNSUBSCRIBED for each in known_by(page, channel, address))


def _replace(subscriber: Subscriber, now: datetime) -> None:
    """Without address, contact, wishes, network and working links; what has not left yet never will."""
    subscriber.address_key = _free_key(subscriber)
    subscriber.address, subscriber.contact, subscriber.consent_network = "", "", ""
    # No link, and no secret of a webhook, is what it was.
    subscriber.salt, subscriber.secret_version, subscriber.secret_rotated_at = (
        new_id(), subscriber.secret_version + 1, None,
    )  # fmt: skip
    if subscriber.state in (SubscriberState.CONFIRMED, SubscriberState.PENDING):
        change_state(subscriber, SubscriberState.UNSUBSCRIBED, "forgotten", now)
    db.session.execute(delete(Subscription).where(Subscription.subscriber_id == subscriber.id))
    mine = Delivery.subscriber_id == subscriber.id
    db.session.execute(
        update(Delivery)
        .where(mine, Delivery.state == DeliveryState.PENDING)
        .values(state=DeliveryState.SUPPRESSED, reason=ERASED, settled_at=now)
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(Delivery).where(mine, Delivery.address != "").values(address="")
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    db.session.flush()
    db.session.expire(subscriber, ["subscriptions"])


def _free_key(subscriber: Subscriber) -> str:
    keys = _keys(subscriber.channel, subscriber.address_key)
    taken = set(
        db.session.scalars(
            select(Subscriber.address_key).where(
                Subscriber.page_id == subscriber.page_id,
                Subscriber.channel == subscriber.channel,
                Subscriber.address_key.in_(keys),
            )
        )
    )
    return next((key for key in keys if key not in taken), f"{keys[0]}:{subscriber.public_id}")


def _keys(channel: str, address_key: str) -> list[str]:
    """The pseudonym, and its numbered forms for an address that was forgotten more than once."""
    pseudonym = signer().pseudonym(f"{channel}:{address_key}")
    return [pseudonym, *(f"{pseudonym}:{number}" for number in range(2, ROUNDS + 1))]
