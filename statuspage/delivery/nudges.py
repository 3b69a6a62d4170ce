"""What one person is told of one incident or of several at once: all they owe in one message, with a link each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .. import replyaddresses, text, urls
from ..clock import moment_text, near_text, span_words
from ..db import new_id
from ..models import Deadline, Incident
from ..vocabulary import ReminderCause, ReminderStep
from . import messages

# A tick later is not late; what comes later than this says when it should have come.
LATE_AFTER = timedelta(minutes=1)
NAMED_BY_SMS, NAMED_BY_MAIL = 3, 20


@dataclass(frozen=True)
class Nudge:
    """One incident in a reminder: at which step, when the reminder should have come, and why it comes."""

    incident: Incident
    step: ReminderStep
    due_at: datetime
    cause: ReminderCause = ReminderCause.LADDER
    # Who handed it over, or which role nobody has.
    by: str = ""
    reminder_id: str = field(default_factory=new_id)
    # The deadline it is about; None: the update that was promised.
    deadline: Deadline | None = None


def words(nudged: Sequence[Nudge], announcement_id: str, now: datetime) -> dict[str, Any]:
    """The words of the message, and which link in it belongs to which reminder."""
    if len(nudged) == 1:
        only = nudged[0]
        if only.deadline:
            opening = _deadline_opening(only.deadline, now)
            return dict(messages.deadline(only.deadline, announcement_id, now, opening, _note(only, now)))
        said = messages.reminder(only.incident, only.step, announcement_id, now, _opening(only), _note(only, now))
        return {**said, "reminder_id": only.reminder_id}
    names = {f"compose{number}": each.reminder_id for number, each in enumerate(nudged) if not each.deadline}
    return {**_together(nudged, announcement_id, now), "reminder_ids": names}


def _together(nudged: Sequence[Nudge], announcement_id: str, now: datetime) -> dict[str, messages.Words]:
    page = nudged[0].incident.page
    subject = _subject(nudged)
    items = [_item(each, messages.placeholder(announcement_id, f"compose{n}"), now) for n, each in enumerate(nudged)]
    late = min(nudged, key=lambda each: each.due_at)
    note, more = _lateness(late.due_at, page.time_zone, now), max(0, len(items) - NAMED_BY_MAIL)
    return messages.render(
        "reminders",
        announcement_id,
        page,
        f"{subject}: {text.excerpt(', '.join(each.incident.title for each in nudged), 120)}",
        _sms(subject, items, note),
        items=items[:NAMED_BY_MAIL],
        more=more,
        opening=subject,
        note=note,
        has_updates=any(each.deadline is None for each in nudged),
        panel_url=urls.absolute("/admin/"),
    )


def _subject(nudged: Sequence[Nudge]) -> str:
    """How many updates and deadlines wait."""
    owed = sum(each.deadline is not None for each in nudged)
    counts = ((len(nudged) - owed, "update"), (owed, "deadline"))
    said = [f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts if count]
    return f"{' and '.join(said)} wait for you"


def _item(nudge: Nudge, compose_url: str, now: datetime) -> dict[str, Any]:
    """One incident or deadline among several, with where it is settled."""
    incident, deadline = nudge.incident, nudge.deadline
    zone = incident.page.time_zone
    if deadline:
        return {
            "incident": incident,
            "deadline": deadline,
            "opening": _deadline_opening(deadline, now),
            "due": moment_text(deadline.due_at, zone),
            "url": urls.deadlines(incident.public_id),
        }
    return {
        "incident": incident,
        "deadline": None,
        "opening": _opening(nudge) or messages.reminder_opening(incident, nudge.step, now),
        "due": moment_text(incident.next_update_due_at or now, zone),
        "url": compose_url,
    }


def _deadline_opening(deadline: Deadline, now: datetime) -> str:
    """What is owed, and how long it still has or has had."""
    name, distance = text.excerpt(deadline.name, 60), span_words(abs(deadline.due_at - now))
    if now < deadline.due_at:
        return f"{name} due in {distance}"
    return f"{name} due now" if now - deadline.due_at < LATE_AFTER else f"{name} late by {distance}"


def _sms(subject: str, items: Sequence[dict[str, Any]], note: str) -> str:
    named = [
        f"{each['opening']}: {text.excerpt(each['incident'].title, 40)} {each['url']}{_digits(each)}."
        for each in items[:NAMED_BY_SMS]
    ]
    more = len(items) - NAMED_BY_SMS
    rest = [f"And {more} more: {urls.absolute('/admin/')}"] if more > 0 else []
    how = ["Or answer the digits, then words."] if any(map(_digits, items[:NAMED_BY_SMS])) else []
    return " ".join([f"{subject}.", *([note] if note else []), *named, *rest, *how]).replace("…", "...")


def _digits(item: Mapping[str, Any]) -> str:
    """The digits with which this incident is answered; a deadline is settled in the panel alone."""
    return "" if item["deadline"] else f" ({replyaddresses.code(item['incident'].public_id)})"


def _opening(nudge: Nudge) -> str:
    """How it begins where the ladder is not the reason; empty where it is."""
    if nudge.cause is ReminderCause.HANDED_OVER:
        # Said again, it is not known any more who did.
        return f"{nudge.by} handed this over to you" if nudge.by else "This was handed over to you"
    if nudge.cause is ReminderCause.UNCLAIMED:
        return f"Nobody is {nudge.by} yet"
    return ""


def _note(nudge: Nudge, now: datetime) -> str:
    return _lateness(nudge.due_at, nudge.incident.page.time_zone, now)


def _lateness(should_at: datetime, zone: str, now: datetime) -> str:
    """That a reminder is late; empty when it is not."""
    if now - should_at <= LATE_AFTER:
        return ""
    return f"This reminder should have come at {near_text(should_at, zone, now)}."
