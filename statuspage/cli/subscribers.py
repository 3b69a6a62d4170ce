"""`candor subscriber`: people added by somebody who has their consent."""

import click
from sqlalchemy import select

from .. import components, lookup, subscriptions, text
from ..audit import COMMAND_LINE
from ..channels import clean_address
from ..clock import utcnow
from ..db import db
from ..models import Page, Subscriber
from ..vocabulary import EventLevel
from ._shell import on_page, show_json, show_table
from ._words import Word

_USUAL_LEVEL = {"sms": EventLevel.KEY_MOMENTS}


@click.group()
def subscriber() -> None:
    """The people who are told."""


@subscriber.command()
@click.option("--email", help="An address to write to.")
@click.option("--phone", help="A number to text, with country code.")
@click.option("--component", "names", multiple=True, metavar="NAME", help="Only about this one; may be repeated.")
@click.option("--level", type=Word(EventLevel), help="How much of it; SMS gets key moments unless told otherwise.")
@click.option("--evidence", default="", help="Where their consent is kept, for the record.")
@on_page
def add(
    page: Page, email: str | None, phone: str | None, names: tuple[str, ...], level: EventLevel | None, evidence: str
) -> None:
    """Add somebody whose consent you have, as confirmed, and print the subscriber's id."""
    if bool(email) == bool(phone):
        raise click.UsageError("Give either --email or --phone.")
    channel, typed = ("email", email) if email else ("sms", phone)
    address = clean_address(channel, typed or "", "email" if email else "phone")
    wanted = tuple(dict.fromkeys(components.find_by_name(page, name) for name in names))
    wishes = subscriptions.Wishes(wanted, level or _USUAL_LEVEL.get(channel, EventLevel.EVERY_UPDATE))
    attestation = text.one_line(evidence) or "no evidence named"
    added = subscriptions.add_attested(page, channel, address, wishes, COMMAND_LINE, attestation, utcnow())
    click.echo(added.public_id)


@subscriber.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_page
def list_(page: Page, as_json: bool) -> None:
    """List all subscribers with their states."""
    found = list(db.session.scalars(select(Subscriber).filter_by(page_id=page.id).order_by(Subscriber.id)))
    if as_json:
        show_json([_facts(each) for each in found])
    else:
        show_table([(each.public_id, each.channel, each.state.value, each.level.value, each.address) for each in found])


@subscriber.command()
@click.argument("address")
@click.option("--channel", default="email", show_default=True, help="Over which channel.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the words as they were said.")
@on_page
def told(page: Page, address: str, channel: str, as_json: bool) -> None:
    """Say what ADDRESS was told, when and in which words, also after it was forgotten."""
    found = lookup.ask(page, channel, clean_address(channel, address), COMMAND_LINE, utcnow())
    if as_json:
        show_json([each.facts() for each in found])
    elif found:
        show_table([(each.facts()["said_at"], each.state.value, each.announcement, each.subject) for each in found])
    else:
        click.echo("Nothing was sent or owed to this address on this channel.")


def _facts(each: Subscriber) -> dict[str, object]:
    return {
        "id": each.public_id,
        "channel": each.channel,
        "address": each.address,
        "state": each.state.value,
        "level": each.level.value,
        "components": [row.component.name for row in each.subscriptions if row.component],
    }
