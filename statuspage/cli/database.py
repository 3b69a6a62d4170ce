"""`candor db`: the schema."""

import click

from .. import schema
from ..clock import utcnow
from ._shell import app_context


@click.group("db")
def database() -> None:
    """Bring the schema up to date, or ask whether it is."""


@database.command()
def upgrade() -> None:
    """Bring the database to today's schema, after a backup copy of an SQLite file."""
    with app_context():
        schema.upgrade(utcnow())
    click.echo("The database has today's schema.")


@database.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Say whether the database has today's schema; exit 1 when it has not."""
    with app_context():
        is_current = schema.is_current()
    if is_current:
        click.echo("The database has today's schema.")
    else:
        click.echo("The database does not have today's schema. Run `candor db upgrade`.", err=True)
        ctx.exit(1)
