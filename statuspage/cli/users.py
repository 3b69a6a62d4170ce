"""`candor user`: the people who sign in to the panel."""

import click

from .. import staff, text, urls
from ..audit import COMMAND_LINE
from ..channels import clean_address
from ..clock import utcnow
from ..models import StaffUser
from ..vocabulary import StaffRole
from ._shell import inside
from ._words import Word


@click.group()
def user() -> None:
    """The people who sign in to the panel."""


@user.command()
@click.option("--email", required=True, help="Where they are reached, and what they sign in with.")
@click.option("--role", required=True, type=Word(StaffRole), help="What they may do.")
@click.option("--phone", default="", help="For reminders by SMS, with country code.")
@click.option("--name", default="", help="How colleagues call them.")
@inside
def add(email: str, role: StaffRole, phone: str, name: str) -> None:
    """Add a colleague and print the one-time link that lets them in."""
    address = clean_address("email", email, "email")
    number = clean_address("sms", phone, "phone") if phone else ""
    colleague = staff.add(address, role, COMMAND_LINE, utcnow(), name=text.one_line(name)[:120], phone=number)
    _print_link(colleague)


@user.command()
@click.option("--email", required=True, help="The colleague's address.")
@inside
def reset(email: str) -> None:
    """Print a new one-time link for a colleague; earlier ones stop working."""
    _print_link(staff.find_by_email(clean_address("email", email, "email")))


def _print_link(colleague: StaffUser) -> None:
    click.echo(urls.sign_in(staff.new_sign_in_link(colleague, COMMAND_LINE, utcnow())))
