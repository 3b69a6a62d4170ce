"""News that nobody needs any more: what was withdrawn, is a day old, or was overtaken ends in the ledger, unsent."""

from datetime import datetime

from sqlalchemy import and_, bindparam, exists, or_, select
from sqlalchemy.orm import aliased, joinedload

from ..db import db, reading
from ..models import Announcement, Shard
from ..vocabulary import AnnouncementKind, DeliveryState
from . import shards
from .expansion import NEWER, STALE_AFTER
from .shards import NEWS_FOR

EXPIRED = "It is older than a day and no longer news."
WITHDRAWN = "It was withdrawn before it left."

_newer = aliased(Announcement)
# Whoever is owed the older is owed the newer too: its components include the older's, and it is a key moment, or
# the older is none.
_is_overtaken = and_(
    Announcement.created_at < bindparam("stale"),
    Announcement.kind == AnnouncementKind.INCIDENT_UPDATE,
    exists().where(
        _newer.incident_id == Announcement.incident_id,
        _newer.id > Announcement.id,
        _newer.kind == AnnouncementKind.INCIDENT_UPDATE,
        _newer.withdrawn_at.is_(None),
        or_(_newer.is_key_moment, ~Announcement.is_key_moment),
    ),
)
_OVER = (
    select(Shard)
    .join(Shard.announcement)
    .where(
        Shard.closed_at.is_(None),
        Shard.lease_token == "",
        or_(Announcement.withdrawn_at.is_not(None), Announcement.created_at < bindparam("old"), _is_overtaken),
    )
    .options(joinedload(Shard.announcement))
    .order_by(Shard.id)
    .limit(1)
    .with_for_update(skip_locked=True, of=Shard)
)


def close_next(now: datetime) -> bool:
    """Close one shard whose news is over: everyone left in it gets a line that says why. False when there is none."""
    asked = {"old": now - NEWS_FOR, "stale": now - STALE_AFTER}
    with reading():
        if db.session.scalar(_OVER, asked) is None:
            return False
    shard = db.session.scalar(_OVER, asked)
    if shard is None:
        db.session.rollback()
        return False
    shards.close(shard, *_fate(shard.announcement, now), now)
    db.session.commit()
    return True


def _fate(announcement: Announcement, now: datetime) -> tuple[DeliveryState, str]:
    if announcement.withdrawn_at is not None:
        return DeliveryState.WITHDRAWN, WITHDRAWN
    if now - announcement.created_at > NEWS_FOR:
        return DeliveryState.EXPIRED, EXPIRED
    return DeliveryState.SUPERSEDED, NEWER
