"""`candor apikey`: what programs come in with."""

from datetime import timedelta

import click

from .. import api_keys, text
from ..audit import COMMAND_LINE
from ..clock import iso_text, utcnow
from ..errors import Invalid
from ..models import ApiKey, Page
from ..vocabulary import Scope
from ._shell import on_page, show_json, show_table
from ._words import Word


@click.group()
def apikey() -> None:
    """Keys with which programs drive the management API."""


@apikey.command()
@click.option("--name", required=True, help="What it is for; it names the key in lists and in the audit.")
@click.option("--scope", "scopes", required=True, multiple=True, type=Word(Scope), help="May be repeated.")
@click.option("--days", type=click.IntRange(0, 3650), default=365, help="How long it works; 0 for until revoked.")
@click.option("--no-query", is_flag=True, help="Refuse it in the query string (?api_key=…).")
@on_page
def add(page: Page, name: str, scopes: tuple[Scope, ...], days: int, no_query: bool) -> None:
    """Make a key and print it, alone and this once."""
    label = text.one_line(name)
    if not label or len(label) > api_keys.NAME_LIMIT:
        raise Invalid({"name": f"Give it a name of 1 to {api_keys.NAME_LIMIT} characters."})
    life = timedelta(days=days) if days else None
    _, secret = api_keys.add(page, label, scopes, COMMAND_LINE, utcnow(), life=life, allows_query=not no_query)
    click.echo(secret)


@apikey.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_page
def list_(page: Page, as_json: bool) -> None:
    """List the keys, without their secrets."""
    found = [_facts(key) for key in api_keys.listed(page)]
    if as_json:
        show_json(found)
    else:
        names = ("id", "state", "scopes", "last_used_at", "name")
        show_table([tuple(_words(each[name]) for name in names) for each in found])


@apikey.command()
@click.argument("key")
@on_page
def revoke(page: Page, key: str) -> None:
    """Take back a key, named by its id, its handle or its name."""
    api_keys.revoke(api_keys.find(page, key), COMMAND_LINE, utcnow())


def _facts(key: ApiKey) -> dict[str, object]:
    instants = {name: getattr(key, name) for name in ("created_at", "expires_at", "revoked_at", "last_used_at")}
    return {
        "id": key.public_id,
        "name": key.name,
        "handle": key.handle,
        "scopes": key.scopes,
        "state": "works" if key.works_at(utcnow()) else "revoked" if key.revoked_at else "expired",
        "allows_query": key.allows_query,
        **{name: iso_text(at) if at else None for name, at in instants.items()},
    }


def _words(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value or "-")
