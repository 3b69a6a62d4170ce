"""`candor user`: the people who sign in to the panel."""

import click

from .. import staff, text, urls
from ..audit import COMMAND_LINE
from ..channels import clean_address
from ..clock import utcnow
from ..factors import standing
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
@click.option("--second-factor", is_flag=True, help="Also forget their passkeys, codes and remembered devices.")
@inside
def reset(email: str, second_factor: bool) -> None:
    """Print a new one-time link for a colleague; earlier ones stop working.

    Who has a passkey or an authenticator app is still asked for it; --second-factor is for who has lost theirs.
    """
    colleague = staff.find_by_email(clean_address("email", email, "email"))
    if second_factor:
        standing.reset(colleague, COMMAND_LINE, utcnow())
    elif standing.has_second_factor(colleague):
        click.echo("They are asked for their passkey or code too; --second-factor forgets those.", err=True)
    _print_link(colleague)


def _print_link(colleague: StaffUser) -> None:
    click.echo(urls.sign_in(staff.new_sign_in_link(colleague, COMMAND_LINE, utcnow())))
