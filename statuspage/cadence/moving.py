"""What is done about a promise without speaking: moving it, and taking it back. Each says why."""

from datetime import datetime, timedelta

from .. import audit, text
from ..audit import Actor
from ..clock import iso_text, near_text
from ..db import db
from ..drafts import LONGEST_PROMISE
from ..errors import Conflict, Invalid
from ..models import Incident, Promise
from ..publishing import hold
from . import promises

LONGEST_REASON = 300


def move(incident: Incident, due_at: datetime, reason: str, by: Actor, now: datetime) -> Promise:
    """The next update is promised for another time, and the page says so: "moved from 14:30, because …".

    What stood is replaced; once its time has passed it is late for good, and the new one stands beside that. Nobody
    gets a message. Raises Invalid for a time or a reason that will not do, Conflict where there is nothing to move.
    """
    reason = _reason(reason, "Say why the update comes at another time.")
    if not now < due_at <= now + LONGEST_PROMISE:
        raise Invalid({"due_at": "Choose a moment within the next seven days."})
    hold(incident)
    before = _standing(incident)
    if before.due_at == due_at:
        raise Invalid({"due_at": f"{near_text(due_at, incident.page.time_zone, now)} is what is promised already."})
    promises.replace(incident, due_at, reason, by, now)
    _record(incident, before, "promise.move", by, now, to=iso_text(due_at))
    return before


def withdraw(incident: Incident, reason: str, by: Actor, now: datetime) -> Promise:
    """No next update is promised any more, and the page says why. Once its time has passed it stays late.

    Raises Invalid without a reason, Conflict where there is no promise.
    """
    reason = _reason(reason, "Say why no next update is promised.")
    hold(incident)
    before = _standing(incident)
    promises.withdraw(incident, reason, by, now)
    if not before.is_first:
        incident.no_promise_reason = reason
    _record(incident, before, "promise.withdraw", by, now)
    return before


def after(incident: Incident, within: timedelta, reason: str, by: Actor, now: datetime) -> Promise:
    """As `move`, to this long from now."""
    return move(incident, now + incident.page.paced(within), reason, by, now)


def _standing(incident: Incident) -> Promise:
    if not incident.is_open:
        raise Conflict("This incident is resolved, and nothing is promised any more.")
    if (promise := promises.standing(incident)) is None:
        raise Conflict("No next update is promised. Post an update to promise one.")
    return promise


def _reason(typed: str, missing: str) -> str:
    reason = text.one_line(typed)
    if not reason:
        raise Invalid({"reason": missing})
    if len(reason) > LONGEST_REASON:
        raise Invalid({"reason": f"Keep it within {LONGEST_REASON} characters; this has {len(reason)}."})
    return reason


def _record(incident: Incident, before: Promise, act: str, by: Actor, now: datetime, **more: str) -> None:
    incident.updated_at = incident.page.updated_at = now
    became = before.outcome.value if before.outcome else None
    audit.record(by, act, incident, now, was=iso_text(before.due_at), became=became, reason=before.reason, **more)
    db.session.commit()
