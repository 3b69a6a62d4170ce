"""Where answers to a reminder go: an address that only we can have written, and a code to begin an SMS with."""

import hmac
import re

from .models import Announcement
from .tokens import Purpose, signer
from .urls import settings
from .vocabulary import AnnouncementKind

_TOKEN = re.compile(r"([a-z0-9]{12})r-([0-9a-f]{16})")


def address(announcement_id: str) -> str:
    """Where a mail that answers this announcement goes; empty when nothing can come back to this installation."""
    home = settings().bounce_address
    if not home:
        return ""
    local, _, domain = home.rpartition("@")
    return f"{local}+{announcement_id}r-{_mac(announcement_id)}@{domain}"


def of(announcement: Announcement) -> str:
    """Where an answer to this message goes; empty for all but a reminder of one incident."""
    is_answered = announcement.kind is AnnouncementKind.REMINDER and announcement.incident_id is not None
    return address(announcement.public_id) if is_answered else ""


def announcement_id(address: str) -> str | None:
    """The announcement that a mail to this address answers; None when we did not write it."""
    home = settings().bounce_address
    if not home:
        return None
    before, _, domain = address.strip().lower().rpartition("@")
    local, _, token = before.rpartition("+")
    found = _TOKEN.fullmatch(token)
    if not found or f"{local}@{domain}" != home.lower():
        return None
    is_ours = hmac.compare_digest(found[2].encode(), _mac(found[1]).encode())
    return found[1] if is_ours else None


def code(incident_id: str) -> str:
    """Four digits that an answer by SMS about this incident begins with."""
    return signer().digits(Purpose.REPLY, incident_id, "", 4)


def _mac(announcement_id: str) -> str:
    return signer().short_mac(Purpose.REPLY)(announcement_id)
