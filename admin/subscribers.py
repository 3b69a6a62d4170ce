"""Subscribers: who hears from us, and what is done in their name."""

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from statuspage import components, pseudonyms, subscriptions, text
from statuspage.channels import clean_address, field_of, label_of, sign_up_fields
from statuspage.clock import utcnow
from statuspage.drafts import Reader
from statuspage.errors import Invalid, NotFound
from statuspage.models import Subscriber
from statuspage.presenting import site_page
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import EventLevel, StaffRole, SubscriberState

from . import forms, masking, queries
from .auth import actor, needs
from .htmx import wants_fragment
from .views import panel


@panel.get("/subscribers")
@needs(StaffRole.COMMS_LEAD)
def subscribers() -> str:
    """How many there are, and those searched for; the list alone while somebody types."""
    search, channel, state = (request.args.get(name, "") for name in ("q", "channel", "state"))
    wanted = SubscriberState(state) if state in set(SubscriberState) else None
    search = text.one_line(search)[:100]
    found = queries.subscribers(site_page(), search, wanted, channel, forms.continued_from())
    values = {"found": found, "search": search, "channel": channel, "state": state, "shown": masking.shown}
    if wants_fragment():
        return render_template("admin/_subscribers.html", **values)
    return render_template(
        "admin/subscribers.html",
        counts=queries.subscriber_counts(site_page()),
        channel_options=_channel_options(),
        state_options=[(each.value, each.label) for each in SubscriberState],
        **values,
    )


@panel.get("/subscribers/new")
@needs(StaffRole.COMMS_LEAD)
def new_subscriber() -> str:
    """An empty form."""
    return _form({"channel": "email", "level": EventLevel.EVERY_UPDATE.value}, [], {})


@panel.post("/subscribers")
@needs(StaffRole.COMMS_LEAD)
def add_subscriber() -> ResponseReturnValue:
    """The address is confirmed because somebody attests its owner's consent, and that is on record."""
    typed, chosen = forms.typed(), request.form.getlist("components")
    reader = Reader(typed)
    evidence = reader.line("evidence", "Say how you know that they want this, for example “contract of 3 May”.", 200)
    level = reader.word("level", EventLevel, EventLevel.EVERY_UPDATE)
    channel, address, contact = typed.get("channel", ""), "", ""
    try:
        field_of(channel)
        address = clean_address(channel, typed.get("address", ""))
    except Invalid as error:
        reader.problems |= error.problems
    try:
        contact = clean_address("email", typed["contact"], "contact") if typed.get("contact", "").strip() else ""
    except Invalid as error:
        reader.problems |= error.problems
    if any(reader.problems.values()):
        return _form(typed, chosen, reader.problems), Invalid.http_status
    wanted = tuple(each for each in components.listed(site_page()) if each.public_id in chosen)
    wishes, now = Wishes(wanted, level), utcnow()
    subscriptions.add_attested(site_page(), channel, address, wishes, actor(), evidence, now, contact)
    flash("Added. They hear from us from the next update on.")
    return redirect("/admin/subscribers", 303)


@panel.get("/subscribers/<public_id>")
@needs(StaffRole.COMMS_LEAD)
def subscriber(public_id: str) -> str:
    """One subscriber: what they want, and how we know."""
    return render_template("admin/subscriber.html", subscriber=_find(public_id), shown=masking.shown)


@panel.post("/subscribers/<public_id>/unsubscribe")
@needs(StaffRole.COMMS_LEAD)
def unsubscribe(public_id: str) -> ResponseReturnValue:
    """Nothing more is sent to this address."""
    subscriptions.unsubscribe(_find(public_id), "by a colleague", actor(), utcnow())
    flash("Unsubscribed. Nothing more is sent to this address.")
    return redirect(f"/admin/subscribers/{public_id}", 303)


@panel.post("/subscribers/<public_id>/erase")
@needs(StaffRole.COMMS_LEAD)
def erase_subscriber(public_id: str) -> ResponseReturnValue:
    """The address is gone; what it was told stays in the ledger under a pseudonym."""
    pseudonyms.erase(_find(public_id), actor(), utcnow())
    flash("Erased. The address is gone, and nothing more is sent to it.")
    return redirect(f"/admin/subscribers/{public_id}", 303)


@panel.post("/subscribers/<public_id>/lift-quarantine")
@needs(StaffRole.COMMS_LEAD)
def lift_quarantine(public_id: str) -> ResponseReturnValue:
    """The address is written to again."""
    subscriptions.lift_quarantine(_find(public_id), actor(), utcnow())
    flash("The quarantine is lifted.")
    return redirect(f"/admin/subscribers/{public_id}", 303)


def _find(public_id: str) -> Subscriber:
    found = subscriptions.find_by_id(public_id)
    if found.page_id != site_page().id:
        raise NotFound("There is no such subscriber.")
    return found


def _channel_options() -> list[tuple[str, str]]:
    return [(kind, label_of(kind)) for kind in sign_up_fields()]


def _form(typed: forms.Typed, chosen: list[str], problems: dict[str, str]) -> str:
    return render_template(
        "admin/subscriber_new.html",
        typed=typed,
        chosen=chosen,
        problems=problems,
        channel_options=_channel_options(),
        level_options=[(level.value, level.label) for level in EventLevel],
        components=components.listed(site_page()),
    )
