"""What the clock has to look at: `Incident.next_look_at` says when, so that a tick asks about few incidents."""

from datetime import datetime

from sqlalchemy import select, update

from ..db import db, reading
from ..models import Deadline, Incident
from ..vocabulary import IncidentStatus

_has_deadline = Incident.hidden_at.is_(None) & Incident.id.in_(
    select(Deadline.incident_id).where(Deadline.done_at.is_(None))
)
_is_watched = ((Incident.status != IncidentStatus.RESOLVED) & Incident.next_update_due_at.is_not(None)) | _has_deadline


def look_at_all(now: datetime) -> None:
    """The clock looks at every incident that owes something at its next tick: who is chased may have changed.

    The caller commits.
    """
    db.session.execute(
        update(Incident).where(_is_watched).values(next_look_at=now).execution_options(synchronize_session=False)
    )


def find_unwatched(now: datetime) -> int:
    """Promises and deadlines that nobody would look at again are looked at; how many incidents is returned."""
    is_lost = _is_watched & Incident.next_look_at.is_(None)
    with reading():
        if db.session.scalar(select(Incident.id).where(is_lost).limit(1)) is None:
            return 0
    found = db.session.execute(
        update(Incident).where(is_lost).values(next_look_at=now).execution_options(synchronize_session=False)
    )
    db.session.commit()
    count: int = found.rowcount  # type: ignore[attr-defined]
    return count
