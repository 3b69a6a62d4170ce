"""An on-call calendar (iCalendar, RFC 5545) as shifts: pure, bytes in and values out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MOST_EVENTS, MOST_RECURRING = 5000, 200
OLDEST_RECURRING = timedelta(days=20 * 366)
_SHORT = ("SECONDLY", "MINUTELY", "HOURLY")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True)
class Shift:
    """Somebody is on duty from then until then. Who it is are the addresses and words of the calendar."""

    begins_at: datetime
    ends_at: datetime
    emails: tuple[str, ...]
    words: str


class Unreadable(ValueError):
    """No calendar, or one that we do not work through; the text is a sentence."""


def read(document: bytes, zone: str, since: datetime, until: datetime) -> list[Shift]:
    """The shifts between two instants, in order. Days and times without a zone are those of the page's."""
    # Imported when there is a calendar to read: four megabytes that most houses never need.
    import recurring_ical_events  # noqa: PLC0415
    from icalendar import Calendar  # noqa: PLC0415

    if not document.rstrip().upper().endswith(b"END:VCALENDAR"):
        raise Unreadable("It is not an iCalendar file that can be read to its end.")
    try:
        calendar = Calendar.from_ical(document.decode("utf-8-sig"))
        events = list(calendar.walk("VEVENT"))
    except Exception as error:  # whatever a parser makes of what a stranger wrote
        raise Unreadable("It is not an iCalendar file that can be read.") from error
    if calendar.name != "VCALENDAR":
        raise Unreadable("It is not an iCalendar file that can be read.")
    _refuse_endless(events, since)
    try:
        found = recurring_ical_events.of(calendar, skip_bad_series=True).between(since, until)
        shifts = [_shift(event, ZoneInfo(zone)) for event in found if str(event.get("STATUS", "")) != "CANCELLED"]
    except Exception as error:
        raise Unreadable("An event in it cannot be read.") from error
    return sorted(
        (each for each in shifts if each.ends_at > since and each.begins_at < until),
        key=lambda each: (each.begins_at, each.words),
    )


def _refuse_endless(events: list[Any], since: datetime) -> None:
    """A calendar that would keep us busy for minutes is no rota."""
    recurring = [event for event in events if "RRULE" in event]
    if len(events) > MOST_EVENTS or len(recurring) > MOST_RECURRING:
        raise Unreadable(f"It has more than {MOST_EVENTS} events, or more than {MOST_RECURRING} that come again.")
    for event in recurring:
        begins = event.get("DTSTART").dt if event.get("DTSTART") else None
        is_old = begins is not None and _day(begins) < (since - OLDEST_RECURRING).date()
        if is_old or any(_is_dense(rule) for rule in _rules(event)):
            raise Unreadable("An event in it comes again too often, or since too long ago, for a shift.")


def _rules(event: Any) -> Iterator[Any]:
    rules = event["RRULE"]
    yield from rules if isinstance(rules, list) else [rules]


def _is_dense(rule: Any) -> bool:
    frequency = [str(each).upper() for each in rule.get("FREQ", [])]
    return any(each in _SHORT for each in frequency) or any(
        len(rule.get(part, [])) > 1 for part in ("BYHOUR", "BYMINUTE", "BYSECOND")
    )


def _shift(event: Any, zone: ZoneInfo) -> Shift:
    begins = event["DTSTART"].dt
    ends = event["DTEND"].dt if "DTEND" in event else begins + timedelta(days=0 if isinstance(begins, datetime) else 1)
    summary, more = str(event.get("SUMMARY", "")), str(event.get("DESCRIPTION", ""))
    attendees = event.get("ATTENDEE", [])
    named = [str(each) for each in (attendees if isinstance(attendees, list) else [attendees])]
    also = [str(each.params.get("CN", "")) for each in (attendees if isinstance(attendees, list) else [attendees])
            if hasattr(each, "params")]  # fmt: skip
    texts = [*named, summary, more]
    emails = dict.fromkeys(found.casefold() for text in texts for found in _EMAIL.findall(text[:2000]))
    words = " ".join(" ".join([summary, *also, more]).split())[:500]
    return Shift(_instant(begins, zone), _instant(ends, zone), tuple(emails), words)


def _instant(at: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(at, datetime):
        at = datetime.combine(at, time())
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _day(at: date | datetime) -> date:
    return at.date() if isinstance(at, datetime) else at
