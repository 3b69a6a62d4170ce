"""Was this address told? Asked by form, so that no address stands in a URL, and on record."""

from datetime import timedelta

from flask import render_template
from flask.typing import ResponseReturnValue

from statuspage import limits, lookup, text
from statuspage.channels import channels, clean_address
from statuspage.clock import utcnow
from statuspage.errors import Invalid
from statuspage.lookup import Told
from statuspage.presenting import site_page
from statuspage.vocabulary import StaffRole

from . import auth, forms
from .auth import actor, needs
from .views import panel

ASKED_AN_HOUR = 60


@panel.get("/told")
@needs(StaffRole.COMMS_LEAD)
def told_form() -> str:
    """The question."""
    return _page({"channel": "email"}, {}, None)


@panel.post("/told")
@needs(StaffRole.COMMS_LEAD)
def told() -> ResponseReturnValue:
    """The answer, from the ledger: also for an address that was forgotten meanwhile."""
    typed, now = forms.typed(), utcnow()
    sentence = "You have looked up many addresses in this hour. Wait a while, or ask an admin to use the command line."
    limits.require(f"told:{auth.me().public_id}", ASKED_AN_HOUR, timedelta(hours=1), now, sentence)
    channel = typed.get("channel", "")
    try:
        address = clean_address(channel, text.one_line(typed.get("address", "")))
    except Invalid as error:
        return _page(typed, error.problems, None), Invalid.http_status
    return _page(typed, {}, lookup.ask(site_page(), channel, address, actor(), now))


def _page(typed: forms.Typed, problems: dict[str, str], found: list[Told] | None) -> str:
    return render_template(
        "admin/told.html",
        typed=typed,
        problems=problems,
        found=found,
        most=lookup.MOST,
        channel_options=[(kind, channel.label) for kind, channel in channels().items()],
    )
