"""`candor demo`: a believable company to look at."""

import time
from functools import partial

import click

from .. import demo as believable, schema, settings as settings_module, staff, urls
from ..audit import COMMAND_LINE
from ..clock import utcnow
from ..demo import place
from ..settings import Settings
from ..vocabulary import StaffRole
from . import _port
from ._shell import app_context
from .serving import show_addresses, supervise


@click.command()
@click.option("--build-only", is_flag=True, help="Make the demo's database and end.")
@click.option("--keep", is_flag=True, help="Go on with the demo's database of last time, if there is one.")
@click.pass_context
def demo(ctx: click.Context, build_only: bool, keep: bool) -> None:
    """Serve a believable company: 90 days of history, an open incident, a few thousand subscribers.

    It has a database of its own in the instance folder, made anew at each start so that its promise is about to
    slip (--keep goes on with the last one). Nothing leaves this machine: all messages are captured.
    """
    real = settings_module.load()
    settings = place.demo_settings(real)
    if ignored := place.ignored_names(real):
        click.echo(f"Ignored by the demo, which captures all messages in a database of its own: {', '.join(ignored)}")
    with place.alone(settings) as lock:
        if not build_only:
            _port.await_free(settings)
        _build(settings, keep)
        if not build_only:
            announce = partial(_announce, settings, _sign_in_links(settings))
            ctx.exit(supervise(settings, announce, ("--demo",), (lock,)))


def _build(settings: Settings, keep: bool) -> None:
    if keep and place.is_built(settings):
        with app_context(settings):
            schema.upgrade(utcnow())
        click.echo("Going on with the demo of last time.")
        return
    started = time.monotonic()
    place.clear(settings)
    with app_context(settings):
        made = believable.build(utcnow())
    place.mark_built(settings)
    took = time.monotonic() - started
    click.echo(
        f"Built in {took:.1f} s: {made.incidents} incidents with {made.updates} updates over 90 days, "
        f"{made.subscribers:,} subscribers. It is built anew at each start; --keep keeps it."
    )


def _sign_in_links(settings: Settings) -> dict[StaffRole, str]:
    """A fresh one-time way in for each role; made before anything runs that could keep the database busy."""
    with app_context(settings):
        return {
            role: urls.sign_in(staff.new_sign_in_link(believable.person(role), COMMAND_LINE, utcnow()))
            for role in StaffRole
        }


def _announce(settings: Settings, links: dict[StaffRole, str]) -> None:
    show_addresses(settings)
    click.echo("One-time sign-in links, each for one browser:")
    for role, link in links.items():
        click.echo(f"{role.label:<12}{link}")
    click.echo("Nothing leaves this machine: all messages are captured and shown in the panel. Ctrl-C ends.")
