"""What comes in by mail: answers to reminders, and our own mails that come back."""

from datetime import datetime

from . import bounces, mailreplies
from .bounces import LARGEST_MAIL, Refused

__all__ = ["LARGEST_MAIL", "Refused", "take"]


def take(raw: bytes, now: datetime, recipient: str = "") -> str:
    """Do what the mail asks for, and say in a sentence what that was. Raises Refused."""
    if len(raw) <= LARGEST_MAIL and mailreplies.is_addressed(raw, recipient):
        return mailreplies.take(raw, now, recipient)
    return bounces.take(raw, now, recipient)
