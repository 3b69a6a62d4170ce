"""Components: what customers rely on, in order, each with its state."""

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from statuspage import components as verbs
from statuspage.clock import utcnow
from statuspage.drafts import Reader
from statuspage.errors import Conflict, Invalid
from statuspage.models import Component
from statuspage.presenting import site_page
from statuspage.vocabulary import Audience, ComponentStatus, StaffRole

from . import forms
from .auth import actor, needs
from .forms import Typed
from .views import panel

NAME_LIMIT, DESCRIPTION_LIMIT = 120, 500


@panel.get("/components")
@needs(StaffRole.VIEWER)
def components() -> str:
    """All components by group."""
    return render_template("admin/components.html", groups=_groups(), states=list(ComponentStatus))


@panel.get("/components/new")
@needs(StaffRole.COMMS_LEAD)
def new_component() -> str:
    """An empty form."""
    return _form(None, {"group": request.args.get("group", ""), "audience": "public"}, {})


@panel.post("/components")
@needs(StaffRole.COMMS_LEAD)
def add_component() -> ResponseReturnValue:
    """There is one more component, and it works."""
    typed = forms.typed()
    try:
        name, group, description, audience, target = _read(typed)
        made = verbs.add(site_page(), name, actor(), utcnow(), group, description, audience, target)
    except (Invalid, Conflict) as error:
        return _form(None, typed, _problems(error)), error.http_status
    flash(f"{made.name} is on the page.")
    return redirect("/admin/components", 303)


@panel.get("/components/<public_id>")
@needs(StaffRole.COMMS_LEAD)
def edit_component(public_id: str) -> str:
    """One component, ready to be changed."""
    component = verbs.find(site_page(), public_id)
    facts = {"name": component.name, "description": component.description, "audience": component.audience.value}
    facts["target"] = "" if component.uptime_target is None else f"{component.uptime_target:g}"
    return _form(component, facts | {"group": component.group.name if component.group else ""}, {})


@panel.post("/components/<public_id>")
@needs(StaffRole.COMMS_LEAD)
def change_component(public_id: str) -> ResponseReturnValue:
    """The component is called, described and grouped as given."""
    component, typed = verbs.find(site_page(), public_id), forms.typed()
    try:
        name, group, description, audience, target = _read(typed)
        verbs.edit(component, name, group, description, audience, actor(), utcnow(), target)
    except (Invalid, Conflict) as error:
        return _form(component, typed, _problems(error)), error.http_status
    flash(f"{component.name} is saved.")
    return redirect("/admin/components", 303)


@panel.post("/components/<public_id>/status")
@needs(StaffRole.COMMS_LEAD)
def set_component_status(public_id: str) -> ResponseReturnValue:
    """The component shows this state; nobody is told."""
    component, reader = verbs.find(site_page(), public_id), Reader(forms.typed())
    status = reader.word("status", ComponentStatus, component.status)
    reader.check()
    verbs.set_status(component, status, actor(), utcnow())
    flash(f"{component.name} shows: {status.label}. Nobody was told.")
    return redirect("/admin/components", 303)


@panel.post("/components/<public_id>/move")
@needs(StaffRole.COMMS_LEAD)
def move_component(public_id: str) -> ResponseReturnValue:
    """The component has changed places with its neighbour in the group."""
    component = verbs.find(site_page(), public_id)
    verbs.move(component, request.form.get("direction") == "up", actor(), utcnow())
    return redirect(f"/admin/components#{public_id}", 303)


@panel.post("/components/<public_id>/archive")
@needs(StaffRole.COMMS_LEAD)
def archive_component(public_id: str) -> ResponseReturnValue:
    """The component is off the page; history keeps it."""
    component = verbs.find(site_page(), public_id)
    verbs.archive(component, actor(), utcnow())
    flash(f"{component.name} is archived. Its history stays.")
    return redirect("/admin/components", 303)


def _read(typed: Typed) -> tuple[str, str, str, Audience, float | None]:
    reader = Reader(typed)
    name = reader.line("name", "Give the component the name that customers use.", NAME_LIMIT)
    group = reader.optional_line("group", NAME_LIMIT)
    description = reader.optional_line("description", DESCRIPTION_LIMIT)
    audience = reader.word("audience", Audience, Audience.PUBLIC)
    target = None
    try:
        target = verbs.read_target(typed.get("target", ""))
    except Invalid as error:
        reader.problems |= error.problems
    reader.check()
    return name, group, description, audience, target


def _problems(error: Invalid | Conflict) -> dict[str, str]:
    return error.problems if isinstance(error, Invalid) else {"name": str(error)}


def _form(component: Component | None, typed: Typed, problems: dict[str, str]) -> str:
    names = [name for name, _ in _groups() if name]
    return render_template("admin/component.html", component=component, typed=typed, problems=problems, groups=names)


def _groups() -> list[tuple[str, list[Component]]]:
    """Components under the name of their group; those without come first."""
    found: dict[tuple[int, str], list[Component]] = {}
    for component in verbs.listed(site_page()):
        group = component.group
        found.setdefault((group.position, group.name) if group else (-1, ""), []).append(component)
    return [(name, members) for (_, name), members in sorted(found.items(), key=lambda item: item[0])]
