"""Answering a reminder: its link is a way to speak about one incident, once, as the person it was sent to.

The link that confirms a draft is of the same kind: it releases that draft.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from .. import audit, publishing
from ..audit import Actor
from ..db import db, lock
from ..drafts import UpdateDraft
from ..errors import CandorError, Conflict, NotFound
from ..models import Incident, IncidentUpdate, Reminder, ReplyDraft, StaffUser
from ..tokens import Purpose, signer
from ..vocabulary import Audience
from . import shelf

VIA = "reminder link"
DONE = "This link has done its work. Sign in to say more."


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
    """What a link was sent for, a reminder or a draft that waits, and what it is still good for."""

    about: Reminder | ReplyDraft
    state: LinkState

    @property
    def person(self) -> StaffUser:
        """Whom it was sent to."""
        return self.about.author if isinstance(self.about, ReplyDraft) else self.about.staff_user

    @property
    def incident(self) -> Incident:
        """The one incident that it speaks about."""
        return self.about.incident

    @property
    def draft(self) -> ReplyDraft | None:
        """The draft that it releases, if it does."""
        return self.about if isinstance(self.about, ReplyDraft) else None

    @property
    def actor(self) -> Actor:
        """The person, come in by the link."""
        return Actor(self.person, VIA)


def open_link(token: str, now: datetime) -> Link:
    """What this token was signed for; looking changes nothing. Raises NotFound for anything else."""
    public_id = signer().subject(token) or ""
    about = db.session.scalar(select(Reminder).filter_by(public_id=public_id)) or db.session.scalar(
        select(ReplyDraft).filter_by(public_id=public_id)
    )
    if about is None or not signer().is_good(Purpose.COMPOSE, token, about.created_at):
        raise NotFound("This link is not valid. Open it from the message once more, or sign in.")
    return Link(about, _state(about, signer().is_good(Purpose.COMPOSE, token, now)))


def reply(
    link: Link, said: UpdateDraft, now: datetime, key: str = "", taken: ReplyDraft | None = None
) -> IncidentUpdate:
    """The person has spoken in public, and the link is used up; the draft `taken` up in these words waits no more.

    Whoever is reminded stands in the role that owes the update, and may therefore speak. Raises Conflict when the
    link is no longer open, and whatever `post_update` raises; the link then stays as it was.
    """
    lock(link.about)
    if link.state is not LinkState.OPEN or _is_used(link.about):
        raise Conflict(DONE)
    if said.audience is not Audience.PUBLIC:
        raise Conflict("A reminder is answered in public.")
    if not shelf.may_release(link.person, link.incident):
        raise Conflict("A comms lead has to release this.")
    _use(link, now)
    try:
        if taken is not None and taken.incident_id == link.incident.id and taken is not link.about:
            shelf.mark_released(taken, link.actor, now)
        own = shelf.key_of(link.draft) if link.draft else key
        return publishing.post_update(link.incident, said, link.actor, now, own)
    except CandorError:
        db.session.rollback()
        raise


def _use(link: Link, now: datetime) -> None:
    if isinstance(link.about, ReplyDraft):
        shelf.mark_released(link.about, link.actor, now)
        return
    link.about.used_at = now
    audit.record(link.actor, "reminder.use", link.incident, now, reminder=link.about.public_id)


def _state(about: Reminder | ReplyDraft, is_in_time: bool) -> LinkState:
    person = about.author if isinstance(about, ReplyDraft) else about.staff_user
    if not person.active:
        return LinkState.NOT_YOURS
    if _is_used(about):
        return LinkState.USED
    if not about.incident.is_open:
        return LinkState.RESOLVED
    if isinstance(about, Reminder) and about.cancelled_at is not None:
        is_still_owed = about.incident.next_update_due_at == about.promise_due_at
        return LinkState.HANDED_OVER if is_still_owed else LinkState.ANSWERED
    return LinkState.OPEN if is_in_time else LinkState.TOO_OLD


def _is_used(about: Reminder | ReplyDraft) -> bool:
    return not about.is_waiting if isinstance(about, ReplyDraft) else about.used_at is not None
