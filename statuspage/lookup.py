"""Was this address told, when, in which words? Answered for as long as the ledger is kept."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from . import audit
from .audit import Actor
from .db import db
from .models import Announcement, Delivery, Page
from .pseudonyms import known_by
from .tokens import signer
from .vocabulary import AnnouncementKind, DeliveryState

MOST = 500


@dataclass(frozen=True)
class Told:
    """One thing that was owed to an address, and what became of it."""

    announcement: str
    kind: AnnouncementKind
    said_at: datetime
    state: DeliveryState
    settled_at: datetime | None
    reason: str
    subject: str
    text: str

    def facts(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "announcement": self.announcement,
            "kind": self.kind.value,
            "said_at": self.said_at.isoformat(),
            "state": self.state.value,
            "settled_at": self.settled_at.isoformat() if self.settled_at else None,
            "reason": self.reason,
            "subject": self.subject,
            "text": self.text,
        }


def told(page: Page, channel: str, address: str) -> list[Told]:
    """What this cleaned address was told or owed, newest first, also after the address was forgotten.

    What waits in a range not yet sent is not in the ledger, and not here.
    """
    ids = [each.id for each in known_by(page, channel, address)]
    if not ids:
        return []
    query = (
        select(Delivery)
        .where(Delivery.subscriber_id.in_(ids))
        .options(joinedload(Delivery.announcement))
        .order_by(Delivery.announcement_id.desc(), Delivery.id.desc())
        .limit(MOST)
    )
    return [_told(row) for row in db.session.scalars(query)]


def ask(page: Page, channel: str, address: str, by: Actor, now: datetime) -> list[Told]:
    """As `told`; who asked is in the audit, with the pseudonym of the address and not the address."""
    found = told(page, channel, address)
    asked = signer().pseudonym(f"{channel}:{address.casefold()}")
    audit.record(by, "subscriber.lookup", page, now, channel=channel, pseudonym=asked, found=len(found))
    db.session.commit()
    return found


def _told(row: Delivery) -> Told:
    announcement = row.announcement
    words = _words(announcement, row.channel)
    return Told(
        announcement.public_id,
        announcement.kind,
        announcement.created_at,
        row.state,
        row.settled_at,
        row.reason,
        _readable(announcement, words.get("subject", "")),
        _readable(announcement, words.get("text", "")),
    )


def _words(announcement: Announcement, channel: str) -> dict[str, str]:
    found = announcement.words.get(channel) or announcement.words.get("email")
    return found if isinstance(found, dict) else {}


def _readable(announcement: Announcement, part: str) -> str:
    """Frozen words, with a plain name where each person gets their own link."""
    return re.sub(rf"__{announcement.public_id}_(\w+?)__", r"[their own \1]", part).strip()
