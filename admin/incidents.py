"""Incidents: the list, opening one, and the page where one is worked on."""

from typing import Any

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from statuspage import publishing, staff
from statuspage.cadence import shelf
from statuspage.clock import utcnow
from statuspage.errors import Conflict, Invalid
from statuspage.models import Incident
from statuspage.presenting import site_page
from statuspage.vocabulary import IncidentRole, StaffRole

from . import chasing, composing, drafts, forms, queries, standings
from .auth import actor, me, needs, require_publish
from .composing import Composer
from .forms import Typed
from .htmx import wants_fragment
from .promise_rows import deadline_rows, promise_rows
from .views import panel


@panel.get("/incidents")
@needs(StaffRole.VIEWER)
def incidents() -> str:
    """What is open, and what is over."""
    before = forms.continued_from()
    return render_template(
        "admin/incidents.html",
        now=utcnow(),
        incidents=queries.open_incidents(site_page()),
        resolved=queries.resolved_incidents(site_page(), before),
        before=before,
    )


@panel.get("/incidents/new")
@needs(StaffRole.RESPONDER)
def new_incident() -> ResponseReturnValue:
    """An empty composer."""
    typed = composing.start(None, me())
    return composing.page(_opening(typed), "admin/incident_new.html", chosen=MultiDict(typed))


@panel.post("/incidents")
@needs(StaffRole.RESPONDER)
def open_incident() -> ResponseReturnValue:
    """The incident exists and is announced; the form comes back if it cannot be."""
    typed, user = forms.typed(), me()
    may_publish = staff.may_publish(user)
    try:
        roles = forms.read_roles(request.form)
        draft = forms.read_incident(site_page(), typed, may_publish, roles)
        made = publishing.open_incident(site_page(), draft, actor(), utcnow(), typed.get("key", ""))
    except (Invalid, Conflict) as error:
        return composing.refused(error, _opening(typed), "admin/incident_new.html", chosen=request.form)
    flash("The incident is open.")
    return redirect(f"/admin/incidents/{made.public_id}", 303)


@panel.post("/incidents/preview")
@needs(StaffRole.RESPONDER)
def preview_opening() -> ResponseReturnValue:
    """What opening it would do: a fragment while typing, the whole form by button."""
    composer = _opening(forms.typed())
    if wants_fragment():
        return render_template("admin/_live.html", composer=composer)
    return composing.page(composer, "admin/incident_new.html", chosen=request.form)


@panel.get("/incidents/<public_id>")
@needs(StaffRole.VIEWER)
def incident(public_id: str) -> ResponseReturnValue:
    """Everything about one incident, with the composer ready: same status, new words."""
    found = publishing.find_incident(site_page(), public_id)
    return show(found, composing.start(found, me()))


@panel.post("/incidents/<public_id>/roles")
@needs(StaffRole.RESPONDER)
def assign_roles(public_id: str) -> ResponseReturnValue:
    """Who does what on this incident is as given."""
    found = publishing.find_incident(site_page(), public_id)
    require_publish(found)
    publishing.assign_all(found, forms.read_roles(request.form), actor(), utcnow())
    flash("The roles are set.")
    return redirect(f"/admin/incidents/{public_id}", 303)


@panel.post("/incidents/<public_id>/show")
@needs(StaffRole.RESPONDER)
def show_again(public_id: str) -> ResponseReturnValue:
    """What was taken off the page is back on it."""
    found = publishing.find_incident(site_page(), public_id)
    require_publish(found)
    publishing.show_again(found, actor(), utcnow())
    flash("Readers see this incident again.")
    return redirect(f"/admin/incidents/{public_id}", 303)


def show(
    incident: Incident, typed: Typed, error: Invalid | Conflict | None = None, code: int = 200, **beside: Any
) -> ResponseReturnValue:
    """The incident's page with this form in it, and what is wrong with it or with what stands `beside` it."""
    composer = updating(incident, typed)
    if error is not None:
        return composing.refused(error, composer, "admin/incident.html", **_around(incident))
    return composing.page(composer, "admin/incident.html", code, **_around(incident), **beside)


def updating(incident: Incident, typed: Typed) -> Composer:
    """The composer of an incident there is."""
    return Composer(
        page=site_page(),
        incident=incident,
        user=me(),
        now=utcnow(),
        typed=typed,
        may_publish=staff.may_publish(me(), incident),
        action=f"/admin/incidents/{incident.public_id}/updates",
        preview_url=f"/admin/incidents/{incident.public_id}/preview",
    )


def _opening(typed: Typed) -> Composer:
    return Composer(
        page=site_page(),
        incident=None,
        user=me(),
        now=utcnow(),
        typed=typed,
        may_publish=staff.may_publish(me()),
        action="/admin/incidents",
        preview_url="/admin/incidents/preview",
    )


def _around(incident: Incident) -> dict[str, Any]:
    """What surrounds the composer: the account so far, how the last announcement fares, who does what."""
    now = utcnow()
    # What is said in a drill goes to its participants alone; there is no crowd to watch being told.
    said = {} if incident.page.is_stage else standings.announcements_of(incident)
    latest = list(said.values())[-1] if said else None
    held = {role: [each.staff_user for each in incident.assignments if each.role is role] for role in IncidentRole}
    return {
        "incident": incident,
        "now": now,
        "chase": chasing.of_incident(incident, me()),
        "announcements": said,
        "standing": standings.standing(latest, now) if latest else None,
        "promises": promise_rows(incident, now),
        "deadlines": deadline_rows(incident, me(), now),
        "held": {role: users for role, users in held.items() if users},
        "drafts": drafts.shown(shelf.waiting(incident)),
    }
