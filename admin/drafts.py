"""Drafts from answers to reminders: one tap releases or discards them. Shown with the incident and on the dashboard."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from statuspage.cadence import shelf
from statuspage.clock import utcnow
from statuspage.errors import Conflict, Invalid
from statuspage.models import ReplyDraft
from statuspage.presenting import site_page
from statuspage.vocabulary import StaffRole

from . import composing, incidents
from .auth import actor, me, needs, require_publish
from .views import panel


@dataclass(frozen=True)
class Shown:
    """A draft as the person signed in sees it."""

    draft: ReplyDraft
    may_release: bool
    may_discard: bool


def shown(waiting: Iterable[ReplyDraft]) -> list[Shown]:
    """The drafts, and what the person signed in may do with each."""
    user = me()
    rights = [(each, shelf.may_release(user, each.incident)) for each in waiting]
    return [Shown(each, may, may or each.author_id == user.id) for each, may in rights]


@panel.post("/drafts/<public_id>/release")
@needs(StaffRole.VIEWER)
def release_draft(public_id: str) -> ResponseReturnValue:
    """The draft is published; where a rule says no, its words are in the composer, with what stands in the way."""
    draft = shelf.find(site_page(), public_id)
    incident = draft.incident
    if not shelf.may_release(me(), incident):
        require_publish(incident)
    seen = request.form.get("seen_sequence", "")
    try:
        shelf.release(draft, actor("panel"), utcnow(), int(seen) if seen.isdecimal() and len(seen) < 10 else None)
    except (Invalid, Conflict) as error:
        chosen = {name: str(draft.choices[name]) for name in shelf.CHOICES if name in draft.choices}
        typed = {**composing.start(incident, me()), **chosen, "body": draft.body}
        return incidents.show(incident, typed, error)
    flash("The draft is published.")
    return redirect(f"/admin/incidents/{incident.public_id}", 303)


@panel.post("/drafts/<public_id>/discard")
@needs(StaffRole.VIEWER)
def discard_draft(public_id: str) -> ResponseReturnValue:
    """The draft is not said; nothing changed in public."""
    draft = shelf.find(site_page(), public_id)
    if draft.author_id != me().id and not shelf.may_release(me(), draft.incident):
        require_publish(draft.incident)
    shelf.discard(draft, actor("panel"), utcnow())
    flash("The draft is discarded. Nothing changed in public.")
    return redirect(f"/admin/incidents/{draft.incident.public_id}", 303)
