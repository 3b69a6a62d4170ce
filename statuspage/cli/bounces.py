"""`candor bounces`: mails that came back and answers to reminders, from a mail pipe or from a maildir."""

import os
import sys
from pathlib import Path

import click
from sqlalchemy.exc import DBAPIError

from .. import inbox as desk
from ..clock import utcnow
from ..db import db
from ..models import Page
from ._shell import on_page

# What mail systems understand (sysexits.h): refused for good, and try again later.
DATA_ERROR, TRY_LATER = 65, 75


@click.group()
def bounces() -> None:
    """Mails to CANDOR_BOUNCE_ADDRESS: what came back, and what colleagues answer to reminders."""


@bounces.command()
@click.option("--recipient", default="", help="The address it came to, where the mail itself does not say.")
@on_page
def pipe(_page: Page, recipient: str) -> None:
    """Take one mail from standard input, as a mail system hands it over.

    Exits with 65 when it is no answer to one of ours, and with 75 when it should be handed over again later.
    """
    raw = sys.stdin.buffer.read(desk.LARGEST_MAIL + 1)
    click.get_current_context().exit(_take(raw, recipient))


@bounces.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@on_page
def maildir(_page: Page, folder: Path) -> None:
    """Take every new mail of a maildir, once, and move it to what was read; refused ones are flagged."""
    new, read = folder / "new", folder / "cur"
    if not new.is_dir() or not read.is_dir():
        raise click.UsageError(f"{folder} is not a maildir: it has no new/ and cur/.")
    for path in sorted(new.iterdir()):
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            raw = file.read(desk.LARGEST_MAIL + 1)
        code = _take(raw, "", f"{path.name}: ")
        if code == TRY_LATER:
            click.get_current_context().exit(code)
        os.rename(path, read / f"{path.name}:2,{'FS' if code else 'S'}")  # noqa: PTH104 - as maildir says it


def _take(raw: bytes, recipient: str, about: str = "") -> int:
    try:
        click.echo(about + desk.take(raw, utcnow(), recipient))
    except desk.Refused as error:
        click.echo(about + str(error), err=True)
        return DATA_ERROR
    except DBAPIError:
        db.session.rollback()
        click.echo(f"{about}The database does not answer. Hand it over again.", err=True)
        return TRY_LATER
    return 0
