"""What the panel reads of the ledger: what was said, how far it has come, what has not arrived and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from statuspage.db import db
from statuspage.delivery import receipts, waiting
from statuspage.delivery.receipts import Progress
from statuspage.kept import kept
from statuspage.models import Announcement, Delivery, Incident, Page
from statuspage.vocabulary import WAITING_STATES, AnnouncementKind, DeliveryState

from .queries import PAGE_SIZE, Slice, cut

TROUBLE_WITHIN = timedelta(days=3)
SPARSE = 5000
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
    only = Announcement.id == announcement.id if announcement else Announcement.page_id == page.id
    # What waits is never forgotten, however long; what was lost is, after some days.
    first = announcement.id - 1 if announcement else waiting.last_before(now - TROUBLE_WITHIN)
    lost = db.session.execute(
        select(
            Delivery.announcement_id,
            Delivery.channel,
            Delivery.state,
            Delivery.reason,
            func.count(),
            func.min(Announcement.created_at),
        )
        .join(Announcement)
        .where(only, Delivery.announcement_id > first, Delivery.state.in_(LOST))
        .group_by(Delivery.announcement_id, Delivery.channel, Delivery.state, Delivery.reason)
        .order_by(Delivery.announcement_id.desc(), func.count().desc())
        .limit(PAGE_SIZE)
    ).all()
    behind = waiting.behind(now, only)[:PAGE_SIZE]
    ids = {group[0] for group in lost} | {each.announcement_id for each in behind}
    known = {found.id: found for found in db.session.scalars(select(Announcement).where(Announcement.id.in_(ids)))}
    return [
        *(
            Trouble(
                known[each.announcement_id], each.channel, DeliveryState.PENDING, each.reason, each.count, each.since
            )
            for each in behind
        ),
        *(Trouble(known[group[0]], *group[1:]) for group in lost),
    ]


def standing(announcement: Announcement, now: datetime) -> Standing:
    """How far an announcement has come."""
    channels = kept().get(("by_channel", announcement.id), lambda: receipts.by_channel(announcement))
    states: Counter[DeliveryState] = Counter()
    for each in channels.values():
        states.update(each)
    progress = Progress(dict(states), announcement.expanded_at is not None)
    is_held = announcement.held_until is not None and announcement.held_until > now
    return Standing(announcement, progress, channels, troubles(announcement.page, now, announcement), is_held)


def deliveries(standing: Standing, state: DeliveryState | None, before: int | None) -> Slice:
    """To whom an announcement is owed, newest first."""
    announcement, states = standing.announcement, standing.progress.states
    query = select(Delivery).where(Delivery.announcement_id == announcement.id)
    if (states.get(state, 0) if state else standing.progress.owed) > SPARSE:
        # A walk along the key finds a screenful among many at once; the announcement's index would sort them all.
        first, last = db.session.execute(
            select(func.min(Delivery.id), func.max(Delivery.id)).where(Delivery.announcement_id == announcement.id)
        ).one()
        query = select(Delivery).where(Delivery.announcement_id + 0 == announcement.id)
        query = query.where(Delivery.id >= (first or 0), Delivery.id <= (last or 0))
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
