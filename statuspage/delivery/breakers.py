"""Breakers: a channel that takes nothing is left in peace for a while, then asked with one message.

A channel that takes everything and does not bring it home is paused: what goes to many waits, while colleagues are
still reminded and newcomers still asked to confirm.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from ..db import db, reading, upsert
from ..models import Breaker

LONGEST = timedelta(minutes=1)
_TO_MANY = ":many"


def find(channel: str) -> Breaker | None:
    """The breaker of a channel that is not well; None for one that is."""
    with reading():
        found = db.session.scalar(select(Breaker).where(Breaker.channel == channel))
        if found is not None:
            db.session.expunge(found)
    return found


def trip(channel: str, reason: str, pause: timedelta, now: datetime) -> datetime:
    """The channel would not take anything; it is asked again at the instant returned. The caller commits."""
    until = now + pause
    opening = upsert(Breaker).values(channel=channel, failures=1, reason=reason[:500], opened_at=now, until=until)
    db.session.execute(
        opening.on_conflict_do_update(
            index_elements=["channel"],
            set_={"failures": Breaker.failures + 1, "reason": reason[:500], "until": until},
        )
    )
    return until


def pause(channel: str, reason: str, span: timedelta, now: datetime) -> bool:
    """What goes to many on this channel waits for so long; False when it does already. The caller commits."""
    if is_paused(channel, now):
        return False
    db.session.execute(delete(Breaker).where(Breaker.channel == channel + _TO_MANY))
    trip(channel + _TO_MANY, reason, span, now)
    return True


def is_paused(channel: str, now: datetime) -> bool:
    """Whether what goes to many waits."""
    query = select(Breaker.channel).where(Breaker.channel == channel + _TO_MANY, Breaker.until > now)
    with reading():
        return db.session.scalar(query) is not None


def standing() -> dict[str, Breaker]:
    """The channels that are left in peace now, and why."""
    query = select(Breaker).where(~Breaker.channel.endswith(_TO_MANY))
    return {found.channel: found for found in db.session.scalars(query)}


def pauses(now: datetime) -> dict[str, Breaker]:
    """The channels that are paused now, and why."""
    query = select(Breaker).where(Breaker.channel.endswith(_TO_MANY), Breaker.until > now)
    return {found.channel.removesuffix(_TO_MANY): found for found in db.session.scalars(query)}


def close(channel: str) -> None:
    """It took something again."""
    db.session.execute(delete(Breaker).where(Breaker.channel == channel))
    db.session.commit()
