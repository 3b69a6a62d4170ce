"""What a comms lead does with components and their groups."""

from datetime import datetime

from sqlalchemy import func, select

from . import audit
from .audit import Actor
from .db import db, lock
from .errors import Conflict, NotFound
from .models import Component, ComponentGroup, Incident, IncidentUpdate, Page, UpdateComponent
from .vocabulary import Audience, ComponentStatus, IncidentStatus


def add(  # noqa: PLR0913 - a form has as many fields
    page: Page,
    name: str,
    by: Actor,
    now: datetime,
    group: str = "",
    description: str = "",
    audience: Audience = Audience.PUBLIC,
) -> Component:
    """A new component, operational, last in its group; the group is made when there is none of that name."""
    lock(page)
    if db.session.scalar(select(Component).filter_by(page_id=page.id, name=name)):
        raise Conflict(f"There is a component named {name} already. Choose another name.")
    component = Component(
        page=page,
        group=_group(page, group, now) if group else None,
        name=name,
        description=description,
        audience=audience,
        position=_next_position(page),
        status_changed_at=now,
        created_at=now,
    )
    db.session.add(component)
    db.session.flush()
    audit.record(by, "component.add", component, now, name=name)
    db.session.commit()
    return component


def edit(  # noqa: PLR0913 - a form has as many fields
    component: Component, name: str, group: str, description: str, audience: Audience, by: Actor, now: datetime
) -> Component:
    """The component is called, described, grouped and shown as given."""
    lock(component.page)
    namesake = db.session.scalar(select(Component).filter_by(page_id=component.page_id, name=name))
    if namesake and namesake is not component:
        raise Conflict(f"There is a component named {name} already. Choose another name.")
    component.name, component.description, component.audience = name, description, audience
    component.group = _group(component.page, group, now) if group else None
    audit.record(by, "component.edit", component, now, name=name)
    db.session.commit()
    return component


def set_status(component: Component, status: ComponentStatus, by: Actor, now: datetime) -> None:
    """The component shows this state from now on, without an incident and without telling anyone."""
    lock(component.page)
    lock(component)
    if component.status is status:
        return
    audit.record(by, "component.set_status", component, now, old=component.status.value, new=status.value)
    component.status, component.status_changed_at = status, now
    if component.audience is Audience.PUBLIC:  # what is kept inside moves nothing outside
        component.page.confirmed_at = max(component.page.confirmed_at, now)
    db.session.commit()


def archive(component: Component, by: Actor, now: datetime) -> None:
    """The component disappears from the page and from new incidents; history keeps it."""
    lock(component.page)
    holding = open_incidents_touching(component)
    if holding:
        raise Conflict(f"“{holding[0].title}” is open and affects {component.name}. Resolve it first.")
    component.archived_at = now
    audit.record(by, "component.archive", component, now)
    db.session.commit()


def move(component: Component, up: bool, by: Actor, now: datetime) -> None:
    """Swap places with the neighbour above or below in the same group."""
    lock(component.page)
    everyone = listed(component.page)
    group = [each for each in everyone if each.group_id == component.group_id]
    there = group.index(component) + (-1 if up else 1)
    if 0 <= there < len(group):
        here, there = everyone.index(component), everyone.index(group[there])
        everyone[here], everyone[there] = everyone[there], everyone[here]
        for position, each in enumerate(everyone):
            each.position = position
        audit.record(by, "component.move", component, now, position=component.position)
    db.session.commit()


def listed(page: Page) -> list[Component]:
    """The page's components in their order, without archived ones."""
    query = select(Component).filter_by(page_id=page.id, archived_at=None)
    return list(db.session.scalars(query.order_by(Component.position, Component.id)))


def find(page: Page, public_id: str) -> Component:
    """The page's component with this id; raises NotFound."""
    component = db.session.scalar(select(Component).filter_by(page_id=page.id, public_id=public_id))
    if component is None:
        raise NotFound("There is no such component.")
    return component


def find_by_name(page: Page, name: str) -> Component:
    """The page's component of this name, in whatever case; raises NotFound."""
    wanted = name.strip().casefold()
    for component in listed(page):
        if component.name.casefold() == wanted:
            return component
    raise NotFound(f"There is no component named “{name}”.")


def open_incidents_touching(component: Component) -> list[Incident]:
    """The open incidents that this component is part of."""
    query = (
        select(Incident)
        .join(IncidentUpdate)
        .join(UpdateComponent)
        .where(UpdateComponent.component_id == component.id, Incident.status != IncidentStatus.RESOLVED)
        .distinct()
    )
    return list(db.session.scalars(query))


def _group(page: Page, name: str, now: datetime) -> ComponentGroup:
    group = db.session.scalar(select(ComponentGroup).filter_by(page_id=page.id, name=name))
    if group is None:
        count = db.session.scalar(select(func.count()).select_from(ComponentGroup).filter_by(page_id=page.id)) or 0
        group = ComponentGroup(page_id=page.id, name=name, position=count, created_at=now)
        db.session.add(group)
    return group


def _next_position(page: Page) -> int:
    last = db.session.scalar(select(func.max(Component.position)).filter_by(page_id=page.id))
    return 0 if last is None else last + 1
