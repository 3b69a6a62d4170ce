"""A duty that one process has at a time, held by a row with an expiry and a fencing token."""

from datetime import datetime, timedelta

from sqlalchemy import case, or_, update

from .db import db, upsert
from .models import Lease


def hold(name: str, owner: str, for_: timedelta, now: datetime) -> bool:
    """Take or keep the duty until `now + for_`; False while somebody else has it."""
    fresh = upsert(Lease).values(name=name, owner="", fence=0, expires_at=now).on_conflict_do_nothing()
    db.session.execute(fresh)
    taken = db.session.execute(
        update(Lease)
        .where(Lease.name == name, or_(Lease.owner == owner, Lease.expires_at <= now))
        .values(
            owner=owner,
            expires_at=now + for_,
            fence=case((Lease.owner == owner, Lease.fence), else_=Lease.fence + 1),
        )
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    return bool(taken.rowcount)  # type: ignore[attr-defined]


def release(name: str, owner: str, now: datetime) -> None:
    """Let go at once, so that a successor need not wait for the expiry."""
    db.session.execute(update(Lease).where(Lease.name == name, Lease.owner == owner).values(owner="", expires_at=now))
    db.session.commit()
