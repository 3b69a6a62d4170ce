"""`candor subscriber`: people added by somebody who has their consent."""

import click
from sqlalchemy import select

from .. import components, lookup, subscriptions, text
from ..audit import COMMAND_LINE
from ..channels import clean_address, field_of, is_signed, shown_address
from ..clock import utcnow
from ..db import db
from ..models import Page, Subscriber
from ..vocabulary import EventLevel
from ._shell import on_page, show_json, show_table
from ._words import Word


@click.group()
def subscriber() -> None:
    """The people who are told."""


@subscriber.command()
@click.option("--email", help="An address to write to.")
@click.option("--phone", help="A number to text, with country code.")
@click.option("--channel", help="Any other way to reach them: webhook, slack, teams, discord, google_chat.")
@click.option("--address", help="The address on that channel.")
@click.option(
    "--contact", default="", help="Who is mailed about a webhook: where its secret is, when it stops working."
)
@click.option("--component", "names", multiple=True, metavar="NAME", help="Only about this one; may be repeated.")
@click.option("--level", type=Word(EventLevel), help="How much of it; SMS gets key moments unless told otherwise.")
@click.option("--evidence", default="", help="Where their consent is kept, for the record.")
@on_page
def add(
    page: Page,
    email: str | None,
    phone: str | None,
    channel: str | None,
    address: str | None,
    contact: str,
    names: tuple[str, ...],
    level: EventLevel | None,
    evidence: str,
) -> None:
    """Add somebody whose consent you have, as confirmed, and print the subscriber's id."""
    given = [("email", email), ("sms", phone), (channel or "", address)]
    ways = [(kind, typed) for kind, typed in given if typed]
    if len(ways) != 1 or bool(channel) != bool(address):
        raise click.UsageError("Give one of --email, --phone, or --channel with --address.")
    kind, typed = ways[0]
    field = field_of(kind)
    cleaned = clean_address(kind, typed, field.name)
    mail = clean_address("email", contact, "contact") if contact else ""
    wanted = tuple(dict.fromkeys(components.find_by_name(page, name) for name in names))
    usual = EventLevel.KEY_MOMENTS if field.rings else EventLevel.EVERY_UPDATE
    wishes = subscriptions.Wishes(wanted, level or usual)
    attestation = text.one_line(evidence) or "no evidence named"
    added = subscriptions.add_attested(page, kind, cleaned, wishes, COMMAND_LINE, attestation, utcnow(), mail)
    click.echo(added.public_id)


@subscriber.command()
@click.argument("public_id")
@on_page
def secret(_page: Page, public_id: str) -> None:
    """Print what a webhook is signed with: the current secret, and the one before it while it is valid."""
    found = subscriptions.find_by_id(public_id)
    if not is_signed(found.channel):
        raise click.UsageError("Only webhooks are signed.")
    for each in subscriptions.secrets_of(found, utcnow()):
        click.echo(each)


@subscriber.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_page
def list_(page: Page, as_json: bool) -> None:
    """List all subscribers with their states."""
    found = list(db.session.scalars(select(Subscriber).filter_by(page_id=page.id).order_by(Subscriber.id)))
    if as_json:
        show_json([_facts(each) for each in found])
    else:
        show_table([(each.public_id, each.channel, each.state.value, each.level.value, _shown(each)) for each in found])


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


def _shown(each: Subscriber) -> str:
    return shown_address(each.channel, each.address)


def _facts(each: Subscriber) -> dict[str, object]:
    return {
        "id": each.public_id,
        "channel": each.channel,
        "address": _shown(each),
        "state": each.state.value,
        "level": each.level.value,
        "components": [row.component.name for row in each.subscriptions if row.component],
    }
