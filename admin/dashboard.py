"""What needs a person now: open, due, late, not delivered."""

from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template
from flask.typing import ResponseReturnValue

from statuspage import components, pages, vitals
from statuspage.cadence import deadlines, soundness
from statuspage.clock import utcnow
from statuspage.oncall import feeds
from statuspage.presenting import site_page
from statuspage.vocabulary import ComponentStatus, StaffRole

from . import chasing, health, queries, standings
from .auth import actor, me, needs
from .views import panel

SOON = timedelta(minutes=15)


@panel.get("/")
@needs(StaffRole.VIEWER)
def dashboard() -> str:
    """The first page after signing in."""
    return render_template("admin/dashboard.html", **_board())


@panel.get("/board")
@needs(StaffRole.VIEWER)
def board() -> str:
    """The dashboard's live part alone."""
    return render_template("admin/_board.html", **_board())


@panel.post("/all-clear")
@needs(StaffRole.COMMS_LEAD)
def all_clear() -> ResponseReturnValue:
    """Somebody has looked: the page tells how things are."""
    pages.confirm_all_clear(site_page(), actor(), utcnow())
    flash("Confirmed. The page shows that somebody has just looked.")
    return redirect("/admin/", 303)


def _board() -> dict[str, Any]:
    now, page = utcnow(), site_page()
    incidents = queries.open_incidents(page)
    promised = [incident for incident in incidents if incident.next_update_due_at]
    late = [incident for incident in promised if incident.next_update_due_at and incident.next_update_due_at < now]
    announcement = standings.latest_announcement(page)
    behind = [each for each in components.listed(page) if each.status is not ComponentStatus.OPERATIONAL]
    return {
        "now": now,
        "incidents": incidents,
        "late": late,
        "next_due": next((incident for incident in promised if incident not in late), None),
        "soon": now + SOON,
        "chases": {each.incident.id: each for each in chasing.of_many(incidents, me())},
        "troubles": standings.troubles(page, now),
        "warnings": [*health.warnings(vitals.read(now)), *feeds.troubles(now)],
        "owed": [each for each in deadlines.due_by(now) if each.incident.page_id == page.id],
        "faults": soundness.faults(page),
        "standing": standings.standing(announcement, now) if announcement else None,
        "behind": behind,
        "is_green": not incidents and not behind,
    }
