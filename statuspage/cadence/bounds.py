"""How long a promise's chase may stand still by somebody's word: pure, instants in and instants out."""

from datetime import datetime, timedelta

# After the promised time people are waiting already: whoever has it in hand is asked again this soon.
LONGEST_AFTER = timedelta(minutes=15)


def acknowledged_until(due_at: datetime, interval: timedelta, now: datetime) -> datetime:
    """Until when "I have it" holds: to the promised time, or once that is past for a while."""
    return due_at if now < due_at else now + min(LONGEST_AFTER, interval)


def snoozed_until(due_at: datetime, interval: timedelta, now: datetime, span: timedelta) -> datetime | None:
    """Until when a reminder may sleep: never beyond a promise to come, and not at all once a whole interval late."""
    if now < due_at:
        return min(now + span, due_at)
    until = min(now + min(span, LONGEST_AFTER), due_at + interval)
    return until if until > now else None
