"""Words on their way: let them go now, stop them, go on, take them back."""

from collections.abc import Callable
from datetime import datetime

from flask import redirect, render_template
from flask.typing import ResponseReturnValue

from statuspage import announcing, staff
from statuspage.audit import Actor
from statuspage.clock import utcnow
from statuspage.models import Announcement
from statuspage.presenting import site_page
from statuspage.vocabulary import StaffRole

from . import standings
from .auth import actor, me, needs, require_publish
from .htmx import wants_fragment
from .views import panel

Verb = Callable[[Announcement, Actor, datetime], None]


@panel.post("/announcements/<public_id>/send-now")
@needs(StaffRole.RESPONDER)
def send_now(public_id: str) -> ResponseReturnValue:
    """The hold ends."""
    return _do(announcing.send_now, public_id)


@panel.post("/announcements/<public_id>/stop")
@needs(StaffRole.RESPONDER)
def stop(public_id: str) -> ResponseReturnValue:
    """Nothing more leaves."""
    return _do(announcing.stop, public_id)


@panel.post("/announcements/<public_id>/go-on")
@needs(StaffRole.RESPONDER)
def go_on(public_id: str) -> ResponseReturnValue:
    """It leaves after all."""
    return _do(announcing.go_on, public_id)


@panel.post("/announcements/<public_id>/withdraw")
@needs(StaffRole.RESPONDER)
def withdraw(public_id: str) -> ResponseReturnValue:
    """Whoever was not told never will be."""
    return _do(announcing.withdraw, public_id)


@panel.app_template_global()
def may_steer(announcement: Announcement) -> bool:
    """Whether the person signed in may stop these words: whoever may publish them."""
    return staff.may_publish(me(), announcement.incident)


def _do(verb: Verb, public_id: str) -> ResponseReturnValue:
    found = announcing.find(site_page(), public_id)
    require_publish(found.incident)
    verb(found, actor(), utcnow())
    if wants_fragment():
        return render_template("admin/_progress.html", standing=standings.standing(found, utcnow()))
    return redirect(f"/admin/announcements/{public_id}", 303)
