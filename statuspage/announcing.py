"""What can still be done about words that are on their way: let them go now, stop them, go on, take them back.

Stopping holds for everything that no worker has in its window yet: with windows of fifty, at most sixty messages for
each worker still leave.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update as sql_update

from . import audit
from .audit import Actor
from .db import db
from .delivery import audience, outbox
from .errors import Conflict, NotFound
from .models import Announcement, Delivery, Incident, IncidentUpdate, Page, Shard
from .models.delivery import is_waiting
from .vocabulary import AnnouncementKind, DeliveryState

GONE = "Everything has left already. Correct the update to reach those who got it."


def find(page: Page, public_id: str) -> Announcement:
    """The page's announcement with this id; raises NotFound."""
    found = db.session.scalar(select(Announcement).filter_by(page_id=page.id, public_id=public_id))
    if found is None:
        raise NotFound("There is no such announcement.")
    return found


def is_on_its_way(announcement: Announcement) -> bool:
    """Whether somebody is still to be told, so that there is something to stop."""
    if announcement.withdrawn_at is not None:
        return False
    if announcement.expanded_at is None:
        return True
    return _has(Shard.announcement_id == announcement.id, Shard.closed_at.is_(None)) or _has(
        is_waiting, Delivery.announcement_id == announcement.id
    )


def send_now(announcement: Announcement, by: Actor, now: datetime) -> None:
    """The hold is over: messages leave at once."""
    _require_on_its_way(announcement)
    announcement.held_until = None
    _make_due(announcement, now)
    audit.record(by, "announcement.send_now", announcement, now)
    db.session.commit()


def stop(announcement: Announcement, by: Actor, now: datetime) -> None:
    """Nothing more leaves until it goes on; raises Conflict when everything has left."""
    _require_on_its_way(announcement)
    if announcement.stopped_at is None:
        announcement.stopped_at = now
        audit.record(by, "announcement.stop", announcement, now)
    db.session.commit()


def go_on(announcement: Announcement, by: Actor, now: datetime) -> None:
    """What was stopped leaves after all."""
    _require_on_its_way(announcement)
    if announcement.stopped_at is not None:
        announcement.stopped_at = announcement.held_until = None
        _make_due(announcement, now)
        audit.record(by, "announcement.go_on", announcement, now)
    db.session.commit()


def withdraw(announcement: Announcement, by: Actor, now: datetime) -> None:
    """Whoever has not been told never will be, and the ledger says so; raises Conflict when everything has left."""
    _require_on_its_way(announcement)
    _take_back(announcement, now)
    audit.record(by, "announcement.withdraw", announcement, now)
    db.session.commit()


def take_back_all(incident: Incident, by: Actor, now: datetime) -> None:
    """Nothing that is still on its way about this incident reaches anybody else; the caller commits."""
    about = select(Announcement).where(
        Announcement.incident_id == incident.id, Announcement.kind != AnnouncementKind.REMINDER
    )
    for announcement in db.session.scalars(about).all():
        if is_on_its_way(announcement):
            _take_back(announcement, now)
            audit.record(by, "announcement.withdraw", announcement, now)


def tell_correction(update: IncidentUpdate, now: datetime) -> None:
    """Those who were told the update's old words are owed the new ones; so is, as an update, whoever was not told yet.

    An update that nobody was to be told of stays untold. The caller commits.
    """
    query = select(Announcement).filter_by(update_id=update.id, kind=AnnouncementKind.INCIDENT_UPDATE)
    last = db.session.scalar(query.order_by(Announcement.id.desc()).limit(1))
    if last is None:
        return
    # The correction first: its audience is who was told by anything said before it.
    outbox.announce_correction(last, update, now)
    db.session.flush()
    if is_on_its_way(last):
        _take_back(last, now)
        outbox.announce_again(last, update, now)


def count_told(update: IncidentUpdate) -> int:
    """How many people have been told this update, or may have been."""
    told = select(Announcement.id).where(Announcement.update_id == update.id)
    query = select(func.count(func.distinct(Delivery.subscriber_id))).where(
        Delivery.announcement_id.in_(told), Delivery.state.in_(audience.TOLD)
    )
    return db.session.scalar(query) or 0


def _require_on_its_way(announcement: Announcement) -> None:
    db.session.refresh(announcement, with_for_update=True)
    if not is_on_its_way(announcement):
        db.session.rollback()
        raise Conflict(GONE)


def _take_back(announcement: Announcement, now: datetime) -> None:
    announcement.withdrawn_at, announcement.stopped_at = now, None
    _make_due(announcement, now)


def _make_due(announcement: Announcement, now: datetime) -> None:
    db.session.execute(
        sql_update(Shard)
        .where(Shard.announcement_id == announcement.id, Shard.closed_at.is_(None))
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        sql_update(Delivery)
        .where(is_waiting, Delivery.announcement_id == announcement.id, Delivery.state == DeliveryState.PENDING)
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )


def _has(*conditions: ColumnElement[bool]) -> bool:
    return bool(db.session.scalar(select(1).where(*conditions).limit(1)))
