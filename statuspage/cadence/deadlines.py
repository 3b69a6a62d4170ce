"""Deadlines beside the interval: words owed to customers or an authority, as contracts and regulators ask for them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from .. import audit, staff, text
from ..audit import Actor
from ..clock import iso_text
from ..db import db, lock
from ..errors import Conflict, Invalid, NotFound
from ..models import Deadline, Incident, Page, StaffUser
from ..vocabulary import DeadlineStart
from . import owing, recall
from .policies import cadence_for
from .roster import Roster

LONGEST_NOTE = 300
OFF_THE_PAGE = "The incident was taken off the page."


def owe(incident: Incident, now: datetime) -> list[Deadline]:
    """The incident owes what its policy asks for, each by its name once; the caller commits.

    What was owed under another severity stays owed until it is done or waived: a contract does not forget.
    """
    known = {each.name for each in incident.deadlines}
    rules = cadence_for(incident.page, incident.severity, incident.type).deadlines
    fresh = [
        Deadline(
            incident=incident,
            name=rule.name,
            kind=rule.kind,
            owner=rule.owner.word,
            due_at=_since(incident, rule.since) + rule.after,
            created_at=now,
        )
        for rule in rules
        if rule.name not in known
    ]
    db.session.add_all(fresh)
    if fresh:
        incident.next_look_at = now
    return fresh


def due_by(now: datetime) -> Sequence[Deadline]:
    """The deadlines of all pages that should have been met by now and were not, the oldest first.

    What was taken off the page owes nothing more to anybody.
    """
    query = select(Deadline).where(Deadline.done_at.is_(None), Deadline.due_at <= now)
    query = query.join(Incident).where(Incident.hidden_at.is_(None))
    return db.session.scalars(query.order_by(Deadline.due_at, Deadline.id)).all()


def find(page: Page, public_id: str) -> Deadline:
    """The deadline with this id of one of the page's incidents; raises NotFound."""
    query = select(Deadline).join(Incident).where(Incident.page_id == page.id, Deadline.public_id == public_id)
    found = db.session.scalar(query)
    if found is None:
        raise NotFound("There is no such deadline.")
    return found


def meet(deadline: Deadline, note: str, by: Actor, now: datetime) -> None:
    """The word was given, or the report was made: by whom and when is kept. Raises Conflict if it was before."""
    _settle(deadline, _note(note), by, now, waives=False)


def waive(deadline: Deadline, reason: str, by: Actor, now: datetime) -> None:
    """It does not apply after all, and the reason is kept. Raises Invalid without one, Conflict if it was settled."""
    if not (reason := _note(reason)):
        raise Invalid({"note": "Say why this deadline does not apply."})
    _settle(deadline, reason, by, now, waives=True)


def take_back(deadline: Deadline, by: Actor, now: datetime) -> None:
    """It was settled by mistake: it is owed again, and its owner is reminded again. Raises Conflict if it is owed.

    How it had been settled, when and by whom stays on record.
    """
    incident = _held(deadline)
    if deadline.done_at is None:
        db.session.rollback()
        raise Conflict(f"“{deadline.name}” is owed already. There is nothing to take back.")
    act = "waived" if deadline.is_waived else "met"
    former = {"was": act, "settled_at": iso_text(deadline.done_at), "note": deadline.note}
    settled_by = deadline.done_by.public_id if deadline.done_by else None
    deadline.done_at, deadline.done_by_id, deadline.note, deadline.is_waived = None, None, "", False
    deadline.taken_back_at = incident.next_look_at = now
    facts = {"deadline": deadline.name, "due_at": iso_text(deadline.due_at), "settled_by": settled_by, **former}
    audit.record(by, "deadline.take_back", incident, now, **facts)
    db.session.commit()


def may_settle(user: StaffUser, deadline: Deadline, now: datetime) -> bool:
    """Who speaks for the incident may settle its deadlines, and so may whoever is reminded of this one."""
    return staff.may_publish(user, deadline.incident) or user in owing.owners(deadline, Roster(now))


def fall_silent(incident: Incident, now: datetime) -> None:
    """Nobody is reminded of this incident's deadlines any more, as long as it is off the page; the caller commits."""
    recall.withdraw_of([each for each in incident.deadlines if each.done_at is None], OFF_THE_PAGE, now)


def _held(deadline: Deadline) -> Incident:
    """The incident and its deadline are ours until the commit: the clock says nothing of them meanwhile."""
    lock(deadline.incident)
    lock(deadline)
    return deadline.incident


def _settle(deadline: Deadline, note: str, by: Actor, now: datetime, *, waives: bool) -> None:
    incident = _held(deadline)
    if deadline.done_at is not None:
        db.session.rollback()
        raise Conflict(f"“{deadline.name}” was settled before. What stands is kept as it is.")
    deadline.done_at, deadline.done_by_id, deadline.note, deadline.is_waived = now, by.user_id, note, waives
    incident.next_look_at = now
    recall.withdraw_of([deadline], recall.SETTLED, now)
    act = "deadline.waive" if waives else "deadline.meet"
    audit.record(by, act, incident, now, deadline=deadline.name, due_at=iso_text(deadline.due_at), note=note)
    db.session.commit()


def _since(incident: Incident, start: DeadlineStart) -> datetime:
    """When the clock began; what nobody noticed before it was declared was noticed then."""
    if start is DeadlineStart.DETECTED:
        return min(incident.detected_at or incident.created_at, incident.created_at)
    return incident.created_at


def _note(typed: str) -> str:
    note = text.one_line(typed)
    if len(note) > LONGEST_NOTE:
        raise Invalid({"note": f"Keep it within {LONGEST_NOTE} characters; this has {len(note)}."})
    return note
