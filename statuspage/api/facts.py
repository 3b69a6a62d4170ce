"""What the API reads: only what the public may see, loaded whole so that rendering asks for nothing more."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import joinedload, selectinload

from ..db import db
from ..errors import NotFound
from ..models import Component, ComponentGroup, Incident, IncidentUpdate, Page, Subscriber, UpdateComponent
from ..visibility import PUBLIC, only_for
from ..vocabulary import IncidentStatus, SubscriberState

IN_PUBLIC = 50

STATES = {
    "active": (SubscriberState.CONFIRMED,),
    "unconfirmed": (SubscriberState.PENDING,),
    "quarantined": (SubscriberState.QUARANTINED,),
    "all": (SubscriberState.CONFIRMED, SubscriberState.PENDING, SubscriberState.QUARANTINED),
}


def listed_components(page: Page) -> list[Component]:
    """The page's components in their order, with their groups."""
    query = (
        select(Component)
        .where(Component.page_id == page.id, Component.archived_at.is_(None), *only_for(PUBLIC, Component))
        .options(joinedload(Component.group))
        .order_by(Component.position, Component.id)
    )
    return list(db.session.scalars(query))


def component(page: Page, public_id: str) -> Component:
    """The page's component with this id; raises NotFound."""
    found = next((each for each in listed_components(page) if each.public_id == public_id), None)
    if found is None:
        raise NotFound("There is no such component.")
    return found


def listed_groups(page: Page) -> list[ComponentGroup]:
    """The page's groups, without those under which only things kept inside stand."""
    query = select(ComponentGroup).filter_by(page_id=page.id).options(selectinload(ComponentGroup.components))
    groups = db.session.scalars(query.order_by(ComponentGroup.position, ComponentGroup.id))
    seen = set(listed_components(page))
    return [group for group in groups if not group.components or not seen.isdisjoint(group.components)]


def group(page: Page, public_id: str) -> ComponentGroup:
    """The page's group with this id; raises NotFound."""
    found = next((each for each in listed_groups(page) if each.public_id == public_id), None)
    if found is None:
        raise NotFound("There is no such component group.")
    return found


def incident(page: Page, public_id: str) -> Incident:
    """The page's incident with this id; raises NotFound, also for what is hidden or kept inside."""
    found = db.session.scalar(_incidents(page).where(Incident.public_id == public_id))
    if found is None:
        raise NotFound("There is no such incident.")
    return found


def incidents(
    page: Page, *, only_open: bool = False, search: str = "", limit: int = IN_PUBLIC, offset: int = 0
) -> list[Incident]:
    """The page's incidents, newest first."""
    query = _incidents(page)
    if only_open:
        query = query.where(Incident.status != IncidentStatus.RESOLVED)
    if search:
        query = query.where(_mentions(search))
    newest_first = query.order_by(Incident.created_at.desc(), Incident.id.desc())
    return list(db.session.scalars(newest_first.limit(limit).offset(offset)))


def subscriber(page: Page, public_id: str) -> Subscriber:
    """The page's subscriber with this id who has not left; raises NotFound."""
    query = select(Subscriber).filter_by(page_id=page.id, public_id=public_id)
    found = db.session.scalar(query.where(Subscriber.state != SubscriberState.UNSUBSCRIBED))
    if found is None:
        raise NotFound("There is no such subscriber.")
    return found


def subscribers(page: Page, asked: Any) -> Sequence[Subscriber]:
    """The part of the subscribers that was asked for."""
    query = select(Subscriber).where(Subscriber.page_id == page.id, Subscriber.state.in_(STATES[asked.state]))
    if asked.type:
        query = query.where(Subscriber.channel == asked.type)
    if asked.q:
        query = query.where(Subscriber.address_key.contains(asked.q.casefold(), autoescape=True))
    column: Any = {"created_at": Subscriber.created_at, "quarantined_at": Subscriber.state_changed_at}.get(
        asked.sort_field, Subscriber.address_key
    )
    limit = min(asked.limit, 100)
    ways = (column.desc(), Subscriber.id.desc()) if asked.sort_direction == "desc" else (column.asc(), Subscriber.id)
    return db.session.scalars(query.order_by(*ways).limit(limit).offset(asked.page * limit)).all()


def _incidents(page: Page) -> Select[Incident]:
    return (
        select(Incident)
        .where(Incident.page_id == page.id, *only_for(PUBLIC, Incident))
        .options(
            joinedload(Incident.page),
            selectinload(Incident.updates)
            .selectinload(IncidentUpdate.components)
            .joinedload(UpdateComponent.component)
            .joinedload(Component.group),
        )
    )


def _mentions(words: str) -> ColumnElement[bool]:
    said = exists().where(
        IncidentUpdate.incident_id == Incident.id,
        IncidentUpdate.body.icontains(words, autoescape=True),
        *only_for(PUBLIC, IncidentUpdate),
    )
    has_status = [status for status in IncidentStatus if words.casefold() in status.value]
    return or_(Incident.title.icontains(words, autoescape=True), Incident.status.in_(has_status), said)
