"""A replay for other programs: one JSON document, or a CSV line for each promise."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from ...clock import iso_text
from ...vocabulary import ReminderStep
from .gaps import Gap
from .measuring import Replay, Spread, Told
from .slots import Slot

COLUMNS = (
    "incident_id", "title", "severity", "said_at", "promised_for", "next_said_at", "gap_seconds", "outcome",
    "late_seconds", "reminded_before_at", "reminded_at", "reminded_after_at", "reminders",
)  # fmt: skip
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_json(replay: Replay, policy: dict[str, Any]) -> dict[str, Any]:
    """Every figure; spans in seconds, None for what is not recorded."""
    made, first, history = replay.promises, replay.first, replay.history
    return {
        "source": history.name,
        "policy": policy,
        "time_zone": replay.zone,
        "from": iso_text(replay.began_at),
        "to": iso_text(replay.last_at),
        "incidents": replay.incidents,
        "updates": replay.updates,
        "maintenance_left_out": history.maintenance,
        "gaps": len(replay.gaps),
        "gaps_longer_than_promised": made.late,
        "gaps_longer_than_promised_share": _share(made.late, len(replay.gaps)),
        "incidents_dark_for_an_hour": replay.dark,
        "incidents_dark_for_an_hour_share": _share(replay.dark, replay.incidents),
        "gap_seconds": _spread(replay.lengths),
        "seconds_beyond_promise": _seconds(replay.beyond),
        "first_update": {
            "recorded": first.recorded,
            "not_recorded": replay.incidents - first.recorded,
            "in_time": first.in_time,
            "seconds": _spread(first.spread),
        },
        "promises": {"made": made.made, "kept": made.kept, "late": made.late, "unsettled": made.unsettled},
        "late_seconds": _spread(made.lateness),
        "lateness": [{"late": each.name, "promises": each.gaps} for each in replay.slots.lateness],
        "reminders": {step.value: count for step, count in replay.reminders.items()},
        "gap_lengths": [
            {"length": each.name, "gaps": each.gaps, "late": each.late} for each in replay.slots.lengths
        ],
        "by_hour": _slots(replay.slots.hours, "hour"),
        "by_weekday": _slots(replay.slots.weekdays, "weekday"),
        "other_intervals": [
            {"interval_seconds": _seconds(each.interval), "longer": each.longer,
             "share": _share(each.longer, len(replay.gaps))}
            for each in replay.tried
        ],
        "worst": [_told(each) for each in replay.worst],
        "notes": list(history.notes),
        "broken": [{"line": each.line, "item": each.item, "reason": each.reason} for each in history.broken],
    }  # fmt: skip


def as_csv(replay: Replay) -> Iterator[str]:
    """A line for each promise in the order of time, with the reminders that would have gone out."""
    yield _line(COLUMNS)
    for gap in sorted([*replay.gaps, *replay.unsettled], key=lambda gap: gap.began_at):
        yield _line(_row(gap))


def _row(gap: Gap) -> Sequence[object]:
    rungs = list(gap.rungs)
    first = {rung.step: rung.at for rung in reversed(rungs)}
    return (
        gap.story.id,
        gap.story.title,
        gap.story.severity or "",
        iso_text(gap.began_at),
        iso_text(gap.due_at),
        _at(gap.ended_at),
        _seconds(gap.length) if gap.ended_at else "",
        gap.outcome or "unsettled",
        _seconds(gap.late_by) if gap.ended_at else "",
        *(_at(first.get(step)) for step in ReminderStep),
        len(rungs) if gap.ended_at else "",
    )


def _told(told: Told) -> dict[str, Any]:
    return {
        "id": told.story.id,
        "title": told.story.title,
        "began_at": iso_text(told.story.statements[0].at),
        "updates": len(told.story.statements),
        "seconds_beyond_promise": _seconds(told.beyond),
        "longest_gap_seconds": _seconds(told.longest),
        "reminders": told.reminders,
    }


def _slots(slots: Sequence[Slot], name: str) -> list[dict[str, Any]]:
    return [{name: each.name, "gaps": each.gaps, "late": each.late, "reminders": each.reminders} for each in slots]


def _spread(spread: Spread | None) -> dict[str, float] | None:
    if spread is None:
        return None
    return {"median": _seconds(spread.median), "p90": _seconds(spread.p90), "longest": _seconds(spread.longest)}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _seconds(span: timedelta) -> float:
    seconds = round(span.total_seconds(), 3)
    return int(seconds) if seconds.is_integer() else seconds


def _at(at: datetime | None) -> str:
    return iso_text(at) if at else ""


def _line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(each) for each in cells])
    return line.getvalue()


def _cell(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
