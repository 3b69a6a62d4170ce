"""Drills: scripts, starting one, watching it with its injects, and the score sheet."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from statuspage import publishing, staff
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drills import playing, scores, scripts
from statuspage.drills.playing import Cast
from statuspage.drills.scripts import Kept
from statuspage.errors import Conflict, Invalid
from statuspage.models import Drill
from statuspage.presenting import site_page
from statuspage.vocabulary import IncidentRole, StaffRole

from . import forms
from .auth import actor, me, needs
from .forms import Typed
from .views import panel

NEW = "new"
PACES = {"1": "As it happens", "2": "Twice as fast", "4": "Four times", "10": "Ten times"}
USUAL_PACE = "4"
ROLES = (IncidentRole.COMMUNICATIONS_LEAD, IncidentRole.INCIDENT_COMMANDER, IncidentRole.TECHNICAL_LEAD)
FIRST_LINES = """Severity: sev2
About: What is rehearsed, in a sentence.

+0 alert: What the first alert says.
+5 support: What customers ask.
+15 tech lead: What the cause is.
+30 tech lead: It is fixed. We are watching.

expect +10 first update
expect +20 identified
expect +45 resolved
"""


@panel.get("/drills")
@needs(StaffRole.VIEWER)
def drills() -> str:
    """The scripts, the drill that runs, and those that there were."""
    page, now = site_page(), utcnow()
    found = playing.listed(page)
    return render_template(
        "admin/drills.html",
        scripts=scripts.listed(page),
        running=next((each for each in found if each.is_running), None),
        past=[(each, scores.sheet(each, now)) for each in found if not each.is_running],
    )


@panel.get("/drills/scripts/<key>")
@needs(StaffRole.COMMS_LEAD)
def drill_script(key: str) -> str:
    """A script to be changed; a new one begins with an example, or with what happened in a past incident."""
    if key != NEW:
        kept = scripts.find(site_page(), key)
        return _editor(key, {"name": kept.name, "text": kept.text}, kept)
    name, text = "", FIRST_LINES
    if public_id := request.args.get("incident"):
        name, text = scripts.from_incident(publishing.find_incident(site_page(), public_id))
    return _editor(key, {"name": name, "text": text})


@panel.post("/drills/scripts/<key>")
@needs(StaffRole.COMMS_LEAD)
def save_drill_script(key: str) -> ResponseReturnValue:
    """The script is on the shelf, or no longer there."""
    typed, page = forms.typed(), site_page()
    kept = scripts.find(page, key) if key != NEW else None
    if typed.get("remove"):
        scripts.remove(page, key, actor(), utcnow())
        flash("The script is gone. Drills played from it keep theirs.")
        return redirect("/admin/drills", 303)
    try:
        own = key if kept and not kept.is_ready_made else ""
        saved = scripts.save(page, own, typed.get("name", ""), typed.get("text", ""), actor(), utcnow())
    except Invalid as error:
        db.session.rollback()
        return _editor(key, typed, kept, error.problems), error.http_status
    flash(f"“{saved.name}” is on the shelf.")
    return redirect("/admin/drills", 303)


@panel.get("/drills/scripts/<key>/start")
@needs(StaffRole.COMMS_LEAD)
def prepare_drill(key: str) -> str:
    """Who takes part, and how fast."""
    lead = f"role-{IncidentRole.COMMUNICATIONS_LEAD.value}"
    return _casting(scripts.find(site_page(), key), {lead: me().public_id, "pace": USUAL_PACE})


@panel.post("/drills/scripts/<key>/start")
@needs(StaffRole.COMMS_LEAD)
def start_drill(key: str) -> ResponseReturnValue:
    """The drill runs."""
    kept, typed = scripts.find(site_page(), key), forms.typed()
    try:
        drill = playing.start(site_page(), kept, _cast(typed), _pace(typed), actor(), utcnow())
    except (Invalid, Conflict) as error:
        db.session.rollback()
        problems = error.problems if isinstance(error, Invalid) else {"drill": str(error)}
        return _casting(kept, typed, problems), error.http_status
    flash("The drill runs. Nobody but its participants hears of it.")
    return redirect(f"/admin/drills/{drill.public_id}", 303)


@panel.get("/drills/<drill_id>")
@needs(StaffRole.VIEWER)
def drill(drill_id: str) -> str:
    """The drill as it runs, and its score sheet."""
    return _shown("admin/drill.html", playing.find(site_page(), drill_id))


@panel.get("/drills/<drill_id>/live")
@needs(StaffRole.VIEWER)
def drill_live(drill_id: str) -> str:
    """What changes while it runs, for a page that asks again and again."""
    return _shown("admin/_drill_live.html", playing.find(site_page(), drill_id))


@panel.post("/drills/<drill_id>/stop")
@needs(StaffRole.COMMS_LEAD)
def stop_drill(drill_id: str) -> ResponseReturnValue:
    """The drill is over before its time."""
    found = playing.find(site_page(), drill_id)
    playing.stop(found, actor(), utcnow())
    flash("The drill is over. Here is how it went.")
    return redirect(f"/admin/drills/{drill_id}", 303)


def _shown(template: str, found: Drill) -> str:
    now = utcnow()
    sheet = scores.sheet(found, now)
    return render_template(template, drill=found, sheet=sheet, now=now)


def _editor(key: str, typed: Typed, kept: Kept | None = None, problems: Mapping[str, str] | None = None) -> str:
    return render_template("admin/drill_script.html", key=key, typed=typed, kept=kept, problems=problems or {})


def _casting(kept: Kept, typed: Typed, problems: Mapping[str, str] | None = None) -> str:
    colleagues = [each for each in staff.listed() if each.active]
    return render_template(
        "admin/drill_start.html",
        kept=kept,
        script=kept.script,
        typed=typed,
        problems=problems or {},
        roles=ROLES,
        colleagues=colleagues,
        people=[("", "Nobody yet"), *((each.public_id, each.display_name) for each in colleagues)],
        paces=PACES,
    )


def _cast(typed: Typed) -> Cast:
    """Who was chosen; raises Invalid for somebody who is not on the staff."""
    people = {each.public_id: each for each in staff.listed() if each.active}
    chosen = [(role, typed[f"role-{role.value}"]) for role in ROLES if typed.get(f"role-{role.value}")]
    for role, identity in chosen:
        if identity not in people:
            raise Invalid({f"role-{role.value}": "This colleague has left, or never was here. Choose another."})
    roles = tuple((role, people[identity]) for role, identity in chosen)
    others = tuple(user for identity, user in people.items() if typed.get(f"with-{identity}"))
    everybody = {*others, *(user for _, user in roles)}
    return Cast(roles, others, everybody if typed.get("tells") else ())


def _pace(typed: Typed) -> float:
    spelled = typed.get("pace", "")
    if spelled not in PACES:
        raise Invalid({"pace": "Choose how fast time passes."})
    return float(spelled)
