"""Saying something about an incident there is: update, reopen, correct."""

import re
from collections.abc import Mapping

from flask import flash, redirect, render_template
from flask.typing import ResponseReturnValue

from statuspage import announcing, publishing, urls
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import Reader
from statuspage.errors import Conflict, Invalid
from statuspage.models import IncidentUpdate
from statuspage.presenting import site_page
from statuspage.vocabulary import Audience, StaffRole

from . import forms, incidents
from .auth import actor, me, needs, require_publish
from .htmx import wants_fragment
from .views import panel


@panel.post("/incidents/<public_id>/updates")
@needs(StaffRole.RESPONDER)
def post_update(public_id: str) -> ResponseReturnValue:
    """The words are published, or kept inside as a note; the form comes back if they cannot be."""
    incident = publishing.find_incident(site_page(), public_id)
    typed = forms.typed()
    if typed.get("all_green"):
        typed = forms.all_green(incident, typed)
    may_publish = incidents.updating(incident, typed).may_publish
    verb = publishing.reopen if typed.get("reopen") else publishing.post_update
    try:
        draft = forms.read_update(site_page(), incident, typed, may_publish)
        made = verb(incident, draft, actor(), utcnow(), typed.get("key", ""))
    except (Invalid, Conflict) as error:
        return incidents.show(incident, typed, error)
    flash(_done(made))
    return redirect(f"/admin/incidents/{public_id}", 303)


@panel.post("/incidents/<public_id>/preview")
@needs(StaffRole.RESPONDER)
def preview_update(public_id: str) -> ResponseReturnValue:
    """What publishing would do: a fragment while typing, the whole form by button."""
    incident = publishing.find_incident(site_page(), public_id)
    if wants_fragment():
        return render_template("admin/_live.html", composer=incidents.updating(incident, forms.typed()))
    return incidents.show(incident, forms.typed())


@panel.get("/updates/<public_id>/edit")
@needs(StaffRole.RESPONDER)
def edit_update(public_id: str) -> str:
    """The words of one update, ready to be corrected."""
    update = _update(public_id)
    return _editor(update, {"body": update.body, "tell": "yes"})


@panel.post("/updates/<public_id>/edit")
@needs(StaffRole.RESPONDER)
def correct_update(public_id: str) -> ResponseReturnValue:
    """The update has better words; the old ones are kept."""
    update, typed = _update(public_id), forms.typed()
    try:
        reader = Reader(typed)
        body = reader.block("body", "An update cannot be empty. Correct its words, or leave them.")
        reader.check()
        seen = typed.get("seen_revisions", "")
        version = int(seen) if re.fullmatch("[0-9]{1,6}", seen) else None
        tells = typed.get("tell") == "yes"
        publishing.correct(update, body, actor(), utcnow(), version, tells=tells)
    except Invalid as error:
        return _editor(update, typed, error.problems), error.http_status
    except Conflict as error:
        db.session.rollback()
        return _editor(update, typed, {"body": f"{error} Theirs: “{update.body}”"}), error.http_status
    told = " Those who got the earlier words are being told." if tells else ""
    flash(f"Corrected. The page shows that it was edited, with the earlier words one click away.{told}")
    return redirect(f"/admin/incidents/{update.incident.public_id}", 303)


def _editor(update: IncidentUpdate, typed: Mapping[str, str], problems: Mapping[str, str] | None = None) -> str:
    told = announcing.count_told(update)
    return render_template("admin/update_edit.html", update=update, typed=typed, problems=problems or {}, told=told)


def _update(public_id: str) -> IncidentUpdate:
    """The update, if the person signed in may change it: who may publish, or who wrote the note."""
    update = publishing.find_update(site_page(), public_id)
    is_own_note = update.audience is Audience.INTERNAL and update.author_id == me().id
    if not is_own_note:
        require_publish(update.incident)
    return update


def _done(update: IncidentUpdate) -> str:
    if update.audience is Audience.INTERNAL:
        return "The note is kept. Nothing changed in public."
    if update.incident.page.is_stage:
        return "Published in the drill. Its participants are being told, and nobody else."
    if not update.is_notified:
        return "Published on the page. Nobody was told."
    seconds = int(urls.settings().hold_seconds)
    return f"Published. Messages leave in {seconds} seconds." if seconds else "Published. Subscribers are being told."
