"""The panel's one blueprint: what surrounds every page, what every answer carries, and how errors look."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_security import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from statuspage import pages
from statuspage.cadence import standing
from statuspage.channels import channels
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drills import playing, stage
from statuspage.errors import CandorError, TooMany
from statuspage.presenting import site_page, turn_to
from statuspage.vocabulary import StaffRole

from . import auth, chasing, queries

panel = Blueprint("admin", __name__, url_prefix="/admin")


@dataclass(frozen=True)
class Place:
    """A place in the panel that one can go to."""

    endpoint: str
    name: str
    icon: str
    least: StaffRole = StaffRole.VIEWER


MAIN = (
    Place("admin.dashboard", "Dashboard", "home"),
    Place("admin.incidents", "Incidents", "alert"),
    Place("admin.components", "Components", "layers"),
    Place("admin.announcements", "Ledger", "send"),
)
MORE = (
    Place("admin.subscribers", "Subscribers", "users", StaffRole.COMMS_LEAD),
    Place("admin.messages", "Captured messages", "inbox", StaffRole.COMMS_LEAD),
    Place("admin.health", "Health", "pulse", StaffRole.COMMS_LEAD),
    Place("admin.analytics", "Analytics", "chart"),
    Place("admin.drills", "Drills", "target"),
    Place("admin.policies", "Cadence policies", "clock"),
    Place("admin.on_call", "On call", "phone", StaffRole.ADMIN),
    Place("admin.staff", "Staff", "lock", StaffRole.ADMIN),
    Place("admin.api_keys", "API keys", "key", StaffRole.ADMIN),
    Place("admin.page_settings", "Page settings", "settings", StaffRole.ADMIN),
    Place("admin.journal", "Audit", "list", StaffRole.ADMIN),
)


def surroundings() -> dict[str, Any]:
    """What the panel's layout shows around every page."""
    around = {"page": site_page(), "me": None, "chase_by_link": chasing.by_link, "drill": playing.on_stage(site_page())}
    if not current_user.is_authenticated:
        return around
    real = pages.first() if site_page().is_stage else site_page()
    return around | {
        "me": auth.me(),
        "calls": standing.open_for(auth.me(), utcnow()),
        "may": lambda role: auth.has_role(StaffRole(role)),
        "main_places": [place for place in MAIN if auth.has_role(place.least)],
        "more_places": [place for place in MORE if auth.has_role(place.least)],
        "capturing": [channel.label for channel in channels().values() if not channel.is_live],
        "open_count": queries.count_open(real),
        "late_count": queries.count_late(real, utcnow()),
    }


panel.context_processor(surroundings)


@panel.before_request
def go_on_stage() -> None:
    """An address that names something of a drill is about the drill's stage, and all that it shows is."""
    public_id = (request.view_args or {}).get("public_id")
    if public_id and (found := stage.naming(request.path.split("/")[2], public_id)):
        turn_to(found)


@panel.after_request
def keep_private(response: Response) -> Response:
    """Nothing of the panel is kept by caches, indexed, or named to other sites."""
    response.headers["Cache-Control"] = "no-store"
    response.headers.add("Vary", "Cookie")
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


@panel.errorhandler(CandorError)
def candor_error(error: CandorError) -> ResponseReturnValue:
    """A rule said no: the sentence, inside the panel. Whatever was half done is undone first."""
    db.session.rollback()
    response = make_response(render_template("admin/error.html", code=error.http_status, sentence=str(error)))
    response.status_code = error.http_status
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


@panel.errorhandler(CSRFError)
def old_form(_error: CSRFError) -> ResponseReturnValue:
    """The form belongs to a session that has ended: nothing was done with it."""
    sentence = "This form is from an earlier sign-in, so nothing was done. Go back, copy your words, and reload it."
    kept = next(filter(None, map(request.form.get, ("body", "reason", "note"))), "")
    return render_template("admin/error.html", code=400, sentence=sentence, kept=kept), 400


@panel.errorhandler(403)
@panel.errorhandler(404)
def http_error(error: HTTPException) -> ResponseReturnValue:
    """What may not be done, and what is not there."""
    sentence = "There is nothing at this address." if error.code == 404 else "Your role does not allow this."
    return render_template("admin/error.html", code=error.code, sentence=sentence), error.code or 404
