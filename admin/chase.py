"""The chase, in one tap each: acknowledge, snooze, hand over, take over. From the panel, or by a reminder's link.

By the link these ask for nothing more: they publish nothing. They happen by POST alone, so that whatever opens the
link to look at it changes nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Response, abort, flash, make_response, redirect
from flask.typing import ResponseReturnValue

from statuspage import publishing, staff
from statuspage.audit import Actor
from statuspage.cadence import handing, pauses, replies, standing
from statuspage.cadence.replies import LinkState
from statuspage.clock import near_text, parse_span, utcnow
from statuspage.db import db
from statuspage.errors import CandorError, Conflict, Invalid
from statuspage.models import Incident, StaffUser
from statuspage.presenting import site_page
from statuspage.vocabulary import IncidentRole, StaffRole

from . import forms
from .auth import actor, me, needs
from .forms import Typed
from .views import panel

SHORT = timedelta(minutes=10)
BACK = {"board": "/admin/", "incident": ""}

Act = Callable[[Incident, StaffUser, Typed, Actor, datetime], str]


@panel.post("/incidents/<public_id>/chase/<act>")
@needs(StaffRole.RESPONDER)
def chase(public_id: str, act: str) -> ResponseReturnValue:
    """Somebody in the panel has it, puts it off, or changes who speaks."""
    incident, typed = publishing.find_incident(site_page(), public_id), forms.typed()
    may_speak = staff.may_publish(me(), incident) or standing.is_chased(me(), incident)
    if act in ("hand-over", "take-over") and not may_speak:
        abort(403)
    _do(act, incident, me(), typed, actor())
    return redirect(BACK.get(typed.get("back", ""), "") or f"/admin/incidents/{public_id}", 303)


@panel.post("/compose/<token>/chase/<act>")
def chase_by_link(token: str, act: str) -> ResponseReturnValue:
    """Whoever holds a reminder's link has it, puts it off, or changes who speaks."""
    link = replies.open_link(token, utcnow())
    if link.state is LinkState.OPEN and link.actor.user is not None:
        _do(act, link.incident, link.actor.user, forms.typed(), link.actor)
    response: Response = make_response(redirect(f"/admin/compose/{token}", 303))
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _do(act: str, incident: Incident, user: StaffUser, typed: Typed, by: Actor) -> None:
    """What was asked for is done, and what came of it is said; a rule that says no is said instead."""
    if (done := ACTS.get(act)) is None:
        abort(404)
    try:
        flash(done(incident, user, typed, by, utcnow()))
    except (Invalid, Conflict) as error:
        db.session.rollback()
        flash(str(error), "degraded")


def _acknowledge(incident: Incident, user: StaffUser, _typed: Typed, by: Actor, now: datetime) -> str:
    pause = pauses.acknowledge(incident, user, by, now)
    return f"You have it. Nobody else is chased before {near_text(pause.until, incident.page.time_zone, now)}."


def _snooze(incident: Incident, user: StaffUser, typed: Typed, by: Actor, now: datetime) -> str:
    reason = typed.get("reason", "").strip() or typed.get("because", "")
    try:
        span = parse_span(typed["span"]) if typed.get("span", "").strip() else SHORT
    except ValueError as error:
        raise Invalid({"span": str(error)}) from error
    pause = pauses.snooze(incident, user, reason, span, by, now)
    return f"Snoozed until {near_text(pause.until, incident.page.time_zone, now)}."


def _hand_over(incident: Incident, user: StaffUser, typed: Typed, by: Actor, now: datetime) -> str:
    chosen = typed.get("to", "")
    if not chosen:
        raise Invalid({"to": "Choose who takes it."})
    try:
        colleague = staff.find(chosen)
    except CandorError as error:
        raise Invalid({"to": "There is no such colleague. Choose another."}) from error
    if not handing.hand_over(incident, colleague, by, now):
        return f"{colleague.display_name} has it already."
    return f"Handed over. {colleague.display_name} has been told." if colleague.id != user.id else "You have it now."


def _take_over(incident: Incident, _user: StaffUser, typed: Typed, by: Actor, now: datetime) -> str:
    wanted = typed.get("role", "") or IncidentRole.COMMUNICATIONS_LEAD.value
    if wanted not in set(IncidentRole):
        raise Invalid({"role": "Choose a role that there is."})
    role = IncidentRole(wanted)
    handing.take_over(incident, by, now, role)
    return f"You are {role.label.lower()} now."


ACTS: dict[str, Act] = {
    "acknowledge": _acknowledge,
    "snooze": _snooze,
    "hand-over": _hand_over,
    "take-over": _take_over,
}
