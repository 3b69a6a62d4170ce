"""A history as JSON lines: one incident with all its updates a line, as collectors of public status pages keep them.

`{"id": …, "title": …, "started_at": …, "impact": …, "updates": [{"at": …, "status": …}, …]}`; what else stands in a
line is not looked at.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .. import text
from ..vocabulary import Impact, IncidentStatus
from . import shapes
from .facts import Unreadable

PLANNED = {"scheduled", "in_progress", "verifying", "completed"}
SAME, POSTMORTEM = "update", "postmortem"
_STATUSES = {each.value for each in IncidentStatus}
TITLE_MOST = 255


@dataclass(frozen=True)
class Line:
    """One incident as its line tells it; `updates` are (time, status), oldest first."""

    id: str
    title: str
    updates: tuple[tuple[datetime, IncidentStatus], ...]
    started_at: datetime | None
    is_maintenance: bool
    # Times without a zone, which are read as UTC.
    naive: int
    # Whether the line tells its updates neither oldest nor newest first.
    is_mixed: bool


def is_one(said: str) -> bool:
    """Whether a file is such a history: any of its lines is an object with a list of updates."""
    return any('"updates"' in line and _has_updates(line) for line in said.splitlines())


def read(line: str) -> Line:
    """What a line tells; raises Unreadable."""
    item = shapes.mapping(_parsed(line))
    updates = [shapes.mapping(each) for each in shapes.listed(item, "updates")]
    if not updates:
        raise Unreadable("updates is empty: nothing was said.")
    words = [_word(each) for each in updates]
    times = [_instant(each, "at") for each in updates]
    order, is_mixed = _order([_aware(at) for at in times])
    started_at = _instant(item, "started_at") if item.get("started_at") is not None else None
    title = text.excerpt(text.one_line(shapes.words(item, "title")), TITLE_MOST)
    read_at = [*times, *([started_at] if started_at else [])]
    return Line(
        id=_identity(item),
        title=title or "(no title)",
        updates=tuple(
            zip((_aware(times[each]) for each in order), _statuses([words[each] for each in order]), strict=True)
        ),
        started_at=_aware(started_at) if started_at else None,
        is_maintenance=item.get("impact") == Impact.MAINTENANCE or not PLANNED.isdisjoint(words),
        naive=sum(at.tzinfo is None for at in read_at),
        is_mixed=is_mixed,
    )


def _has_updates(line: str) -> bool:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(item, dict) and isinstance(item.get("updates"), list)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise Unreadable(f"is no JSON: {error.msg} at character {error.colno}.") from error
    except RecursionError as error:
        raise Unreadable("is nested too deeply.") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise Unreadable("has a number that is none.") from error


def _identity(item: dict[str, Any]) -> str:
    found = item.get("id")
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return shapes.line(item, "id", TITLE_MOST)


def _word(update: dict[str, Any]) -> str:
    word = shapes.words(update, "status").strip().lower().replace(" ", "_")
    if word not in _STATUSES | PLANNED | {SAME, POSTMORTEM}:
        raise Unreadable(f"an update's status is “{word[:40]}”, which is no status of an incident.")
    return word


def _instant(item: dict[str, Any], name: str) -> datetime:
    """The time, still without a zone where it has none; checked as one of UTC."""
    value = item.get(name)
    try:
        found = datetime.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        shapes.read_instant(value, name)
        raise
    shapes.read_instant(value if found.tzinfo else f"{found.isoformat()}Z", name)
    return found


def _order(times: list[datetime]) -> tuple[list[int], bool]:
    """The updates' places, oldest first, and whether they stood otherwise than oldest or newest first.

    Updates that share a time stay as they were told.
    """
    places = list(range(len(times)))
    if times[0] > times[-1]:
        places.reverse()
    ordered = sorted(places, key=lambda place: times[place])
    return ordered, ordered != places


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _statuses(words: list[str]) -> list[IncidentStatus]:
    """Where the incident stood after each update: "update" leaves it there, a postmortem follows what is over."""
    found: list[IncidentStatus] = []
    for word in words:
        if word in _STATUSES:
            found.append(IncidentStatus(word))
        elif word == POSTMORTEM:
            found.append(IncidentStatus.RESOLVED)
        else:
            found.append(found[-1] if found else IncidentStatus.INVESTIGATING)
    return found
