"""What a sign-up says, and whether it may: channels offered here, wishes, limits, and the proof of consent."""

import hashlib
from datetime import timedelta

from flask import render_template, request
from werkzeug.datastructures import MultiDict

from notifiers import Field

from .. import limits, urls
from ..channels import clean_address, country_of, field_of, sign_up_fields
from ..clock import utcnow
from ..errors import Invalid
from ..presenting import context, site_page
from ..subscriptions import Wishes
from ..tokens import signer
from ..visibility import PUBLIC
from ..vocabulary import EventLevel
from . import presenters

PER_NETWORK, PER_PREFIX, PER_CONTACT, PER_DAY = 10, 3, 3, 5000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def offered_here() -> dict[str, Field]:
    """The channels on which strangers may sign up here."""
    return {kind: field for kind, field in sign_up_fields().items() if kind in site_page().public_channels}


def read(typed: MultiDict[str, str]) -> tuple[str, str, str, Wishes]:
    """Channel, cleaned address, contact and wishes from the form; raises Invalid with every problem at once."""
    problems: dict[str, str] = {}
    offered = offered_here()
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
        wishes = wishes_in(typed, typed.get(f"{channel}_level") or typed.get("level") or default)
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


def wishes_in(typed: MultiDict[str, str], level: str) -> Wishes:
    """What the form asks for; raises Invalid."""
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


def require_country(channel: str, address: str) -> None:
    """Raise Invalid for a number in a country that we do not write to."""
    country = country_of(channel, address)
    if country and country not in urls.settings().sms_countries:
        raise Invalid(
            {field_of(channel).name: "We do not send SMS to this country. Email and the feeds work everywhere."}
        )


def consent_proof() -> str:
    """Which words were agreed to."""
    words = render_template("public/_consent.html", **context()).strip()
    return f"form 1, sha256 {hashlib.sha256(words.encode()).hexdigest()}"


def network_fingerprint() -> str:
    """Tells the visitor's network from others without naming it."""
    return signer().pseudonym(limits.network_of(request.remote_addr or ""))
