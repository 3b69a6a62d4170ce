"""How the page's components were shown, asked of the record: what updates changed, and what was set by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select

from ..components import listed
from ..db import db
from ..models import AuditEntry, Component, IncidentUpdate, Page, UpdateComponent
from ..uptime import Change
from ..vocabulary import ComponentStatus
from .facts import ComponentFacts

BY_HAND = "component.set_status"


def components(page: Page, known_since: datetime, since: datetime) -> tuple[ComponentFacts, ...]:
    """The page's components in their order, with every change of state since then.

    Also what an incident changed that was taken off the page: the component was shown so. `known_since` is when the
    page's record begins; what came along from elsewhere may be older than what is known of it.
    """
    changes = _changes(page, since)
    return tuple(
        ComponentFacts(
            each.public_id,
            each.name,
            each.uptime_target,
            max(known_since, each.created_at, _start(each, page.time_zone)),
            each.status,
            tuple(sorted(changes.get(each.id, []), key=lambda change: change.at)),
        )
        for each in listed(page)
    )


def _start(component: Component, zone: str) -> datetime:
    """Midnight of the day from which its uptime counts, if somebody has said which."""
    if component.start_date is None:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.combine(component.start_date, time(), ZoneInfo(zone)).astimezone(UTC)


def _changes(page: Page, since: datetime) -> dict[int, list[Change]]:
    found: dict[int, list[Change]] = {}
    for number, change in [*_by_updates(page, since), *_by_hand(page, since)]:
        found.setdefault(number, []).append(change)
    return found


def _by_updates(page: Page, since: datetime) -> Iterator[tuple[int, Change]]:
    query = (
        select(
            UpdateComponent.component_id,
            IncidentUpdate.created_at,
            UpdateComponent.old_status,
            UpdateComponent.new_status,
        )
        .join(IncidentUpdate)
        .join(Component, Component.id == UpdateComponent.component_id)
        .where(
            Component.page_id == page.id,
            Component.archived_at.is_(None),
            IncidentUpdate.created_at >= since,
            UpdateComponent.old_status != UpdateComponent.new_status,
        )
        .order_by(IncidentUpdate.created_at, IncidentUpdate.id)
    )
    for number, at, old, new in db.session.execute(query):
        yield number, Change(at, old, new)


def _by_hand(page: Page, since: datetime) -> Iterator[tuple[int, Change]]:
    query = (
        select(Component.id, AuditEntry.at, AuditEntry.detail)
        .join(Component, Component.public_id == AuditEntry.object_id)
        .where(
            AuditEntry.object_kind == "component",
            AuditEntry.act == BY_HAND,
            AuditEntry.at >= since,
            Component.page_id == page.id,
            Component.archived_at.is_(None),
        )
        .order_by(AuditEntry.id)
    )
    for number, at, detail in db.session.execute(query):
        yield number, Change(at, ComponentStatus(detail["old"]), ComponentStatus(detail["new"]))
