"""Changing, proving, forgetting and leaving, by the links that each message carries.

Opening a link changes nothing: mail scanners open links; only a press of the button does.
"""

from flask import Blueprint, Response, abort, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import validate_csrf
from werkzeug.datastructures import MultiDict
from wtforms import ValidationError

from .. import limits, pseudonyms, subscriptions
from ..audit import SUBSCRIBER
from ..channels import is_signed, proof_of
from ..clock import utcnow
from ..errors import Conflict, Invalid
from ..models import Subscriber
from ..presenting import site_page
from ..tokens import Purpose
from ..visibility import PUBLIC
from ..vocabulary import SubscriberState
from . import presenters
from .own import manage_url, next_step, private, subscriber_of, unsubscribe_url, view_of
from .signing_up import HOUR, wishes_in

links = Blueprint("manage", __name__)

PROOFS_PER_SUBSCRIBER = 5


@links.get("/manage/<token>")
def manage_form(token: str) -> Response:
    """What a subscriber gets, ready to be changed."""
    return _manage(subscriber_of(Purpose.MANAGE, token), {}, is_saved=request.args.get("saved") == "yes")


@links.post("/manage/<token>")
def manage(token: str) -> ResponseReturnValue:
    """The subscriber gets what was chosen from the next message on."""
    subscriber = subscriber_of(Purpose.MANAGE, token)
    try:
        wishes = wishes_in(request.form, request.form.get("level", ""))
        subscriptions.change(subscriber, wishes, utcnow())
    except Invalid as error:
        response = _manage(subscriber, error.problems, typed=request.form)
        response.status_code = 422
        return response
    return redirect(f"/manage/{token}?saved=yes", 303)


@links.post("/manage/<token>/erase")
def erase(token: str) -> Response:
    """The owner of the address wants to be forgotten, and is."""
    pseudonyms.erase(subscriber_of(Purpose.MANAGE, token), SUBSCRIBER, utcnow())
    return private("public/erased.html")


@links.post("/manage/<token>/secret")
def rotate_secret(token: str) -> ResponseReturnValue:
    """Messages are signed with a new secret, and for a day with the old one too."""
    subscriber = subscriber_of(Purpose.MANAGE, token)
    subscriptions.rotate_secret(subscriber, SUBSCRIBER, utcnow())
    return redirect(f"/manage/{token}#secret", 303)


@links.post("/manage/<token>/prove")
def prove_again(token: str) -> ResponseReturnValue:
    """An address we stopped writing to is asked once more."""
    subscriber, now = subscriber_of(Purpose.MANAGE, token), utcnow()
    sentence = "It was asked often enough for now. Wait an hour, then try again."
    limits.require(f"prove:{subscriber.public_id}", PROOFS_PER_SUBSCRIBER, HOUR, now, sentence)
    subscriptions.prove_again(subscriber, now)
    return next_step(subscriber.channel, subscriber.address)


@links.get("/unsubscribe/<token>")
def unsubscribe_form(token: str) -> Response:
    """Asks once more; nothing has changed yet."""
    subscriber = subscriber_of(Purpose.UNSUBSCRIBE, token)
    if subscriber.state is SubscriberState.UNSUBSCRIBED:
        return private("public/unsubscribed.html", undo_url="/subscribe")
    return private("public/unsubscribe.html", subscription=view_of(subscriber), manage_url=manage_url(subscriber))


@links.post("/unsubscribe/<token>")
def unsubscribe(token: str) -> Response:
    """Ends the subscription: by the button, or by a mail program's one click (RFC 8058)."""
    subscriber = subscriber_of(Purpose.UNSUBSCRIBE, token)
    is_one_click = request.form.get("List-Unsubscribe") == "One-Click"
    if not is_one_click:
        _require_form_token()
    subscriptions.unsubscribe(subscriber, "one click" if is_one_click else "unsubscribe link", SUBSCRIBER, utcnow())
    if is_one_click:
        return Response("You are unsubscribed.\n", mimetype="text/plain")
    return private("public/unsubscribed.html", undo_url="/subscribe")


def _require_form_token() -> None:
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        abort(400)


def _manage(
    subscriber: Subscriber, problems: dict[str, str], typed: MultiDict[str, str] | None = None, is_saved: bool = False
) -> Response:
    if subscriber.state is SubscriberState.QUARANTINED:
        return _stopped(subscriber)
    if subscriber.state is SubscriberState.PENDING and subscriber.confirmed_at is not None:
        return private("public/subscribe_check.html", proof=proof_of(subscriber.channel))
    if subscriber.state is not SubscriberState.CONFIRMED:
        raise Conflict("This subscription has ended. Sign up again to start a new one.")
    now = MultiDict([("level", subscriber.level.value)])
    chosen = [row.component for row in subscriber.subscriptions if row.component]
    now.setlist("components", [component.public_id for component in chosen])
    return private(
        "public/manage.html",
        subscription=view_of(subscriber),
        groups=presenters.groups(site_page(), PUBLIC),
        typed=typed or now,
        problems=problems,
        is_saved=is_saved,
        rotate_url=f"{manage_url(subscriber)}/secret",
        secrets=subscriptions.secrets_of(subscriber, utcnow()) if is_signed(subscriber.channel) else (),
        unsubscribe_url=unsubscribe_url(subscriber),
    )


def _stopped(subscriber: Subscriber) -> Response:
    """Why nothing is sent any more, and the way back."""
    return private(
        "public/manage_stopped.html",
        subscription=view_of(subscriber),
        reason=subscriber.state_reason,
        prove_url=f"{manage_url(subscriber)}/prove",
        unsubscribe_url=unsubscribe_url(subscriber),
    )
