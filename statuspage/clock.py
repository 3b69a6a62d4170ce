"""Time: read once at the edge, handed down as an argument, stored and compared in UTC."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_LONGEST_TYPED = 40
_LONGEST = timedelta(days=365)


def utcnow() -> datetime:
    """The present instant, aware and in UTC. Called at the edges only."""
    return datetime.now(UTC)


def parse_span(text: str) -> timedelta:
    """Read a span such as "20s", "30m", "1h" or "1h30m"; raise ValueError with a sentence otherwise."""
    match = _SPAN.fullmatch(text.strip().lower()) if len(text) <= _LONGEST_TYPED else None
    if not match or not any(match.groups()):
        raise ValueError(f"“{text[:_LONGEST_TYPED]}” is not a span. Write it like 20s, 30m or 1h30m.")
    hours, minutes, whole_seconds = (int(part or 0) for part in match.groups())
    seconds = hours * 3600 + minutes * 60 + whole_seconds
    if seconds > _LONGEST.total_seconds():  # compared as a number: a timedelta cannot hold just any
        raise ValueError(f"“{text}” is longer than a year.")
    return timedelta(seconds=seconds)


def span_text(span: timedelta) -> str:
    """A span in the form that `parse_span` reads, for example "1h30m"."""
    seconds = int(span.total_seconds())
    parts = [(seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s")]
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def span_words(span: timedelta) -> str:
    """A span for people, to two units at most: "45 seconds", "30 min", "1 h 30 min", "3 days 2 h"."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} seconds" if seconds != 1 else "1 second"
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days:
        return f"{days} day{'s' if days != 1 else ''}" + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    return f"{minutes} min"


def clock_text(at: datetime, zone: str) -> str:
    """Wall-clock time with its zone, for example "14:30 CET"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%H:%M} {local.tzname()}"


def near_text(at: datetime, zone: str, now: datetime) -> str:
    """Wall-clock time with its zone; with the day where that is another than the reader's `now`."""
    there = ZoneInfo(zone)
    is_today = at.astimezone(there).date() == now.astimezone(there).date()
    return clock_text(at, zone) if is_today else moment_text(at, zone)


def moment_text(at: datetime, zone: str) -> str:
    """Day and time with zone, for example "21 Nov, 14:30 CET"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b}, {local:%H:%M} {local.tzname()}"


def day_text(at: datetime, zone: str) -> str:
    """A calendar day, for example "21 November 2026"."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%B %Y}"


def iso_text(at: datetime) -> str:
    """RFC 3339 in UTC with seconds, for example "2026-11-21T13:30:00Z"."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
