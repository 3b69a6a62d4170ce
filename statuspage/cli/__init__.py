"""The `candor` command."""

import click


@click.group()
def cli() -> None:
    """Candor."""
