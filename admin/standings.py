"""What the panel reads of the ledger: what was said, how far it has come, what has not arrived and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from statuspage.db import db
from statuspage.delivery import receipts
from statuspage.delivery.receipts import Progress
from statuspage.models import Announcement, Delivery, Incident, Page
from statuspage.vocabulary import WAITING_STATES, AnnouncementKind, DeliveryState

from .queries import PAGE_SIZE, Slice, cut

TROUBLE_WITHIN = timedelta(days=3)
PATIENCE = timedelta(seconds=60)
FRESH_FOR = timedelta(minutes=2)
LOST = (DeliveryState.FAILED, DeliveryState.BOUNCED, DeliveryState.UNKNOWN, DeliveryState.EXPIRED)


@dataclass(frozen=True)
class Trouble:
    """So many messages of one announcement that did not arrive for one reason."""

    announcement: Announcement
    channel: str
    state: DeliveryState
    reason: str
    count: int
    since: datetime

    @property
    def is_waiting(self) -> bool:
        """Whether they are still on their way."""
        return self.state in WAITING_STATES


@dataclass(frozen=True)
class Standing:
    """One announcement's ledger: how far it has come, by channel, and what stands in the way."""

    announcement: Announcement
    progress: Progress
    channels: Mapping[str, Mapping[DeliveryState, int]]
    troubles: Sequence[Trouble]
    # Nothing has left yet, because it can still be thought better of.
    is_held: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing will move any more by itself."""
        return self.progress.is_expanded and not self.progress.waiting

    def is_fresh(self, now: datetime) -> bool:
        """Whether somebody may be waiting to see it through."""
        return not self.is_done or now - self.announcement.created_at < FRESH_FOR

    @property
    def settled(self) -> dict[str, tuple[int, int]]:
        """For each channel how many are settled, of how many."""
        return {
            channel: (sum(n for state, n in states.items() if state not in WAITING_STATES), sum(states.values()))
            for channel, states in self.channels.items()
        }


def announcements(page: Page, before: int | None) -> Slice:
    """What was said to many, newest first."""
    query = select(Announcement).where(
        Announcement.page_id == page.id,
        Announcement.kind.in_([AnnouncementKind.INCIDENT_UPDATE, AnnouncementKind.CORRECTION]),
    )
    if before is not None:
        query = query.where(Announcement.id < before)
    return cut(query.options(joinedload(Announcement.incident)).order_by(Announcement.id.desc()))


def announcements_of(incident: Incident) -> dict[int, Announcement]:
    """The announcement of each update of an incident, by the update's number."""
    query = select(Announcement).filter_by(incident_id=incident.id, kind=AnnouncementKind.INCIDENT_UPDATE)
    return {found.update_id: found for found in db.session.scalars(query.order_by(Announcement.id)) if found.update_id}


def latest_announcement(page: Page) -> Announcement | None:
    """What was said to many last."""
    query = select(Announcement).filter_by(page_id=page.id, kind=AnnouncementKind.INCIDENT_UPDATE)
    return db.session.scalar(query.order_by(Announcement.id.desc()).limit(1))


def troubles(page: Page, now: datetime, announcement: Announcement | None = None) -> list[Trouble]:
    """What has not arrived: lost in the last days, or on its way for more than a minute. By reason."""
    recent = select(Announcement.id).where(Announcement.page_id == page.id)
    if announcement is None:
        recent = recent.where(Announcement.created_at > now - TROUBLE_WITHIN)
    else:
        recent = recent.where(Announcement.id == announcement.id)
    slow = Delivery.state.in_(WAITING_STATES) & (Delivery.created_at < now - PATIENCE)
    groups = db.session.execute(
        select(
            Delivery.announcement_id,
            Delivery.channel,
            Delivery.state,
            Delivery.reason,
            func.count(),
            func.min(Delivery.created_at),
        )
        .where(Delivery.announcement_id.in_(recent), or_(Delivery.state.in_(LOST), slow))
        .group_by(Delivery.announcement_id, Delivery.channel, Delivery.state, Delivery.reason)
        .order_by(Delivery.announcement_id.desc(), func.count().desc())
        .limit(PAGE_SIZE)
    ).all()
    ids = {group[0] for group in groups}
    known = {found.id: found for found in db.session.scalars(select(Announcement).where(Announcement.id.in_(ids)))}
    return [Trouble(known[group[0]], *group[1:]) for group in groups]


def standing(announcement: Announcement, now: datetime) -> Standing:
    """How far an announcement has come."""
    missing = troubles(announcement.page, now, announcement)
    is_held = announcement.held_until is not None and announcement.held_until > now
    return Standing(announcement, receipts.progress(announcement), receipts.by_channel(announcement), missing, is_held)


def deliveries(announcement: Announcement, state: DeliveryState | None, before: int | None) -> Slice:
    """To whom an announcement is owed, newest first."""
    query = select(Delivery).where(Delivery.announcement_id == announcement.id)
    if state is not None:
        query = query.where(Delivery.state == state)
    return _delivery_slice(query, before)


def captured(channel: str, before: int | None) -> Slice:
    """The messages that were kept instead of sent, newest first."""
    query = select(Delivery).where(Delivery.state == DeliveryState.CAPTURED)
    if channel:
        query = query.where(Delivery.channel == channel)
    return _delivery_slice(query, before)


def _delivery_slice(query: Select[Delivery], before: int | None) -> Slice:
    if before is not None:
        query = query.where(Delivery.id < before)
    return cut(query.options(joinedload(Delivery.announcement)).order_by(Delivery.id.desc()))
