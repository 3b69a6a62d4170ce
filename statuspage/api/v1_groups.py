"""v1: component groups."""

from .. import component_groups as verbs
from ..models import Component
from ..vocabulary import Scope
from . import answers, facts, resources, shapes
from .documents import Document
from .operations import Call, v1
from .v1_components import page_of
from .v1_incidents import offered

BASE = "/pages/{page_id}/component-groups"
ONE = BASE + "/{id}"


@v1.operation("GET", BASE, scope=Scope.READ, answer=list[answers.GroupComponent], query=shapes.Paging)
def list_component_groups(call: Call) -> list[Document]:
    """List component groups."""
    components = facts.listed_components(call.page)
    rows = [resources.group_resource(call.page, each, components) for each in facts.listed_groups(call.page)]
    return page_of(rows, call.query.page, call.query.per_page)


@v1.operation("POST", BASE, scope=Scope.CONFIG, answer=answers.GroupComponent, body=shapes.NewGroup, status=201)
def create_component_group(call: Call) -> Document:
    """Create a component group."""
    asked: shapes.NewGroupAttributes = call.body.component_group
    members = _members(call, asked.components) or []
    description = _description(call.body) or ""
    made = verbs.add(call.page, asked.name, description, members, call.by, call.now, call.once)
    return resources.group_resource(call.page, made, facts.listed_components(call.page))


@v1.operation("GET", ONE, scope=Scope.READ, answer=answers.GroupComponent)
def get_component_group(call: Call) -> Document:
    """Get a component group."""
    found = facts.group(call.page, call.ids["id"])
    return resources.group_resource(call.page, found, facts.listed_components(call.page))


@v1.operation("PATCH", ONE, scope=Scope.CONFIG, answer=answers.GroupComponent, body=shapes.GroupChange)
def update_component_group(call: Call) -> Document:
    """Update a component group."""
    group = facts.group(call.page, call.ids["id"])
    asked: shapes.GroupAttributes = call.body.component_group
    description = _description(call.body)
    verbs.edit(
        group,
        asked.name or group.name,
        group.description if description is None else description,
        _members(call, asked.components),
        call.by,
        call.now,
    )
    return resources.group_resource(call.page, group, facts.listed_components(call.page))


@v1.operation("DELETE", ONE, scope=Scope.CONFIG, answer=answers.GroupComponent)
def delete_component_group(call: Call) -> Document:
    """Remove a component group; its components stay."""
    group = facts.group(call.page, call.ids["id"])
    gone = resources.group_resource(call.page, group, facts.listed_components(call.page))
    verbs.remove(group, call.by, call.now)
    return gone


def _members(call: Call, ids: list[str] | None) -> list[Component] | None:
    return None if ids is None else offered(call, ids, "component_group.components")


def _description(body: shapes.NewGroup | shapes.GroupChange) -> str | None:
    """Clients put it inside the group or beside it."""
    inside = body.component_group.description
    return body.description if inside is None else inside
