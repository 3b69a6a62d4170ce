"""`candor page`: the status pages of this installation."""

import click
from sqlalchemy import select

from .. import urls
from ..db import db
from ..models import Page
from ._shell import inside, show_json, show_table


@click.group()
def page() -> None:
    """The status pages of this installation."""


@page.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@inside
def list_(as_json: bool) -> None:
    """List the pages with their ids."""
    found = list(db.session.scalars(select(Page).where(Page.stage_pace.is_(None)).order_by(Page.id)))
    if as_json:
        show_json([_facts(each) for each in found])
    else:
        show_table([(each.public_id, urls.absolute("/"), each.time_zone, each.name) for each in found])


def _facts(each: Page) -> dict[str, object]:
    return {
        "id": each.public_id,
        "name": each.name,
        "url": urls.absolute("/"),
        "time_zone": each.time_zone,
        "is_demo": each.is_demo,
    }
