"""What becomes of a subscriber when the other side answers: facts from the wire, not wishes from a form."""

from datetime import datetime

from . import audit
from .audit import PROVIDER
from .db import db, lock
from .delivery import outbox
from .models import Subscriber
from .vocabulary import SubscriberState

OPTED_OUT, INVALID_ADDRESS, UNPROVEN = "opted_out", "invalid_address", "unproven"
PROVEN, EXHAUSTED = "proven", "exhausted"

_STATE_AFTER = {
    OPTED_OUT: SubscriberState.UNSUBSCRIBED,
    INVALID_ADDRESS: SubscriberState.QUARANTINED,
    "gone": SubscriberState.QUARANTINED,
    "address_not_allowed": SubscriberState.QUARANTINED,
    EXHAUSTED: SubscriberState.QUARANTINED,
}


def stop_after_refusal(subscriber_id: int, code: str, reason: str, now: datetime) -> None:
    """An address that opted out at the provider is unsubscribed; one that does not exist is quarantined.

    Whoever looks after an endpoint is told once that it was stopped. An endpoint that did not prove itself is
    asked about by mail instead. Who has left stays away: a quarantine can be lifted, their own word cannot.
    """
    subscriber = db.session.get(Subscriber, subscriber_id)
    if subscriber is None or subscriber.state is SubscriberState.UNSUBSCRIBED:
        return
    if code == UNPROVEN:
        if subscriber.contact and subscriber.state is SubscriberState.PENDING:
            outbox.ask_contact(subscriber, now)
            db.session.commit()
        return
    state, before = _STATE_AFTER.get(code), subscriber.state
    if state is None or state is before:
        return
    lock(subscriber)
    change_state(subscriber, state, reason, now)
    audit.record(PROVIDER, f"subscriber.{state.value}", subscriber, now)
    if state is SubscriberState.QUARANTINED and before is SubscriberState.CONFIRMED and subscriber.contact:
        outbox.tell_stopped(subscriber, now)
    db.session.commit()


def change_state(subscriber: Subscriber, state: SubscriberState, reason: str, now: datetime) -> None:
    """Move a subscriber to another state and say why; the caller commits."""
    subscriber.state = state
    subscriber.state_reason = reason[:300]
    subscriber.state_changed_at = now
