"""Recipients in words, for people who read a ladder."""

from sqlalchemy import select

from ..db import db
from ..models import StaffUser
from .steps import Recipient


def recipient_words(word: str) -> str:
    """Who is meant, as colleagues say it: "Comms lead", "Everyone with the role Admin", a name."""
    try:
        to = Recipient.read(word)
    except ValueError:
        return "Nobody who can be reminded"
    if to.role is not None:
        return "Comms lead" if to.role.value == "communications_lead" else to.role.label
    if to.staff_role is not None:
        return f"Every {to.staff_role.label.lower()}"
    if to.is_fallback:
        return "Fallback contact"
    user = db.session.scalar(select(StaffUser).filter_by(public_id=to.person_id))
    return user.display_name if user else "Somebody who is not on the staff"
