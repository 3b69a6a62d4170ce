"""Answering a reminder: the composer of one incident, opened by a signed link and without a session."""

from flask import Response, make_response, redirect, render_template
from flask.typing import ResponseReturnValue

from statuspage.cadence import replies
from statuspage.cadence.replies import Link, LinkState
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.errors import Conflict, Invalid
from statuspage.presenting import site_page

from . import composing, forms
from .composing import Composer
from .forms import Typed
from .htmx import wants_fragment
from .views import panel


@panel.get("/compose/<token>")
def compose(token: str) -> ResponseReturnValue:
    """The composer, already filled; opening it changes nothing and uses nothing up."""
    link = replies.open_link(token, utcnow())
    if link.state is not LinkState.OPEN:
        return _no_longer(link)
    return _private(composing.page(_composer(link, token, _filled(link)), "admin/compose.html"))


@panel.post("/compose/<token>")
def reply(token: str) -> ResponseReturnValue:
    """The person reminded has spoken; what cannot be published comes back with its words."""
    now, typed = utcnow(), forms.typed()
    link = replies.open_link(token, now)
    incident = link.reminder.incident
    if typed.get("all_green"):
        typed = forms.all_green(incident, typed)
    if link.state is LinkState.USED:
        return _private(redirect(f"/admin/compose/{token}", 303))
    if link.state is not LinkState.OPEN:
        return _no_longer(link, typed.get("body", ""))
    try:
        draft = forms.read_update(site_page(), incident, {**typed, "audience": "public"}, may_publish=True)
        replies.reply(link, draft, now, typed.get("key", ""))
    except (Invalid, Conflict) as error:
        return _private(composing.refused(error, _composer(link, token, typed), "admin/compose.html"))
    return _private(redirect(f"/admin/compose/{token}", 303))


@panel.post("/compose/<token>/preview")
def preview_reply(token: str) -> ResponseReturnValue:
    """What publishing would do: a fragment while typing, the whole form by button."""
    link = replies.open_link(token, utcnow())
    if link.state is not LinkState.OPEN:
        return _no_longer(link, forms.typed().get("body", ""))
    composer = _composer(link, token, forms.typed())
    if wants_fragment():
        return _private(render_template("admin/_live.html", composer=composer))
    return _private(composing.page(composer, "admin/compose.html"))


def _filled(link: Link) -> Typed:
    """Same status, and words for "nothing new" that one tap publishes."""
    incident, user = link.reminder.incident, link.reminder.staff_user
    typed = composing.start(incident, user)
    suggestions = _composer(link, "", typed).suggestions
    return {**typed, "body": suggestions.get(incident.status.value, "")}


def _composer(link: Link, token: str, typed: Typed) -> Composer:
    return Composer(
        page=site_page(),
        incident=link.reminder.incident,
        user=link.reminder.staff_user,
        now=utcnow(),
        typed={**typed, "audience": "public"},
        may_publish=True,
        action=f"/admin/compose/{token}",
        preview_url=f"/admin/compose/{token}/preview",
        is_reply=True,
    )


def _no_longer(link: Link, body: str = "") -> ResponseReturnValue:
    """Why the link does nothing any more, what happened since, and the words that were on their way."""
    db.session.rollback()
    html = render_template("admin/compose_over.html", link=link, incident=link.reminder.incident, body=body)
    response = make_response(html)
    response.status_code = Conflict.http_status if body else 200
    return _private(response)


def _private(answer: ResponseReturnValue) -> Response:
    """The address is a secret: it is told to nobody."""
    response: Response = make_response(answer)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
