"""`candor component`: what customers rely on."""

import click

from .. import components as verbs, text
from ..audit import COMMAND_LINE
from ..clock import utcnow
from ..errors import Invalid
from ..models import Component, Page
from ..vocabulary import Audience, ComponentStatus
from ._shell import on_page, show_json, show_table
from ._words import Word

NAME_LIMIT, DESCRIPTION_LIMIT = 120, 500


@click.group()
def component() -> None:
    """What customers rely on."""


@component.command()
@click.argument("name")
@click.option("--group", default="", help="The heading it stands under; made when there is none of that name.")
@click.option("--description", default="", help="What it is, in the customer's words.")
@click.option("--internal", is_flag=True, help="Show it to staff only.")
@click.option("--target", default="", help="The uptime target in percent, like 99.9.")
@on_page
def add(page: Page, name: str, group: str, description: str, internal: bool, target: str) -> None:
    """Add a component and print its id."""
    audience = Audience.INTERNAL if internal else Audience.PUBLIC
    made = verbs.add(
        page,
        _line("name", name, NAME_LIMIT),
        COMMAND_LINE,
        utcnow(),
        group=_line("group", group, NAME_LIMIT) if group else "",
        description=_line("description", description, DESCRIPTION_LIMIT) if description else "",
        audience=audience,
        target=verbs.read_target(target),
    )
    click.echo(made.public_id)


@component.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_page
def list_(page: Page, as_json: bool) -> None:
    """List the components with their states."""
    found = verbs.listed(page)
    if as_json:
        show_json([_facts(each) for each in found])
    else:
        show_table(
            [(each.public_id, each.status.value, each.group.name if each.group else "-", each.name) for each in found]
        )


@component.command("set")
@click.argument("name")
@click.argument("status", type=Word(ComponentStatus))
@on_page
def set_(page: Page, name: str, status: ComponentStatus) -> None:
    """Show a component in this state, without an incident and without telling anyone."""
    verbs.set_status(verbs.find_by_name(page, name), status, COMMAND_LINE, utcnow())


@component.command()
@click.argument("name")
@click.argument("percent", default="")
@on_page
def target(page: Page, name: str, percent: str) -> None:
    """Set a component's uptime target in percent, like 99.9; without PERCENT it has none any more."""
    verbs.set_target(verbs.find_by_name(page, name), verbs.read_target(percent), COMMAND_LINE, utcnow())


def _line(field: str, typed: str, limit: int) -> str:
    line = text.one_line(typed)
    if not line:
        raise Invalid({field: "Give it at least one letter."})
    if len(line) > limit:
        raise Invalid({field: f"Keep it within {limit} characters; this has {len(line)}."})
    return line


def _facts(each: Component) -> dict[str, object]:
    return {
        "id": each.public_id,
        "name": each.name,
        "group": each.group.name if each.group else None,
        "description": each.description,
        "status": each.status.value,
        "audience": each.audience.value,
        "uptime_target": each.uptime_target,
    }
