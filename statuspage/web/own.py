"""A subscription in its owner's hands: who a link speaks of, what they see, and where they go on."""

from dataclasses import dataclass
from typing import Any

from flask import Response, make_response, redirect, render_template, session
from flask.typing import ResponseReturnValue

from .. import subscriptions, urls
from ..channels import label_of, proof_of, shown_address
from ..clock import utcnow
from ..errors import NotFound
from ..models import Component, Subscriber
from ..presenting import context
from ..tokens import Purpose, signer
from ..visibility import PUBLIC, may_see
from ..vocabulary import EventLevel


@dataclass(frozen=True)
class SubscriptionView:
    """A subscription in the words of its owner."""

    channel: str
    label: str
    address: str
    contact: str
    components: list[Component]
    level: EventLevel


def next_step(channel: str, address: str) -> ResponseReturnValue:
    """Where the owner of the address goes on; the same whether it is known or not."""
    if proof_of(channel) == "code":
        session["awaited"] = {"channel": channel, "address": address}
        return redirect("/subscribe/code", 303)
    return redirect("/subscribe/check" if channel == "email" else f"/subscribe/check?by={channel}", 303)


def manage_url(subscriber: Subscriber) -> str:
    """Where the owner changes what they get."""
    return urls.manage(signer().sign(Purpose.MANAGE, subscriber.public_id, subscriber.salt))


def unsubscribe_url(subscriber: Subscriber) -> str:
    """Where the owner leaves; it works for as long as there is a subscription."""
    return urls.unsubscribe(signer().sign(Purpose.UNSUBSCRIBE, subscriber.public_id))


def view_of(subscriber: Subscriber) -> SubscriptionView:
    """The subscription as its owner may see it."""
    components = [row.component for row in subscriber.subscriptions if row.component]
    components = [component for component in components if may_see(PUBLIC, component)]
    label, address = label_of(subscriber.channel), shown_address(subscriber.channel, subscriber.address)
    return SubscriptionView(subscriber.channel, label, address, subscriber.contact, components, subscriber.level)


def subscriber_of(purpose: Purpose, token: str) -> Subscriber:
    """The subscriber whom a good token speaks of; every other token is simply not found."""
    subject = signer().subject(token)
    subscriber = subscriptions.find_by_id(subject)
    salt = "" if purpose is Purpose.UNSUBSCRIBE else subscriber.salt
    if not signer().is_good(purpose, token, utcnow(), salt):
        raise NotFound("This link is not valid, or no longer.")
    return subscriber


def private(template: str, **values: Any) -> Response:
    """A page that belongs to one person: never cached, indexed, or named to the sites it links to."""
    response = make_response(render_template(template, **context(**values)))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
