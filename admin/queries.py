"""What the panel reads. Lists come in pages; whatever grows without end is read by its key, newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from statuspage.db import db
from statuspage.delivery import receipts
from statuspage.delivery.receipts import Progress
from statuspage.models import (
    Announcement,
    AuditEntry,
    Delivery,
    Incident,
    Page,
    Subscriber,
)
from statuspage.vocabulary import (
    WAITING_STATES,
    AnnouncementKind,
    DeliveryState,
    IncidentStatus,
    SubscriberState,
)

PAGE_SIZE = 50
TROUBLE_WITHIN = timedelta(days=3)
PATIENCE = timedelta(seconds=60)
FRESH_FOR = timedelta(minutes=2)
LOST = (DeliveryState.FAILED, DeliveryState.BOUNCED, DeliveryState.UNKNOWN, DeliveryState.EXPIRED)


@dataclass(frozen=True)
class Slice:
    """One page of a long list; `before` is the key that the next page continues from."""

    rows: Sequence[Any]
    before: int | None


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


def open_incidents(page: Page) -> list[Incident]:
    """What is open, the most urgent promise first."""
    query = _open(page).order_by(Incident.next_update_due_at.is_(None), Incident.next_update_due_at, Incident.id)
    return list(db.session.scalars(query))


def count_open(page: Page) -> int:
    """How many incidents are open."""
    return _count(_open(page))


def count_late(page: Page, now: datetime) -> int:
    """How many open incidents have let their promise slip."""
    return _count(_open(page).where(Incident.next_update_due_at < now))


def resolved_incidents(page: Page, before: int | None) -> Slice:
    """What is over, newest first."""
    query = select(Incident).where(Incident.page_id == page.id, Incident.status == IncidentStatus.RESOLVED)
    if before is not None:
        query = query.where(Incident.id < before)
    return _slice(query.order_by(Incident.id.desc()))


def announcements(page: Page, before: int | None) -> Slice:
    """What was said to many, newest first."""
    query = select(Announcement).where(
        Announcement.page_id == page.id, Announcement.kind == AnnouncementKind.INCIDENT_UPDATE
    )
    if before is not None:
        query = query.where(Announcement.id < before)
    return _slice(query.options(joinedload(Announcement.incident)).order_by(Announcement.id.desc()))


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


def by_channel(announcement: Announcement) -> dict[str, dict[DeliveryState, int]]:
    """How the deliveries of an announcement stand, channel by channel."""
    found: dict[str, dict[DeliveryState, int]] = {}
    rows = db.session.execute(
        select(Delivery.channel, Delivery.state, func.count())
        .where(Delivery.announcement_id == announcement.id)
        .group_by(Delivery.channel, Delivery.state)
        .order_by(Delivery.channel)
    )
    for channel, state, count in rows:
        found.setdefault(channel, {})[state] = count
    return found


def standing(announcement: Announcement, now: datetime) -> Standing:
    """How far an announcement has come."""
    missing = troubles(announcement.page, now, announcement)
    return Standing(announcement, receipts.progress(announcement), by_channel(announcement), missing)


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


def subscribers(page: Page, search: str, state: SubscriberState | None, channel: str, before: int | None) -> Slice:
    """The page's subscribers whose address contains the words searched for, newest first."""
    query = select(Subscriber).where(Subscriber.page_id == page.id)
    if search:
        query = query.where(Subscriber.address_key.contains(search.casefold(), autoescape=True))
    if state is not None:
        query = query.where(Subscriber.state == state)
    if channel:
        query = query.where(Subscriber.channel == channel)
    if before is not None:
        query = query.where(Subscriber.id < before)
    return _slice(query.order_by(Subscriber.id.desc()))


def subscriber_counts(page: Page) -> dict[str, dict[SubscriberState, int]]:
    """How many subscribers there are, by channel and state."""
    found: dict[str, dict[SubscriberState, int]] = {}
    rows = db.session.execute(
        select(Subscriber.channel, Subscriber.state, func.count())
        .where(Subscriber.page_id == page.id)
        .group_by(Subscriber.channel, Subscriber.state)
    )
    for channel, state, count in rows:
        found.setdefault(channel, {})[state] = count
    return found


def audit_entries(before: int | None) -> Slice:
    """Who did what, newest first."""
    query = select(AuditEntry).options(joinedload(AuditEntry.actor))
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return _slice(query.order_by(AuditEntry.id.desc()))


def _open(page: Page) -> Select[Incident]:
    return select(Incident).where(Incident.page_id == page.id, Incident.status != IncidentStatus.RESOLVED)


def _count(query: Select[Incident]) -> int:
    return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0


def _delivery_slice(query: Select[Delivery], before: int | None) -> Slice:
    if before is not None:
        query = query.where(Delivery.id < before)
    return _slice(query.options(joinedload(Delivery.announcement)).order_by(Delivery.id.desc()))


def _slice(query: Select[Any]) -> Slice:
    """One row more than fits says whether there is another page."""
    rows = db.session.scalars(query.limit(PAGE_SIZE + 1)).all()
    shown = rows[:PAGE_SIZE]
    return Slice(shown, shown[-1].id if len(rows) > PAGE_SIZE else None)
