"""Addresses as colleagues may see them: enough to recognise one's own, too little to write to a stranger."""

from statuspage.vocabulary import StaffRole

from . import auth


def shown(address: str) -> str:
    """The address for the person signed in: whole for admins, masked for everybody else."""
    return address if address and auth.has_role(StaffRole.ADMIN) else mask(address)


def mask(address: str) -> str:
    """The address with its middle hidden: "a•••@example.org", "+49•••789"."""
    if not address:
        return "forgotten"
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}•••@{domain}"
    return f"{address[:3]}•••{address[-3:]}" if len(address) > 7 else "•••"
