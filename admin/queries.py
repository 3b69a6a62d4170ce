"""What the panel reads. Lists come in pages; whatever grows without end is read by its key, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from statuspage.db import db
from statuspage.models import (
    AuditEntry,
    Incident,
    Page,
    Subscriber,
)
from statuspage.vocabulary import (
    IncidentStatus,
    SubscriberState,
)

PAGE_SIZE = 50


@dataclass(frozen=True)
class Slice:
    """One page of a long list; `before` is the key that the next page continues from."""

    rows: Sequence[Any]
    before: int | None


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
    is_over = (Incident.status == IncidentStatus.RESOLVED) | Incident.hidden_at.is_not(None)
    query = select(Incident).where(Incident.page_id == page.id, is_over)
    if before is not None:
        query = query.where(Incident.id < before)
    return cut(query.order_by(Incident.id.desc()))


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
    return cut(query.order_by(Subscriber.id.desc()))


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
    return cut(query.order_by(AuditEntry.id.desc()))


def _open(page: Page) -> Select[Incident]:
    is_open = (Incident.status != IncidentStatus.RESOLVED) & Incident.hidden_at.is_(None)
    return select(Incident).where(Incident.page_id == page.id, is_open)


def _count(query: Select[Incident]) -> int:
    return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0


def cut(query: Select[Any]) -> Slice:
    """One row more than fits says whether there is another page."""
    rows = db.session.scalars(query.limit(PAGE_SIZE + 1)).all()
    shown = rows[:PAGE_SIZE]
    return Slice(shown, shown[-1].id if len(rows) > PAGE_SIZE else None)
