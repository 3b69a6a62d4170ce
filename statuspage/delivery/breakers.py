"""Breakers: a channel that takes nothing is left in peace for a while, then asked with one message."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from ..db import db, reading, upsert
from ..models import Breaker

LONGEST = timedelta(minutes=1)


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


def close(channel: str) -> None:
    """It took something again."""
    db.session.execute(delete(Breaker).where(Breaker.channel == channel))
    db.session.commit()
