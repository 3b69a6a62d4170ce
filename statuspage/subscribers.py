"""What becomes of a subscriber when the other side answers: facts from the wire, not wishes from a form."""

from datetime import datetime

from . import audit
from .audit import PROVIDER
from .db import db
from .models import Subscriber
from .vocabulary import SubscriberState

OPTED_OUT, INVALID_ADDRESS = "opted_out", "invalid_address"


def stop_after_refusal(subscriber_id: int, code: str, reason: str, now: datetime) -> None:
    """An address that opted out at the provider is unsubscribed; one that does not exist is quarantined.

    Who has left stays away: a quarantine can be lifted, their own word cannot.
    """
    state = {OPTED_OUT: SubscriberState.UNSUBSCRIBED, INVALID_ADDRESS: SubscriberState.QUARANTINED}.get(code)
    subscriber = db.session.get(Subscriber, subscriber_id)
    if state is None or subscriber is None or subscriber.state is SubscriberState.UNSUBSCRIBED:
        return
    change_state(subscriber, state, reason, now)
    audit.record(PROVIDER, f"subscriber.{state.value}", subscriber, now)
    db.session.commit()


def change_state(subscriber: Subscriber, state: SubscriberState, reason: str, now: datetime) -> None:
    """Move a subscriber to another state and say why; the caller commits."""
    subscriber.state = state
    subscriber.state_reason = reason[:300]
    subscriber.state_changed_at = now
