"""Answering a reminder: the composer of one incident, opened by a signed link and without a session."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Response, make_response, redirect, render_template
from flask.typing import ResponseReturnValue

from statuspage import idempotency
from statuspage.cadence import replies, shelf
from statuspage.cadence.policies import interval_of
from statuspage.cadence.replies import Link, LinkState
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.errors import Conflict, Invalid, NotFound, TooMany
from statuspage.factors.proof import NotProven
from statuspage.models import IncidentUpdate, ReplyDraft
from statuspage.presenting import site_page, turn_to
from statuspage.vocabulary import ReplyVia

from . import composing, forms, gate as gates
from .composing import Composer
from .forms import Typed
from .gate import Gate
from .htmx import wants_fragment
from .views import panel

PAGE = "admin/compose.html"
MOST_DRAFTS = 3
SOON = timedelta(minutes=30)


@panel.get("/compose/<token>")
def compose(token: str) -> ResponseReturnValue:
    """The composer, already filled; opening it changes nothing and uses nothing up."""
    now = utcnow()
    link = _opened(token, now)
    if link is None or link.state is not LinkState.OPEN:
        return _over(link)
    return _page(_composer(link, token, _filled(link)), gates.gate_of(link, now))


@panel.post("/compose/<token>")
def reply(token: str) -> ResponseReturnValue:
    """The person reminded has spoken, or kept a draft; what cannot be published comes back with its words."""
    now, typed = utcnow(), forms.typed()
    link = _opened(token, now)
    if link is None or link.state is not LinkState.OPEN:
        is_again = link is not None and _is_second_tap(link, typed)
        return _private(redirect(f"/admin/compose/{token}", 303)) if is_again else _over(link, typed)
    if typed.get("all_green"):
        typed = forms.all_green(link.incident, typed)
    composer, gate = _composer(link, token, typed), gates.gate_of(link, now)
    if typed.get("keep"):
        return _keep(composer, gate, now)
    return _publish(composer, gate, now)


@panel.post("/compose/<token>/preview")
def preview_reply(token: str) -> ResponseReturnValue:
    """What publishing would do: a fragment while typing, the whole form by button."""
    now, typed = utcnow(), forms.typed()
    link = _opened(token, now)
    if link is None or link.state is not LinkState.OPEN:
        # A preview that was on its way while the words were published has nothing left to show.
        return _private(("", 204)) if wants_fragment() else _over(link, typed)
    if chosen := _waits(link, typed.get("take", "")):
        typed = _taken_up(chosen, typed)
    composer = _composer(link, token, typed)
    if wants_fragment():
        return _private(render_template("admin/_live.html", composer=composer))
    return _page(composer, gates.gate_of(link, now))


def _publish(composer: Composer, gate: Gate, now: datetime) -> ResponseReturnValue:
    typed = composer.typed
    try:
        draft = forms.read_update(site_page(), gate.link.incident, typed, may_publish=True)
        gates.pass_through(gate, typed, now)
        replies.reply(gate.link, draft, now, typed.get("key", ""), _waits(gate.link, typed.get("taken", "")))
    except (NotProven, TooMany) as error:
        db.session.rollback()
        return _page(composer, gate, error.http_status, proof_problem=str(error))
    except (Invalid, Conflict) as error:
        values = _around(gate.link, gates.gate_of(gate.link, now))
        response = _private(composing.refused(error, composer, PAGE, **values))
    else:
        response = _private(redirect(composer.action, 303))
    gates.remember(response, gate, typed, now)
    return response


def _keep(composer: Composer, gate: Gate, now: datetime) -> ResponseReturnValue:
    """The words wait for somebody who may publish them; the link stays as it is."""
    typed, link = composer.typed, gate.link
    try:
        said = forms.read_update(site_page(), link.incident, typed, may_publish=True)
        states = {each.public_id: value for each, value in forms.states(site_page(), typed).items() if value}
        choices = {name: typed[name] for name in shelf.CHOICES if typed.get(name)} | {"components": states}
        if said.status is link.incident.status:
            choices.pop("status", None)  # the same status, whichever that is by then
        source = typed.get("key") or forms.new_key()
        shelf.save(link.incident, link.person, ReplyVia.LINK, said.body, now, source, choices)
    except (Invalid, Conflict) as error:
        return _private(composing.refused(error, composer, PAGE, **_around(link, gate)))
    return _private(render_template("admin/compose_kept.html", link=link, incident=link.incident, body=said.body))


def _is_second_tap(link: Link, typed: Typed) -> bool:
    """Whether this very form has published already."""
    key = shelf.key_of(link.draft) if link.draft else typed.get("key", "")
    return link.state is LinkState.USED and idempotency.result(key, IncidentUpdate) is not None


def _filled(link: Link) -> Typed:
    """Words that one tap publishes: those of the draft, else that nothing is new, and the next update soon."""
    incident = link.incident
    typed = composing.start(incident, link.person)
    if link.draft is not None:
        return _taken_up(link.draft, typed)
    soon = "policy" if interval_of(incident) <= SOON else "30m"
    suggestions = _composer(link, "", typed).suggestions
    return {**typed, "promise": soon, "body": suggestions.get(incident.status.value, "")}


def _taken_up(draft: ReplyDraft, typed: Typed) -> dict[str, str]:
    """The form with a draft's words and choices in it."""
    states = {f"component-{public_id}": state for public_id, state in draft.choices.get("components", {}).items()}
    chosen = {name: str(draft.choices[name]) for name in shelf.CHOICES if name in draft.choices}
    return {**typed, **chosen, **states, "body": draft.body, "taken": draft.public_id}


def _waits(link: Link, public_id: str) -> ReplyDraft | None:
    """The draft with this id, while it waits with the link's incident."""
    return next((each for each in shelf.waiting(link.incident) if each.public_id == public_id), None)


def _composer(link: Link, token: str, typed: Typed) -> Composer:
    return Composer(
        page=site_page(),
        incident=link.incident,
        user=link.person,
        now=utcnow(),
        typed={**typed, "audience": "public"},
        may_publish=True,
        action=f"/admin/compose/{token}",
        preview_url=f"/admin/compose/{token}/preview",
    )


def _page(composer: Composer, gate: Gate, status: int = 200, **values: Any) -> Response:
    return _private(composing.page(composer, PAGE, status, **_around(gate.link, gate), **values))


def _around(link: Link, gate: Gate) -> dict[str, Any]:
    """What stands around the form: who else has left words, and what is asked before publishing."""
    drafts = [each for each in shelf.waiting(link.incident) if each is not link.draft][:MOST_DRAFTS]
    return {"gate": gate, "ways": gate.ways, "drafts": drafts, "link": link}


def _opened(token: str, now: datetime) -> Link | None:
    try:
        link = replies.open_link(token, now)
    except NotFound:
        return None
    turn_to(link.incident.page)
    return link


def _over(link: Link | None, typed: Mapping[str, str] | None = None) -> Response:
    """Why the link does nothing any more, what happened since, and the words that were on their way."""
    db.session.rollback()
    body = (typed or {}).get("body", "")
    incident = link.incident if link else None
    response = make_response(render_template("admin/compose_over.html", link=link, incident=incident, body=body))
    refused = NotFound.http_status if link is None else Conflict.http_status
    response.status_code = refused if body or link is None else 200
    return _private(response)


def _private(answer: ResponseReturnValue) -> Response:
    """The address is a secret: it is told to nobody."""
    response: Response = make_response(answer)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
