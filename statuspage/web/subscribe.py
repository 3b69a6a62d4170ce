"""Signing up, confirming, changing and leaving, as forms that work without script.

What a stranger sees never depends on whether an address is known. Opening a link changes nothing: mail
scanners open links; only a press of the button does.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import validate_csrf
from werkzeug.datastructures import MultiDict
from wtforms import ValidationError

from notifiers import Field

from .. import limits, pseudonyms, subscriptions, urls
from ..audit import SUBSCRIBER
from ..channels import (
    clean_address,
    country_of,
    field_of,
    is_signed,
    label_of,
    proof_of,
    shown_address,
    sign_up_fields,
)
from ..clock import utcnow
from ..errors import Conflict, Invalid, NotFound
from ..models import Component, Subscriber
from ..presenting import context, site_page
from ..subscriptions import Wishes
from ..tokens import Purpose, signer
from ..visibility import PUBLIC, may_see
from ..vocabulary import EventLevel, SubscriberState
from . import presenters

forms = Blueprint("subscribe", __name__)

PER_NETWORK, PER_PREFIX, PER_CONTACT, PER_DAY = 10, 3, 3, 5000
PROOFS_PER_SUBSCRIBER = 5
GUESSES_PER_NETWORK = 30
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class SubscriptionView:
    """A subscription in the words of its owner."""

    channel: str
    label: str
    address: str
    contact: str
    components: list[Component]
    level: EventLevel


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
        channel, address, contact, wishes = _read(request.form)
        _require_country(channel, address)
        require_within_limits(channel, address, contact)
    except Invalid as error:
        return _form(request.form, error.problems), 422
    proof, network = _consent_proof(), _network_fingerprint()
    subscriptions.sign_up(page, channel, address, wishes, proof, network, now, contact)
    return _next_step(channel, address)


@forms.get("/subscribe/check")
def check() -> str:
    """The same answer for every address."""
    return render_template("public/subscribe_check.html", proof=proof_of(request.args.get("by", "")), **context())


@forms.get("/subscribe/confirm/<token>")
def confirm_form(token: str) -> Response:
    """Shows what is about to be confirmed."""
    subscriber = _subscriber(Purpose.CONFIRM, token)
    if subscriber.state is SubscriberState.CONFIRMED:
        return _confirmed(subscriber, told_of=0)
    return _private("public/confirm.html", subscription=_view(subscriber))


@forms.post("/subscribe/confirm/<token>")
def confirm(token: str) -> Response:
    """The owner of the address says yes."""
    subscriber = _subscriber(Purpose.CONFIRM, token)
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


@forms.get("/manage/<token>")
def manage_form(token: str) -> Response:
    """What a subscriber gets, ready to be changed."""
    return _manage(_subscriber(Purpose.MANAGE, token), {}, is_saved=request.args.get("saved") == "yes")


@forms.post("/manage/<token>")
def manage(token: str) -> ResponseReturnValue:
    """The subscriber gets what was chosen from the next message on."""
    subscriber = _subscriber(Purpose.MANAGE, token)
    try:
        wishes = _wishes(request.form, request.form.get("level", ""))
        subscriptions.change(subscriber, wishes, utcnow())
    except Invalid as error:
        response = _manage(subscriber, error.problems, typed=request.form)
        response.status_code = 422
        return response
    return redirect(f"/manage/{token}?saved=yes", 303)


@forms.post("/manage/<token>/erase")
def erase(token: str) -> Response:
    """The owner of the address wants to be forgotten, and is."""
    pseudonyms.erase(_subscriber(Purpose.MANAGE, token), SUBSCRIBER, utcnow())
    return _private("public/erased.html")


@forms.post("/manage/<token>/secret")
def rotate_secret(token: str) -> ResponseReturnValue:
    """Messages are signed with a new secret, and for a day with the old one too."""
    subscriber = _subscriber(Purpose.MANAGE, token)
    subscriptions.rotate_secret(subscriber, SUBSCRIBER, utcnow())
    return redirect(f"/manage/{token}#secret", 303)


@forms.post("/manage/<token>/prove")
def prove_again(token: str) -> ResponseReturnValue:
    """An address we stopped writing to is asked once more."""
    subscriber, now = _subscriber(Purpose.MANAGE, token), utcnow()
    sentence = "It was asked often enough for now. Wait an hour, then try again."
    limits.require(f"prove:{subscriber.public_id}", PROOFS_PER_SUBSCRIBER, HOUR, now, sentence)
    subscriptions.prove_again(subscriber, now)
    return _next_step(subscriber.channel, subscriber.address)


@forms.get("/unsubscribe/<token>")
def unsubscribe_form(token: str) -> Response:
    """Asks once more; nothing has changed yet."""
    subscriber = _subscriber(Purpose.UNSUBSCRIBE, token)
    if subscriber.state is SubscriberState.UNSUBSCRIBED:
        return _private("public/unsubscribed.html", undo_url="/subscribe")
    return _private("public/unsubscribe.html", subscription=_view(subscriber), manage_url=_manage_url(subscriber))


@forms.post("/unsubscribe/<token>")
def unsubscribe(token: str) -> Response:
    """Ends the subscription: by the button, or by a mail program's one click (RFC 8058)."""
    subscriber = _subscriber(Purpose.UNSUBSCRIBE, token)
    is_one_click = request.form.get("List-Unsubscribe") == "One-Click"
    if not is_one_click:
        _require_form_token()
    subscriptions.unsubscribe(subscriber, "one click" if is_one_click else "unsubscribe link", SUBSCRIBER, utcnow())
    if is_one_click:
        return Response("You are unsubscribed.\n", mimetype="text/plain")
    return _private("public/unsubscribed.html", undo_url="/subscribe")


def _next_step(channel: str, address: str) -> ResponseReturnValue:
    """Where the owner of the address goes on; the same whether it is known or not."""
    if proof_of(channel) == "code":
        session["awaited"] = {"channel": channel, "address": address}
        return redirect("/subscribe/code", 303)
    return redirect("/subscribe/check" if channel == "email" else f"/subscribe/check?by={channel}", 303)


def _offered() -> dict[str, Field]:
    """The channels on which strangers may sign up here."""
    return {kind: field for kind, field in sign_up_fields().items() if kind in site_page().public_channels}


def _read(typed: MultiDict[str, str]) -> tuple[str, str, str, Wishes]:
    """Channel, cleaned address, contact and wishes from the form; raises Invalid with every problem at once."""
    problems: dict[str, str] = {}
    offered = _offered()
    channel = typed.get("channel") or next(iter(offered), "")
    if channel not in offered:
        raise Invalid({"channel": "Choose one of the channels offered."})
    field = offered[channel]
    address, contact, wishes = "", "", Wishes()
    try:
        address = clean_address(channel, typed.get(field.name, ""), field.name)
    except Invalid as error:
        problems |= error.problems
    try:
        contact = _contact(typed, channel) if field.needs_contact else ""
    except Invalid as error:
        problems |= error.problems
    try:
        default = "key_moments" if field.rings else "every_update"
        wishes = _wishes(typed, typed.get(f"{channel}_level") or typed.get("level") or default)
    except Invalid as error:
        problems |= error.problems
    if typed.get("consent") != "yes":
        problems["consent"] = "Tick the box, so that we may write to you."
    if problems:
        raise Invalid(problems)
    return channel, address, contact, wishes


def _contact(typed: MultiDict[str, str], channel: str) -> str:
    name = f"{channel}_contact"
    return clean_address("email", typed.get(name, ""), name)


def _wishes(typed: MultiDict[str, str], level: str) -> Wishes:
    problems: dict[str, str] = {}
    chosen = set(typed.getlist("components"))
    offered = {component.public_id: component for component in presenters.listed_components(site_page(), PUBLIC)}
    is_whole_page = typed.get("scope") == "page" or (not typed.get("scope") and not chosen)
    if chosen - offered.keys():
        problems["components"] = "One of these components does not exist here. Reload the page and choose again."
    elif not is_whole_page and not chosen:
        problems["components"] = "Choose at least one component, or the whole page."
    if level not in set(EventLevel):
        problems["level"] = "Choose how much you want to hear."
    if problems:
        raise Invalid(problems)
    components = () if is_whole_page else tuple(offered[public_id] for public_id in sorted(chosen))
    return Wishes(components, EventLevel(level))


def require_within_limits(channel: str, address: str, contact: str = "") -> None:
    """Counts per network, number range, contact and day; what is refused costs nobody a message."""
    now = utcnow()
    sentence = "Too many sign-ups for now. Try again later; the feeds need no sign-up."
    network = limits.network_of(request.remote_addr or "")
    limits.require(f"sign-up:{network}", PER_NETWORK, HOUR, now, sentence)
    if channel == "sms":
        limits.require(f"sign-up-range:{address[:-2]}", PER_PREFIX, HOUR, now, sentence)
        limits.require("sign-up-sms", urls.settings().sms_daily_cap, DAY, now, sentence)
    if contact:
        limits.require(f"contact:{signer().pseudonym(contact.casefold())}", PER_CONTACT, DAY, now, sentence)
    limits.require("sign-up", PER_DAY, DAY, now, sentence)


def _require_country(channel: str, address: str) -> None:
    country = country_of(channel, address)
    if country and country not in urls.settings().sms_countries:
        raise Invalid(
            {field_of(channel).name: "We do not send SMS to this country. Email and the feeds work everywhere."}
        )


def _require_form_token() -> None:
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        abort(400)


def _consent_proof() -> str:
    words = render_template("public/_consent.html", **context()).strip()
    return f"form 1, sha256 {hashlib.sha256(words.encode()).hexdigest()}"


def _network_fingerprint() -> str:
    return signer().pseudonym(limits.network_of(request.remote_addr or ""))


def _form(typed: MultiDict[str, str], problems: dict[str, str]) -> str:
    page = site_page()
    return render_template(
        "public/subscribe.html",
        **context(
            typed=typed,
            problems=problems,
            ways=[(kind, label_of(kind), field) for kind, field in _offered().items()],
            groups=presenters.groups(page, PUBLIC),
        ),
    )


def _code_form(channel: str, typed: dict[str, str], problems: dict[str, str]) -> Response:
    field = field_of(channel)
    return _private("public/subscribe_code.html", channel=channel, field=field, typed=typed, problems=problems)


def _manage(
    subscriber: Subscriber, problems: dict[str, str], typed: MultiDict[str, str] | None = None, is_saved: bool = False
) -> Response:
    if subscriber.state is SubscriberState.QUARANTINED:
        return _stopped(subscriber)
    if subscriber.state is SubscriberState.PENDING and subscriber.confirmed_at is not None:
        return _private("public/subscribe_check.html", proof=proof_of(subscriber.channel))
    if subscriber.state is not SubscriberState.CONFIRMED:
        raise Conflict("This subscription has ended. Sign up again to start a new one.")
    now = MultiDict([("level", subscriber.level.value)])
    chosen = [row.component for row in subscriber.subscriptions if row.component]
    now.setlist("components", [component.public_id for component in chosen])
    return _private(
        "public/manage.html",
        subscription=_view(subscriber),
        groups=presenters.groups(site_page(), PUBLIC),
        typed=typed or now,
        problems=problems,
        is_saved=is_saved,
        rotate_url=f"{_manage_url(subscriber)}/secret",
        secrets=subscriptions.secrets_of(subscriber, utcnow()) if is_signed(subscriber.channel) else (),
        unsubscribe_url=_unsubscribe_url(subscriber),
    )


def _stopped(subscriber: Subscriber) -> Response:
    """Why nothing is sent any more, and the way back."""
    return _private(
        "public/manage_stopped.html",
        subscription=_view(subscriber),
        reason=subscriber.state_reason,
        prove_url=f"{_manage_url(subscriber)}/prove",
        unsubscribe_url=_unsubscribe_url(subscriber),
    )


def _confirmed(subscriber: Subscriber, told_of: int) -> Response:
    """Thanks, and word of the open incidents whose state is on its way."""
    return _private(
        "public/confirmed.html",
        subscription=_view(subscriber),
        manage_url=_manage_url(subscriber),
        open_incidents=told_of,
    )


def _manage_url(subscriber: Subscriber) -> str:
    return urls.manage(signer().sign(Purpose.MANAGE, subscriber.public_id, subscriber.salt))


def _unsubscribe_url(subscriber: Subscriber) -> str:
    return urls.unsubscribe(signer().sign(Purpose.UNSUBSCRIBE, subscriber.public_id))


def _view(subscriber: Subscriber) -> SubscriptionView:
    components = [row.component for row in subscriber.subscriptions if row.component]
    components = [component for component in components if may_see(PUBLIC, component)]
    label, address = label_of(subscriber.channel), shown_address(subscriber.channel, subscriber.address)
    return SubscriptionView(subscriber.channel, label, address, subscriber.contact, components, subscriber.level)


def _subscriber(purpose: Purpose, token: str) -> Subscriber:
    """The subscriber whom a good token speaks of; every other token is simply not found."""
    subject = signer().subject(token)
    subscriber = subscriptions.find_by_id(subject)
    salt = "" if purpose is Purpose.UNSUBSCRIBE else subscriber.salt
    if not signer().is_good(purpose, token, utcnow(), salt):
        raise NotFound("This link is not valid, or no longer.")
    return subscriber


def _private(template: str, **values: Any) -> Response:
    """A page that belongs to one person: never cached, indexed, or named to the sites it links to."""
    response = make_response(render_template(template, **context(**values)))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
