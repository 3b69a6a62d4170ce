"""An incident's promises and deadlines: what was promised, what became of it, and what is done without speaking."""

from datetime import datetime

from flask import abort, flash, redirect
from flask.typing import ResponseReturnValue

from statuspage import publishing
from statuspage.cadence import deadlines, moving
from statuspage.clock import near_text, parse_span, utcnow
from statuspage.db import db
from statuspage.errors import Conflict, Invalid
from statuspage.models import Deadline, Incident
from statuspage.presenting import site_page
from statuspage.vocabulary import Audience, StaffRole

from . import composing, forms, incidents
from .auth import actor, me, needs, require_publish
from .views import panel


@panel.post("/incidents/<public_id>/promise")
@needs(StaffRole.RESPONDER)
def change_promise(public_id: str) -> ResponseReturnValue:
    """The next update is promised for another time, or no longer, and the page says why."""
    incident = publishing.find_incident(site_page(), public_id)
    require_publish(incident)
    typed, now = forms.typed(), utcnow()
    try:
        said = _withdraw(incident, typed) if typed.get("what") == "withdraw" else _move(incident, typed)
    except (Invalid, Conflict) as error:
        problems = error.problems if isinstance(error, Invalid) else {"promise-change": str(error)}
        return _back(incident, typed, problems, error.http_status)
    flash(said.format(due=near_text(incident.next_update_due_at or now, incident.page.time_zone, now)))
    return redirect(f"/admin/incidents/{public_id}#promises", 303)


@panel.post("/deadlines/<public_id>")
@needs(StaffRole.RESPONDER)
def settle_deadline(public_id: str) -> ResponseReturnValue:
    """The word was given, the deadline does not apply, or it was settled by mistake; who said so and when is kept."""
    deadline = deadlines.find(site_page(), public_id)
    typed, now = forms.typed(), utcnow()
    if not deadlines.may_settle(me(), deadline, now):
        abort(403)
    try:
        flash(_settle(deadline, typed, now))
    except (Invalid, Conflict) as error:
        return _back(deadline.incident, typed, {f"deadline-{public_id}": str(error)}, error.http_status)
    return redirect(f"/admin/incidents/{deadline.incident.public_id}#deadlines", 303)


def _settle(deadline: Deadline, typed: forms.Typed, now: datetime) -> str:
    note, by = typed.get("note", ""), actor()
    match typed.get("what"):
        case "take-back":
            deadlines.take_back(deadline, by, now)
            return f"“{deadline.name}” is owed again."
        case "waive":
            deadlines.waive(deadline, note, by, now)
            return f"“{deadline.name}” is waived."
        case "meet":
            deadlines.meet(deadline, note, by, now)
            return f"“{deadline.name}” is done."
    raise Invalid({"what": "Say whether it is done or does not apply."})


def _move(incident: Incident, typed: forms.Typed) -> str:
    spelled = typed.get("within", "") if typed.get("within") != "other" else typed.get("other", "")
    try:
        within = parse_span(spelled)
    except ValueError as error:
        sentence = str(error) if spelled.strip() else "Say when the update comes, for example in 30m."
        raise Invalid({"due_at": sentence}) from error
    moving.after(incident, within, typed.get("reason", ""), actor(), utcnow())
    where = "colleagues see" if incident.audience is Audience.INTERNAL else "the page now says"
    return f"Moved: {where} {{due}}. Nobody got a message."


def _withdraw(incident: Incident, typed: forms.Typed) -> str:
    moving.withdraw(incident, typed.get("reason", ""), actor(), utcnow())
    if incident.audience is Audience.INTERNAL:
        return "Withdrawn. Nobody is chased for it any more."
    return "Withdrawn. The page says that no update is planned, and why. Nobody got a message."


def _back(incident: Incident, typed: forms.Typed, problems: dict[str, str], code: int) -> ResponseReturnValue:
    """The incident's page with what was typed about its promise, and what is wrong with it."""
    db.session.rollback()
    started = composing.start(incident, me())
    return incidents.show(incident, started, promise_typed=typed, promise_problems=problems, code=code)
