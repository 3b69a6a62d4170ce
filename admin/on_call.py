"""On call: calendars that say who is on duty for a role. For admins."""

from collections.abc import Mapping

from flask import abort, flash, redirect, render_template
from flask.typing import ResponseReturnValue

from statuspage import sealing, staff
from statuspage.clock import utcnow
from statuspage.errors import Invalid
from statuspage.oncall import feeds
from statuspage.presenting import site_page
from statuspage.vocabulary import IncidentRole, StaffRole

from . import forms
from .auth import actor, needs
from .forms import Typed
from .views import panel

# The roles that a ladder may name and nobody may have when an incident begins.
ROLES = (IncidentRole.COMMUNICATIONS_LEAD, IncidentRole.INCIDENT_COMMANDER, IncidentRole.TECHNICAL_LEAD)


@panel.get("/on-call")
@needs(StaffRole.ADMIN)
def on_call() -> str:
    """Each role with its calendar, who is on duty, and what is wrong."""
    return _room()


@panel.post("/on-call/<role>")
@needs(StaffRole.ADMIN)
def set_calendar(role: str) -> ResponseReturnValue:
    """The calendar at this address says who is on duty for the role; without an address none does."""
    if role not in [each.value for each in ROLES]:
        abort(404)
    typed, word = forms.typed(), IncidentRole(role)
    if typed.get("remove"):
        feeds.remove_feed(site_page(), word, actor(), utcnow())
        flash(f"No calendar says any more who is {word.label.lower()}.")
        return redirect("/admin/on-call", 303)
    try:
        feed = feeds.set_feed(site_page(), word, typed.get("url", ""), actor(), utcnow())
    except Invalid as error:
        return _room(
            {f"url-{role}": sentence for sentence in error.problems.values()}, {f"url-{role}": typed.get("url", "")}
        ), 422
    feeds.read_one(feed.id, utcnow())
    trouble = feeds.trouble_of(feed, utcnow())
    flash(trouble or "The calendar is read, and somebody is on duty.", "degraded" if trouble else "message")
    return redirect("/admin/on-call", 303)


def _room(problems: Mapping[str, str] | None = None, typed: Typed | None = None) -> str:
    now, found = utcnow(), {feed.role: feed for feed in feeds.listed(site_page())}
    people = {each.id: each for each in staff.listed() if each.active}
    rows = [
        {
            "role": role,
            "feed": found.get(role),
            "shown": sealing.shown(found[role].url) if role in found else "",
            "trouble": feeds.trouble_of(found[role], now) if role in found else "",
            "people": [people[number] for number in feeds.on_duty(found[role], now) if number in people]
            if role in found
            else [],
        }
        for role in ROLES
    ]
    return render_template("admin/on_call.html", rows=rows, now=now, problems=problems or {}, typed=typed or {})
