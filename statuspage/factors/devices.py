"""Devices that are remembered: who has proven themselves there need not do it again for a month."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from .. import audit
from ..audit import Actor
from ..db import db
from ..models import RememberedDevice, StaffUser
from ..tokens import Purpose, signer

REMEMBER_FOR = timedelta(days=30)
MOST = 20


def remember(user: StaffUser, name: str, by: Actor, now: datetime) -> str:
    """The token that the colleague's browser carries from now on; the caller commits."""
    expires_at = now + REMEMBER_FOR
    device = RememberedDevice(staff_user_id=user.id, name=name[:80], created_at=now, seen_at=now, expires_at=expires_at)
    db.session.add(device)
    db.session.flush()
    for surplus in of(user, now)[MOST:]:
        db.session.delete(surplus)
    audit.record(by, "staff.remember_device", user, now, name=device.name)
    return signer().sign(Purpose.DEVICE, device.public_id, user.public_id, expires_at)


def recognised(user: StaffUser, token: str, now: datetime) -> RememberedDevice | None:
    """The device that this token stands for, as long as the colleague has not forgotten it."""
    if not signer().is_good(Purpose.DEVICE, token, now, user.public_id):
        return None
    public_id = signer().subject(token)
    row = db.session.scalar(select(RememberedDevice).filter_by(public_id=public_id, staff_user_id=user.id))
    return row if row is not None and now < row.expires_at else None


def of(user: StaffUser, now: datetime) -> list[RememberedDevice]:
    """Where the colleague is remembered, latest first."""
    query = select(RememberedDevice).filter_by(staff_user_id=user.id).where(RememberedDevice.expires_at > now)
    return list(db.session.scalars(query.order_by(RememberedDevice.id.desc())))


def forget_all(user: StaffUser) -> None:
    """No device is remembered any more; the caller commits."""
    db.session.execute(delete(RememberedDevice).where(RememberedDevice.staff_user_id == user.id))


def end_expired(now: datetime) -> None:
    """Drop what is over."""
    db.session.execute(delete(RememberedDevice).where(RememberedDevice.expires_at <= now))
    db.session.commit()
