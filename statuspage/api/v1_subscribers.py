"""v1: subscribers."""

from sqlalchemy import func, select

from .. import subscriptions
from ..channels import clean_address, country_of, field_of, shown_address, sign_up_fields
from ..db import db
from ..errors import Invalid
from ..models import Subscriber
from ..subscriptions import Wishes
from ..urls import settings
from ..vocabulary import EventLevel, Scope
from . import answers, facts, resources, shapes
from .documents import Document
from .operations import Call, v1
from .phones import whole_number
from .v1_incidents import offered

BASE = "/pages/{page_id}/subscribers"
ONE = BASE + "/{subscriber_id}"
MODES = ("email", "sms", "webhook", "integration_partner", "slack", "teams")


@v1.operation("GET", BASE, scope=Scope.SUBSCRIBERS, answer=list[answers.Subscriber], query=shapes.SubscriberPaging)
def list_subscribers(call: Call) -> list[Document]:
    """List subscribers."""
    return [_resource(each) for each in facts.subscribers(call.page, call.query)]


@v1.operation("POST", BASE, scope=Scope.SUBSCRIBERS, answer=answers.Subscriber, body=shapes.NewSubscriber, status=201)
def create_subscriber(call: Call) -> Document:
    """Ask somebody whether they want to be told; or add them, when their consent is in writing."""
    asked: shapes.SubscriberAttributes = call.body.subscriber
    channel, address, contact = address_of(asked)
    components = offered(call, asked.component_ids or (), "subscriber.component_ids")
    wishes = Wishes(tuple(components), usual_level(channel))
    # An endpoint proves itself in any case: nobody can attest what somebody else's server wants.
    if asked.skip_confirmation_notification and channel != "webhook":
        said = f"skip_confirmation_notification with the key “{call.key.name}”"
        made = subscriptions.add_attested(call.page, channel, address, wishes, call.by, said, call.now, key=call.once)
    else:
        made = subscriptions.invite(
            call.page, channel, address, wishes, call.by, call.now, contact=contact, key=call.once
        )
    return _resource(made)


@v1.operation(
    "GET",
    BASE + "/count",
    scope=Scope.SUBSCRIBERS,
    answer=answers.SubscriberCountByType,
    query=shapes.SubscriberFilter,
)
def count_subscribers(call: Call) -> Document:
    """Count subscribers by type."""
    rows = db.session.execute(
        select(Subscriber.channel, func.count())
        .where(Subscriber.page_id == call.page.id, Subscriber.state.in_(facts.STATES[call.query.state]))
        .group_by(Subscriber.channel)
    )
    counts = {channel: count for channel, count in rows if call.query.type in (None, channel)}
    return {mode: counts.get(mode, 0) for mode in MODES}


@v1.operation("GET", ONE, scope=Scope.SUBSCRIBERS, answer=answers.Subscriber)
def get_subscriber(call: Call) -> Document:
    """Get a subscriber."""
    return _resource(facts.subscriber(call.page, call.ids["subscriber_id"]))


@v1.operation("PATCH", ONE, scope=Scope.SUBSCRIBERS, answer=answers.Subscriber, body=shapes.SubscriberChange)
def update_subscriber(call: Call) -> Document:
    """Change what a subscriber hears about."""
    subscriber = facts.subscriber(call.page, call.ids["subscriber_id"])
    chosen = offered(call, call.body.component_ids or (), "component_ids")
    subscriptions.change(subscriber, Wishes(tuple(chosen), subscriber.level), call.now, call.by)
    return _resource(subscriber)


@v1.operation("DELETE", ONE, scope=Scope.SUBSCRIBERS, answer=answers.Subscriber, query=shapes.Leaving)
def delete_subscriber(call: Call) -> Document:
    """Unsubscribe somebody; only they can come back."""
    subscriber = facts.subscriber(call.page, call.ids["subscriber_id"])
    gone = _resource(subscriber)
    subscriptions.unsubscribe(subscriber, f"by the API key “{call.key.name}”", call.by, call.now)
    return gone


def usual_level(channel: str) -> EventLevel:
    """How much somebody hears who did not say: a phone only buzzes at key moments."""
    return EventLevel.KEY_MOMENTS if field_of(channel).rings else EventLevel.EVERY_UPDATE


def address_of(asked: shapes.SubscriberAttributes | shapes.PublicSubscriberAttributes) -> tuple[str, str, str]:
    """Channel, address in its one spelling, and whom mail about it goes to; raises Invalid for what cannot be."""
    given = [name for name in ("endpoint", "phone_number", "email") if getattr(asked, name)]
    if "endpoint" in given and "email" in given:
        given.remove("email")  # where a webhook's failures are reported
    if len(given) != 1:
        raise Invalid({"subscriber": "Give one of email, phone_number (with phone_country) or endpoint."})
    field = f"subscriber.{given[0]}"
    if given[0] == "email":
        return "email", clean_address("email", asked.email or "", field), ""
    if given[0] == "endpoint":
        return _endpoint(asked.endpoint or "", asked.email or "")
    number = clean_address("sms", whole_number(asked.phone_number or "", asked.phone_country or "US"), field)
    country = country_of("sms", number)
    if country and country not in settings().sms_countries:
        raise Invalid({field: "We do not send SMS to this country."})
    return "sms", number, ""


def _endpoint(address: str, contact: str) -> tuple[str, str, str]:
    if "webhook" not in sign_up_fields():
        raise Invalid({"subscriber.endpoint": "This installation does not send webhooks."})
    cleaned = clean_address("webhook", address, "subscriber.endpoint")
    return "webhook", cleaned, clean_address("email", contact, "subscriber.email")


def _resource(subscriber: Subscriber) -> Document:
    return resources.subscriber_resource(subscriber, shown_address(subscriber.channel, subscriber.address))
