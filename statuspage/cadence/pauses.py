"""Standing still: somebody has it in hand or cannot speak yet, and nobody further up is woken for a while."""

from datetime import datetime, timedelta

from sqlalchemy import select

from .. import audit, text
from ..audit import Actor
from ..clock import near_text
from ..db import db, lock
from ..errors import Conflict, Invalid
from ..models import ChasePause, Incident, StaffUser
from ..vocabulary import PauseKind
from . import bounds, recall
from .policies import interval_of

REASON_MOST = 300
SHORTEST = timedelta(seconds=1)
NOTHING_OWED = "Nothing is promised on this incident, so nobody is chased for it."


def acknowledge(incident: Incident, user: StaffUser, by: Actor, now: datetime) -> ChasePause:
    """The person has it: nobody is chased before the promised time, or once that is past for a while.

    Said twice it holds as it was said first.
    """
    due_at = _held(incident)
    standing = standing_on(incident, now)
    if standing and standing.staff_user_id == user.id and standing.kind is PauseKind.ACKNOWLEDGED:
        return _leave(standing)
    until = bounds.acknowledged_until(due_at, interval_of(incident), now)
    return _stand(incident, user, PauseKind.ACKNOWLEDGED, "", until, by, now)


def snooze(  # noqa: PLR0913 - who says it, why, and for how long
    incident: Incident, user: StaffUser, reason: str, span: timedelta, by: Actor, now: datetime
) -> ChasePause:
    """Nobody is chased for a while, for a reason that colleagues read; raises Invalid and Conflict.

    Never beyond a promise that is still to come; past it, for a bounded time, and no more once it is a whole
    interval late.
    """
    why = text.one_line(reason)
    if not why:
        raise Invalid({"reason": "Say why, in a few words: colleagues see it."})
    if len(why) > REASON_MOST:
        raise Invalid({"reason": f"Use {REASON_MOST} characters at most."})
    if span < SHORTEST:
        raise Invalid({"span": "Write how long, like 10m."})
    due_at = _held(incident)
    standing = standing_on(incident, now)
    interval = interval_of(incident)
    until = bounds.snoozed_until(due_at, interval, now, span)
    if until is None:
        promised = near_text(due_at, incident.page.time_zone, now)
        db.session.rollback()
        raise Conflict(f"The update promised by {promised} is too late to be snoozed. Write it, or hand it over.")
    is_again = standing and standing.staff_user_id == user.id and standing.kind is PauseKind.SNOOZED
    if standing and is_again and standing.reason == why and standing.until >= until - timedelta(seconds=10):
        return _leave(standing)
    return _stand(incident, user, PauseKind.SNOOZED, why, until, by, now)


def standing_on(incident: Incident, now: datetime) -> ChasePause | None:
    """What holds the chase of this incident's promise at this moment, if anything does."""
    query = select(ChasePause).where(ChasePause.incident_id == incident.id, ChasePause.ended_at.is_(None))
    pause = db.session.scalar(query)
    return pause if pause and pause.until > now else None


def end(incident: Incident, now: datetime) -> None:
    """Nothing holds the chase of this incident any more; the caller commits."""
    query = select(ChasePause).where(ChasePause.incident_id == incident.id, ChasePause.ended_at.is_(None))
    for pause in db.session.scalars(query):
        pause.ended_at = min(pause.until, now)


def _held(incident: Incident) -> datetime:
    """The incident is ours until the commit; when its next update was promised for."""
    lock(incident)
    if not incident.is_open or incident.next_update_due_at is None:
        db.session.rollback()
        raise Conflict(NOTHING_OWED)
    return incident.next_update_due_at


def _leave(standing: ChasePause) -> ChasePause:
    db.session.rollback()
    return standing


def _stand(  # noqa: PLR0913 - all that a row holds
    incident: Incident, user: StaffUser, kind: PauseKind, reason: str, until: datetime, by: Actor, now: datetime
) -> ChasePause:
    assert incident.next_update_due_at is not None
    end(incident, now)
    db.session.flush()
    pause = ChasePause(
        incident=incident,
        staff_user=user,
        kind=kind,
        reason=reason,
        promise_due_at=incident.next_update_due_at,
        created_at=now,
        until=until,
    )
    db.session.add(pause)
    recall.withdraw_unsent(incident, f"{user.display_name} has {'snoozed' if reason else 'acknowledged'} it.", now)
    incident.next_look_at = now
    act = "reminder.snooze" if kind is PauseKind.SNOOZED else "reminder.acknowledge"
    audit.record(
        by, act, incident, now, until=until.isoformat(timespec="seconds"), **({"why": reason} if reason else {})
    )
    db.session.commit()
    return pause
