"""v1: components."""

from dataclasses import replace
from datetime import date
from typing import Any

from .. import components as verbs
from ..components import ComponentFacts
from ..errors import Invalid, NotFound
from ..models import ComponentGroup
from ..vocabulary import ComponentStatus, Scope
from . import access, answers, facts, resources, shapes
from .documents import Document
from .operations import Call, v1

BASE = "/pages/{page_id}/components"
ONE = BASE + "/{component_id}"


@v1.operation("GET", BASE, scope=Scope.READ, answer=list[answers.Component], query=shapes.Paging)
def list_components(call: Call) -> list[Document]:
    """List components and groups."""
    rows = resources.component_resources(call.page, facts.listed_components(call.page))
    return page_of(rows, call.query.page, call.query.per_page)


@v1.operation("POST", BASE, scope=Scope.CONFIG, answer=answers.Component, body=shapes.NewComponent, status=201)
def create_component(call: Call) -> Document:
    """Create a component."""
    wanted = _applied(call, ComponentFacts(""), call.body.component)
    return resources.component_resource(call.page, verbs.create(call.page, wanted, call.by, call.now, call.once))


@v1.operation("GET", ONE, scope=Scope.READ, answer=answers.Component)
def get_component(call: Call) -> Document:
    """Get a component."""
    rows = resources.component_resources(call.page, facts.listed_components(call.page))
    found = next((row for row in rows if row["id"] == call.ids["component_id"]), None)
    if found is None:
        raise NotFound("There is no such component.")
    return found


@v1.operation("PATCH", ONE, scope=Scope.READ, answer=answers.Component, body=shapes.ComponentChange)
def update_component(call: Call) -> Document:
    """Update a component: its state takes the scope publish, everything else the scope config."""
    component = facts.component(call.page, call.ids["component_id"])
    present = verbs.facts_of(component)
    wanted = _applied(call, present, call.body.component)
    if wanted.status is not present.status:
        access.require_scope(call.key, Scope.PUBLISH)
    if replace(wanted, status=present.status) != present:
        access.require_scope(call.key, Scope.CONFIG)
    if not (call.key.may(Scope.PUBLISH) or call.key.may(Scope.CONFIG)):
        access.require_scope(call.key, Scope.CONFIG)
    return resources.component_resource(call.page, verbs.change(component, wanted, call.by, call.now))


@v1.operation("DELETE", ONE, scope=Scope.CONFIG, status=204)
def delete_component(call: Call) -> None:
    """Take a component off the page; history keeps it."""
    verbs.archive(facts.component(call.page, call.ids["component_id"]), call.by, call.now)


def page_of(rows: list[Any], page: int, size: int) -> list[Any]:
    """The part of the rows that a client asked for; nothing beyond the end."""
    size = min(size, 100)
    start = max(page - 1, 0) * size
    return rows[start : start + size]


def _applied(call: Call, present: ComponentFacts, asked: shapes.ComponentAttributes) -> ComponentFacts:
    wanted: dict[str, Any] = {
        "name": asked.name,
        "description": asked.description,
        "status": ComponentStatus(asked.status) if asked.status else None,
        "showcase": asked.showcase,
        "only_show_if_degraded": asked.only_show_if_degraded,
        "start_date": date.fromisoformat(asked.start_date) if asked.start_date else None,
    }
    changed = replace(present, **{name: value for name, value in wanted.items() if value is not None})
    if "group_id" in asked.model_fields_set:
        changed = replace(changed, group=_group(call, asked.group_id))
    return changed


def _group(call: Call, public_id: str | None) -> ComponentGroup | None:
    if public_id in (None, "", "null"):
        return None
    found = next((group for group in facts.listed_groups(call.page) if group.public_id == public_id), None)
    if found is None:
        raise Invalid({"component.group_id": "is not a component group of this page."})
    return found
