"""Answering a reminder: the link in it is a way to speak about one incident, once, as the person reminded."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from .. import audit, publishing
from ..audit import Actor
from ..db import db, lock
from ..drafts import UpdateDraft
from ..errors import CandorError, Conflict, NotFound
from ..models import Incident, IncidentUpdate, Reminder
from ..tokens import Purpose, signer
from ..vocabulary import Audience

VIA = "reminder link"


class LinkState(StrEnum):
    """Whether a reminder's link still opens the composer, and why not."""

    OPEN = "open"
    USED = "used"
    ANSWERED = "answered"
    HANDED_OVER = "handed_over"
    RESOLVED = "resolved"
    TOO_OLD = "too_old"
    NOT_YOURS = "not_yours"


@dataclass(frozen=True)
class Link:
    """A reminder found by its link, and what the link is still good for."""

    reminder: Reminder
    state: LinkState

    @property
    def incident(self) -> Incident:
        """The one incident that it speaks about."""
        return self.reminder.incident

    @property
    def actor(self) -> Actor:
        """The person reminded, come in by the link."""
        return Actor(self.reminder.staff_user, VIA)


def open_link(token: str, now: datetime) -> Link:
    """The reminder that this token was signed for; looking changes nothing. Raises NotFound for anything else."""
    reminder = db.session.scalar(select(Reminder).filter_by(public_id=signer().subject(token) or ""))
    if reminder is None or not signer().is_good(Purpose.COMPOSE, token, reminder.created_at):
        raise NotFound("This link is not valid. Open it from the message once more, or sign in.")
    return Link(reminder, _state(reminder, signer().is_good(Purpose.COMPOSE, token, now)))


def reply(link: Link, draft: UpdateDraft, now: datetime, key: str = "") -> IncidentUpdate:
    """The person reminded has spoken in public, and the link is used up.

    Whoever is reminded stands in the role that owes the update, and may therefore speak. Raises Conflict when the
    link is no longer open, and whatever `post_update` raises; the link then stays as it was.
    """
    lock(link.reminder)
    if link.state is not LinkState.OPEN or link.reminder.used_at is not None:
        raise Conflict("This link has done its work. Sign in to say more.")
    if draft.audience is not Audience.PUBLIC:
        raise Conflict("A reminder is answered in public.")
    link.reminder.used_at = now
    audit.record(link.actor, "reminder.use", link.reminder.incident, now, reminder=link.reminder.public_id)
    try:
        return publishing.post_update(link.reminder.incident, draft, link.actor, now, key)
    except CandorError:
        db.session.rollback()
        raise


def _state(reminder: Reminder, is_in_time: bool) -> LinkState:
    if not reminder.staff_user.active:
        return LinkState.NOT_YOURS
    if reminder.used_at is not None:
        return LinkState.USED
    if not reminder.incident.is_open:
        return LinkState.RESOLVED
    if reminder.cancelled_at is not None:
        is_still_owed = reminder.incident.next_update_due_at == reminder.promise_due_at
        return LinkState.HANDED_OVER if is_still_owed else LinkState.ANSWERED
    return LinkState.OPEN if is_in_time else LinkState.TOO_OLD
