"""Spending: what SMS to subscribers may cost a day. A reminder to staff is never stopped by it."""

from datetime import datetime, timedelta

import structlog

from notifiers import Channel, Envelope, Metered

from . import audit, limits, urls
from .audit import CLOCK
from .db import db
from .models import Announcement, Page
from .vocabulary import AnnouncementKind, DeliveryState

log = structlog.get_logger(__name__)

DAY = timedelta(days=1)
REFUSED = "The day's SMS for subscribers are used up (CANDOR_SMS_DAILY_SEGMENTS); the page and the feeds have the news."


def refusal(
    channel: Channel, announcement: Announcement, envelope: Envelope, now: datetime
) -> tuple[DeliveryState, str] | None:
    """The final state and the reason why this message would cost too much today; None when it may be sent.

    Asked once for each message, right before its first try: asking counts its segments, sent or not.
    """
    most = urls.settings().sms_daily_segments
    if not isinstance(channel, Metered) or not channel.is_live or not most:
        return None
    if announcement.kind in (AnnouncementKind.REMINDER, AnnouncementKind.DRAFT):
        return None
    segments = channel.pieces(envelope.personal())
    spent = limits.count(f"{channel.kind}-segments", segments, DAY, now)
    if spent <= most:
        return None
    if spent - segments <= most:
        _tell(announcement.page_id, most, now)
    return DeliveryState.SUPPRESSED, REFUSED


def _tell(page_id: int, most: int, now: datetime) -> None:
    """Once a day: the cap is reached, and from now on subscribers are left out."""
    log.warning("sms.cap_reached", segments=most)
    audit.record(CLOCK, "sms.cap_reached", db.session.get_one(Page, page_id), now, segments=most)
    db.session.commit()
