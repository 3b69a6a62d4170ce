"""Drafts from answers to reminders: kept with an incident until one tap releases or discards them."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from .. import audit, components, drafts, idempotency, publishing, staff, urls
from ..audit import Actor
from ..db import db, lock, lock_name
from ..delivery import outbox
from ..drafts import UpdateDraft
from ..errors import CandorError, Conflict, NotFound
from ..models import Incident, IncidentUpdate, Page, Reminder, ReplyDraft, StaffUser
from ..vocabulary import ReplyVia, StaffRole

MOST = 50
# What a form may choose beside its words.
CHOICES = ("status", "promise", "promise_within", "no_promise_reason", "notify", "leave_components")
OVER = "“{title}” is over, so nothing was kept. Open the incident again to say more about it."


def save(  # noqa: PLR0913 - a draft is all of this
    incident: Incident,
    author: StaffUser,
    via: ReplyVia,
    words: str,
    now: datetime,
    source: str = "",
    choices: Mapping[str, Any] | None = None,
    confirms_on: str = "",
) -> tuple[ReplyDraft, bool]:
    """These words wait with the incident, and nothing is public. What comes twice from one `source` is kept once.

    Says also whether it is new; its author is told so on the channel `confirms_on`, with the link that releases it.
    Raises Conflict when the incident is over, NotFound for who does not work on it.
    """
    key = _key(via, source)
    lock_name(f"draft:{key}")
    if key and (known := db.session.scalar(select(ReplyDraft).filter_by(source=key))):
        return known, False
    if not may_suggest(author, incident):
        raise NotFound("There is no such incident.")
    if not incident.is_open or incident.is_hidden:
        raise Conflict(OVER.format(title=incident.title))
    if len(waiting(incident)) >= MOST:
        raise Conflict(f"{MOST} drafts wait for “{incident.title}” already. Release or discard some first.")
    draft = ReplyDraft(
        incident=incident,
        author=author,
        via=via,
        body=words,
        status=incident.status,
        sequence=incident.sequence,
        choices=dict(choices or {}),
        source=key or None,
        created_at=now,
    )
    db.session.add(draft)
    db.session.flush()
    audit.record(Actor(author, via.value), "draft.save", draft, now, incident=incident.public_id)
    if confirms_on:
        outbox.confirm_draft(draft, confirms_on, may_release(author, incident), now)
    db.session.commit()
    return draft, True


def release(draft: ReplyDraft, by: Actor, now: datetime, seen_sequence: int | None = None) -> IncidentUpdate:
    """The draft is said in public, by the rules of every update; a second tap returns what the first one made.

    Whoever releases has seen update `seen_sequence`; where more was said since, StaleDraft is raised as always.
    """
    return release_as(draft, replace(as_update(draft), seen_sequence=seen_sequence), by, now)


def release_as(draft: ReplyDraft, said: UpdateDraft, by: Actor, now: datetime) -> IncidentUpdate:
    """As `release`, with words and choices as somebody has changed them."""
    key = key_of(draft)
    if not mark_released(draft, by, now):
        made = idempotency.result(key, IncidentUpdate)
        if made is None:
            raise Conflict("This draft has been published already.")
        return made
    try:
        return publishing.post_update(draft.incident, said, by, now, key)
    except CandorError:
        db.session.rollback()
        raise


def mark_released(draft: ReplyDraft, by: Actor, now: datetime) -> bool:
    """The draft waits no more, and whether it did until now; raises Conflict when it was discarded.

    The caller publishes in the same transaction.
    """
    lock(draft)
    if draft.discarded_at is not None:
        raise Conflict("This draft was discarded. Write the update yourself.")
    if draft.released_at is not None:
        return False
    draft.released_at, draft.released_by_id = now, by.user_id
    audit.record(by, "draft.release", draft, now, incident=draft.incident.public_id)
    return True


def key_of(draft: ReplyDraft) -> str:
    """The key under which it is published, so that two taps, wherever, publish once."""
    return f"draft:{draft.public_id}"


def discard(draft: ReplyDraft, by: Actor, now: datetime) -> None:
    """The draft is not said; raises Conflict when it was already."""
    lock(draft)
    if draft.released_at is not None:
        raise Conflict("This draft has been published. Correct the update instead.")
    if draft.discarded_at is None:
        draft.discarded_at, draft.discarded_by_id = now, by.user_id
        audit.record(by, "draft.discard", draft, now, incident=draft.incident.public_id)
    db.session.commit()


def as_update(draft: ReplyDraft) -> UpdateDraft:
    """What releasing it would say: its words, what was chosen with them, and else how the incident stands now."""
    chosen = {name: str(value) for name, value in draft.choices.items() if name in CHOICES}
    states = draft.choices.get("components", {})
    listed = {
        each: states[each.public_id] for each in components.listed(draft.incident.page) if each.public_id in states
    }
    said = drafts.read_update({**chosen, "body": draft.body}, listed, draft.incident.status)
    return replace(said, hold=urls.settings().hold)


def waiting(incident: Incident) -> list[ReplyDraft]:
    """The incident's drafts that wait, newest first."""
    return list(db.session.scalars(_waiting().where(ReplyDraft.incident_id == incident.id)))


def waiting_on(page: Page) -> list[ReplyDraft]:
    """All drafts that wait on a page, newest first; those of incidents that are over wait for nothing."""
    query = _waiting().join(Incident).where(Incident.page_id == page.id, Incident.resolved_at.is_(None))
    return list(db.session.scalars(query))


def find(page: Page, public_id: str) -> ReplyDraft:
    """The page's draft with this id; raises NotFound."""
    query = select(ReplyDraft).join(Incident).where(Incident.page_id == page.id, ReplyDraft.public_id == public_id)
    draft = db.session.scalar(query)
    if draft is None:
        raise NotFound("There is no such draft.")
    return draft


def may_suggest(author: StaffUser, incident: Incident) -> bool:
    """Whether this colleague's words are kept: responders and above, and whoever has a role on the incident."""
    if not author.active:
        return False
    is_on_it = any(each.staff_user_id == author.id for each in incident.assignments)
    return is_on_it or author.staff_role is not StaffRole.VIEWER


def may_release(user: StaffUser, incident: Incident) -> bool:
    """Whether this colleague may speak about the incident: as always, or because they have been asked to."""
    if not user.active:
        return False
    asked = select(Reminder.id).filter_by(incident_id=incident.id, staff_user_id=user.id, cancelled_at=None)
    return staff.may_publish(user, incident) or db.session.scalar(asked.limit(1)) is not None


def _waiting() -> Any:
    query = select(ReplyDraft).where(ReplyDraft.released_at.is_(None), ReplyDraft.discarded_at.is_(None))
    return query.order_by(ReplyDraft.id.desc())


def _key(via: ReplyVia, source: str) -> str:
    """A carrier's name for a message may be of any length and look."""
    return hashlib.sha256(f"{via.value}:{source}".encode(errors="replace")).hexdigest() if source else ""
