"""What a comms lead does with the headings over components."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from . import audit, idempotency
from .audit import Actor
from .db import db, lock
from .errors import Conflict, NotFound
from .models import Component, ComponentGroup, Page
from .visibility import PUBLIC, may_see


def add(  # noqa: PLR0913 - a form has as many fields
    page: Page, name: str, description: str, members: Sequence[Component], by: Actor, now: datetime, key: str = ""
) -> ComponentGroup:
    """A new heading, last on the page, with these components under it."""
    if made := idempotency.result(key, ComponentGroup):
        return made
    lock(page)
    _refuse_namesake(page, name)
    group = _new(page, name, now)
    group.description, group.components = description, list(members)
    db.session.flush()
    audit.record(by, "component_group.add", group, now, name=name)
    idempotency.remember(key, group, now)
    db.session.commit()
    return group


def edit(  # noqa: PLR0913 - a form has as many fields
    group: ComponentGroup,
    name: str,
    description: str,
    members: Sequence[Component] | None,
    by: Actor,
    now: datetime,
) -> ComponentGroup:
    """The heading reads as given; where members are given, exactly these components stand under it."""
    lock(_page(group))
    if name != group.name:
        _refuse_namesake(_page(group), name)
    group.name, group.description = name, description
    if members is not None:
        # What is archived or kept inside stays where it is: its mover may not even see it.
        unseen = [each for each in group.components if each.archived_at is not None or not may_see(PUBLIC, each)]
        group.components = [*members, *(each for each in unseen if each not in members)]
    group.edited_at = now
    audit.record(by, "component_group.edit", group, now, name=name)
    db.session.commit()
    return group


def remove(group: ComponentGroup, by: Actor, now: datetime) -> None:
    """The heading is gone; its components stay, without one."""
    group.components = []
    audit.record(by, "component_group.remove", group, now, name=group.name)
    db.session.delete(group)
    db.session.commit()


def listed(page: Page) -> list[ComponentGroup]:
    """The page's headings in their order."""
    query = select(ComponentGroup).filter_by(page_id=page.id)
    return list(db.session.scalars(query.order_by(ComponentGroup.position, ComponentGroup.id)))


def find(page: Page, public_id: str) -> ComponentGroup:
    """The page's heading with this id; raises NotFound."""
    group = db.session.scalar(select(ComponentGroup).filter_by(page_id=page.id, public_id=public_id))
    if group is None:
        raise NotFound("There is no such component group.")
    return group


def named(page: Page, name: str, now: datetime) -> ComponentGroup:
    """The heading of this name; it is made when there is none. The caller commits."""
    group = db.session.scalar(select(ComponentGroup).filter_by(page_id=page.id, name=name))
    return group or _new(page, name, now)


def _new(page: Page, name: str, now: datetime) -> ComponentGroup:
    count = db.session.scalar(select(func.count()).select_from(ComponentGroup).filter_by(page_id=page.id)) or 0
    group = ComponentGroup(page_id=page.id, name=name, position=count, created_at=now)
    db.session.add(group)
    return group


def _refuse_namesake(page: Page, name: str) -> None:
    if db.session.scalar(select(ComponentGroup).filter_by(page_id=page.id, name=name)):
        raise Conflict(f"There is a component group named {name} already. Choose another name.")


def _page(group: ComponentGroup) -> Page:
    page = db.session.get(Page, group.page_id)
    assert page is not None
    return page
