"""What a comms lead does with components."""

import re
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Literal

from sqlalchemy import func, select

from . import audit, component_groups as groups, idempotency
from .audit import Actor
from .db import db, lock
from .errors import Conflict, Invalid, NotFound
from .models import Component, ComponentGroup, Incident, IncidentUpdate, Page, UpdateComponent
from .vocabulary import Audience, ComponentStatus, IncidentStatus

LEAST_TARGET = 50.0
_TARGET = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,3}))? ?%?")


@dataclass(frozen=True)
class ComponentFacts:
    """What a component is, and how it is doing."""

    name: str
    description: str = ""
    group: ComponentGroup | None = None
    audience: Audience = Audience.PUBLIC
    status: ComponentStatus = ComponentStatus.OPERATIONAL
    showcase: bool = True
    start_date: date | None = None
    only_show_if_degraded: bool = False
    uptime_target: float | None = None


def add(  # noqa: PLR0913 - a form has as many fields
    page: Page,
    name: str,
    by: Actor,
    now: datetime,
    group: str = "",
    description: str = "",
    audience: Audience = Audience.PUBLIC,
    target: float | None = None,
) -> Component:
    """A new component, operational, last in its group; the group is made when there is none of that name."""
    heading = groups.named(page, group, now) if group else None
    return create(page, ComponentFacts(name, description, heading, audience, uptime_target=target), by, now)


def create(page: Page, facts: ComponentFacts, by: Actor, now: datetime, key: str = "") -> Component:
    """A new component with these facts, last on the page. The same `key` again returns the one it made."""
    if made := idempotency.result(key, Component):
        return made
    lock(page)
    _refuse_namesake(page, facts.name)
    component = Component(page=page, position=_next_position(page), status_changed_at=now, created_at=now)
    _set_facts(component, facts)
    component.status = facts.status
    db.session.add(component)
    db.session.flush()
    audit.record(by, "component.add", component, now, name=facts.name)
    idempotency.remember(key, component, now)
    db.session.commit()
    return component


def edit(  # noqa: PLR0913 - a form has as many fields
    component: Component,
    name: str,
    group: str,
    description: str,
    audience: Audience,
    by: Actor,
    now: datetime,
    target: float | Literal["as it was"] | None = "as it was",
) -> Component:
    """The component is called, described, grouped and shown as given; its uptime target is this one, or none."""
    heading = groups.named(component.page, group, now) if group else None
    facts = replace(facts_of(component), name=name, description=description, group=heading, audience=audience)
    if target != "as it was":
        facts = replace(facts, uptime_target=target)
    return change(component, facts, by, now)


def facts_of(component: Component) -> ComponentFacts:
    """The component as it is."""
    return ComponentFacts(**{each.name: getattr(component, each.name) for each in fields(ComponentFacts)})


def change(component: Component, facts: ComponentFacts, by: Actor, now: datetime) -> Component:
    """The component is, and is doing, as given; telling nobody. A state that has changed is dated."""
    lock(component.page)
    lock(component)
    if facts.name != component.name:
        _refuse_namesake(component.page, facts.name, component)
    if replace(facts, status=component.status) != facts_of(component):
        _set_facts(component, facts)
        component.edited_at = now
        audit.record(by, "component.edit", component, now, name=facts.name)
    _show(component, facts.status, by, now)
    db.session.commit()
    return component


def set_status(component: Component, status: ComponentStatus, by: Actor, now: datetime) -> None:
    """The component shows this state from now on, without an incident and without telling anyone."""
    lock(component.page)
    lock(component)
    _show(component, status, by, now)
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


def read_target(typed: str) -> float | None:
    """The uptime target that somebody typed, in percent, like "99.9"; None for none. Raises Invalid."""
    if not typed.strip():
        return None
    found = _TARGET.fullmatch(typed.strip())
    if found is None:
        raise Invalid({"target": "Write the target in percent, with three decimals at most, like 99.9."})
    percentage = float(f"{found[1]}.{found[2] or 0}")
    if percentage == 100:
        raise Invalid({"target": "A target of 100 % leaves nothing that could be used up. Write less, like 99.99."})
    if not LEAST_TARGET <= percentage < 100:
        raise Invalid({"target": f"Choose a target from {LEAST_TARGET:g} % up to less than 100 %."})
    return percentage


def set_target(component: Component, target: float | None, by: Actor, now: datetime) -> None:
    """The component is to be up for this share of the time, in percent; None: nobody measures it against one."""
    change(component, replace(facts_of(component), uptime_target=target), by, now)


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
    touching = (
        select(IncidentUpdate.incident_id).join(UpdateComponent).where(UpdateComponent.component_id == component.id)
    )
    query = select(Incident).where(
        Incident.id.in_(touching), Incident.status != IncidentStatus.RESOLVED, Incident.hidden_at.is_(None)
    )
    return list(db.session.scalars(query.order_by(Incident.id)))


def _show(component: Component, status: ComponentStatus, by: Actor, now: datetime) -> None:
    if component.status is status:
        return
    audit.record(by, "component.set_status", component, now, old=component.status.value, new=status.value)
    component.status, component.status_changed_at = status, now
    if component.audience is Audience.PUBLIC:  # what is kept inside moves nothing outside
        component.page.confirmed_at = max(component.page.confirmed_at, now)
        component.page.updated_at = now


def _set_facts(component: Component, facts: ComponentFacts) -> None:
    """Everything but the state."""
    component.name, component.description, component.group = facts.name, facts.description, facts.group
    component.audience, component.showcase = facts.audience, facts.showcase
    component.start_date, component.only_show_if_degraded = facts.start_date, facts.only_show_if_degraded
    component.uptime_target = facts.uptime_target


def _refuse_namesake(page: Page, name: str, component: Component | None = None) -> None:
    namesakes = select(Component).filter_by(page_id=page.id, name=name, archived_at=None)
    if any(namesake is not component for namesake in db.session.scalars(namesakes)):
        raise Conflict(f"There is a component named {name} already. Choose another name.")


def _next_position(page: Page) -> int:
    last = db.session.scalar(select(func.max(Component.position)).filter_by(page_id=page.id))
    return 0 if last is None else last + 1
