"""Addresses as colleagues may see them: enough to recognise one's own, too little to write to a stranger."""

from statuspage import sealing
from statuspage.vocabulary import StaffRole

from . import auth


def shown(address: str) -> str:
    """The address for the person signed in: whole for admins, masked for everybody else.

    A web address is as good as a key to whatever it leads to, and is shown whole to nobody.
    """
    may_see = address and auth.has_role(StaffRole.ADMIN) and not sealing.is_key(address)
    return address if may_see else mask(address)


def mask(address: str) -> str:
    """The address with its middle hidden: "a•••@example.org", "+49•••789", "hooks.example.com/•••xyz"."""
    if not address:
        return "forgotten"
    if sealing.is_key(address):
        return sealing.shown(address)
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}•••@{domain}"
    return f"{address[:3]}•••{address[-3:]}" if len(address) > 7 else "•••"
