"""Signing up and confirming, as forms that work without script.

What a stranger sees never depends on whether an address is known. Opening a link changes nothing: mail
scanners open links; only a press of the button does.
"""

from flask import Blueprint, Response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from .. import limits, subscriptions
from ..channels import clean_address, field_of, label_of, proof_of
from ..clock import utcnow
from ..errors import Invalid
from ..models import Subscriber
from ..presenting import context, site_page
from ..tokens import Purpose
from ..visibility import PUBLIC
from ..vocabulary import SubscriberState
from . import presenters
from .own import manage_url, next_step, private, subscriber_of, view_of
from .signing_up import (
    HOUR,
    consent_proof,
    network_fingerprint,
    offered_here,
    read,
    require_country,
    require_within_limits,
)

forms = Blueprint("subscribe", __name__)

GUESSES_PER_NETWORK = 30


@forms.get("/subscribe")
def form() -> str:
    """The sign-up form."""
    return _form(MultiDict(request.args), {})


@forms.post("/subscribe")
def sign_up() -> ResponseReturnValue:
    """A wish to be told; the owner of the address is asked to confirm."""
    if request.form.get("website"):
        return redirect("/subscribe/check", 303)  # a trap that people do not see was filled in
    now, page = utcnow(), site_page()
    try:
        channel, address, contact, wishes = read(request.form)
        require_country(channel, address)
        require_within_limits(channel, address, contact)
    except Invalid as error:
        return _form(request.form, error.problems), 422
    proof, network = consent_proof(), network_fingerprint()
    subscriptions.sign_up(page, channel, address, wishes, proof, network, now, contact)
    return next_step(channel, address)


@forms.get("/subscribe/check")
def check() -> str:
    """The same answer for every address."""
    return render_template("public/subscribe_check.html", proof=proof_of(request.args.get("by", "")), **context())


@forms.get("/subscribe/confirm/<token>")
def confirm_form(token: str) -> Response:
    """Shows what is about to be confirmed."""
    subscriber = subscriber_of(Purpose.CONFIRM, token)
    if subscriber.state is SubscriberState.CONFIRMED:
        return _confirmed(subscriber, told_of=0)
    return private("public/confirm.html", subscription=view_of(subscriber))


@forms.post("/subscribe/confirm/<token>")
def confirm(token: str) -> Response:
    """The owner of the address says yes."""
    subscriber = subscriber_of(Purpose.CONFIRM, token)
    subscriptions.confirm(subscriber, utcnow())
    return _confirmed(subscriber, told_of=len(subscriptions.current_states(subscriber)))


@forms.get("/subscribe/code")
def code_form() -> Response:
    """Where the digits go that we sent to a phone or posted to a chat."""
    awaited = session.get("awaited", {})
    channel = awaited.get("channel", "sms")
    return _code_form(channel, {field_of(channel).name: awaited.get("address", "")}, {})


@forms.post("/subscribe/code")
def confirm_code() -> Response:
    """The owner of the number or chat says yes."""
    channel = request.form.get("channel", "sms")
    if proof_of(channel) != "code":
        raise Invalid({"channel": "Addresses of this kind are confirmed in another way."})
    name = field_of(channel).name
    typed = {each: request.form.get(each, "").strip() for each in (name, "code")}
    network = limits.network_of(request.remote_addr or "")
    limits.require(f"code:{network}", GUESSES_PER_NETWORK, HOUR, utcnow(), "Too many codes were tried. Wait an hour.")
    try:
        address = clean_address(channel, typed[name], name)
        code = "".join(typed["code"].split())
        subscriber = subscriptions.confirm_by_code(site_page(), channel, address, code, utcnow())
    except Invalid as error:
        response = _code_form(channel, typed, error.problems)
        response.status_code = 422
        return response
    session.pop("awaited", None)
    return _confirmed(subscriber, told_of=len(subscriptions.current_states(subscriber)))


def _form(typed: MultiDict[str, str], problems: dict[str, str]) -> str:
    page = site_page()
    return render_template(
        "public/subscribe.html",
        **context(
            typed=typed,
            problems=problems,
            ways=[(kind, label_of(kind), field) for kind, field in offered_here().items()],
            groups=presenters.groups(page, PUBLIC),
        ),
    )


def _code_form(channel: str, typed: dict[str, str], problems: dict[str, str]) -> Response:
    field = field_of(channel)
    return private("public/subscribe_code.html", channel=channel, field=field, typed=typed, problems=problems)


def _confirmed(subscriber: Subscriber, told_of: int) -> Response:
    """Thanks, and word of the open incidents whose state is on its way."""
    return private(
        "public/confirmed.html",
        subscription=view_of(subscriber),
        manage_url=manage_url(subscriber),
        open_incidents=told_of,
    )
