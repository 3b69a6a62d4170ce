"""Policies as plain values, for JSON columns and the record: written simply, read strictly."""

from collections.abc import Mapping
from datetime import time, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from ..clock import span_text
from ..vocabulary import DeadlineKind, DeadlineStart, Phase, ReminderStep
from .hours import Hours
from .policy import Cadence, DeadlineRule
from .steps import LadderStep, Recipient

AnyWord = TypeVar("AnyWord", bound=StrEnum)


class Unreadable(ValueError):
    """Stored values that are no policy: a fault of ours or of a hand in the database."""


def ladder_values(ladder: tuple[LadderStep, ...] | None) -> list[dict[str, Any]] | None:
    """The steps as plain values, spans in seconds; None for the ready-made ladder."""
    if ladder is None:
        return None
    return [
        {"step": each.step.value, "after": _seconds(each.after), "to": each.to.word, "channels": list(each.channels)}
        for each in ladder
    ]


def read_ladder(values: Any) -> tuple[LadderStep, ...] | None:
    """The steps again; raises Unreadable."""
    return None if values is None else tuple(_step(each) for each in _list(values, "ladder"))


def phase_values(phases: Mapping[Phase, timedelta]) -> dict[str, Any]:
    """The intervals of phases as plain values."""
    return {phase.value: _seconds(phases[phase]) for phase in Phase if phase in phases}


def read_phases(values: Any) -> dict[Phase, timedelta]:
    """The intervals of phases again; raises Unreadable."""
    if not isinstance(values, dict):
        raise Unreadable("The intervals of phases are not a mapping.")
    return {_word(Phase, phase): _span(seconds) for phase, seconds in values.items()}


def deadline_values(rules: tuple[DeadlineRule, ...]) -> list[dict[str, Any]]:
    """The deadlines as plain values."""
    return [
        {
            "name": each.name,
            "after": _seconds(each.after),
            "owner": each.owner.word,
            "since": each.since.value,
            "kind": each.kind.value,
        }
        for each in rules
    ]


def read_deadlines(values: Any) -> tuple[DeadlineRule, ...]:
    """The deadlines again; raises Unreadable."""
    return tuple(_deadline(each) for each in _list(values, "deadlines"))


def hours_values(hours: Hours | None) -> dict[str, Any] | None:
    """Business hours as plain values."""
    if hours is None:
        return None
    return {
        "zone": hours.zone,
        "opens": f"{hours.opens:%H:%M}",
        "closes": f"{hours.closes:%H:%M}",
        "days": list(hours.days),
        "holidays": hours.holidays,
    }


def read_hours(values: Any) -> Hours | None:
    """Business hours again; raises Unreadable."""
    if values is None:
        return None
    given = _fields(values, {"zone", "opens", "closes", "days", "holidays"}, "business hours")
    days = _list(given["days"], "days")
    if not all(type(day) is int and 0 <= day <= 6 for day in days):
        raise Unreadable("A day of the business hours is not one of 0 to 6.")
    opens, closes = (_clock(given[name]) for name in ("opens", "closes"))
    return Hours(_text(given["zone"]), opens, closes, tuple(days), _text(given["holidays"]))


def policy_values(cadence: Cadence) -> dict[str, Any]:
    """All of a policy in words and plain values, as the record keeps it."""
    return {
        **{name: span_text(getattr(cadence, name)) for name in ("first", "interval", "lead", "coalescing")},
        "phases": {phase.value: span_text(span) for phase, span in cadence.phases.items()},
        "ladder": ladder_values(cadence.ladder),
        "repeat": span_text(cadence.repeat) if cadence.repeat else None,
        "needs_second": cadence.needs_second,
        "keeps_hours": cadence.hours is not None,
        "deadlines": deadline_values(cadence.deadlines),
    }


def _step(values: Any) -> LadderStep:
    given = _fields(values, {"step", "after", "to", "channels"}, "step")
    channels = tuple(_text(each) for each in _list(given["channels"], "channels"))
    return LadderStep(_word(ReminderStep, given["step"]), _span(given["after"]), _recipient(given["to"]), channels)


def _deadline(values: Any) -> DeadlineRule:
    given = _fields(values, {"name", "after", "owner", "since", "kind"}, "deadline")
    return DeadlineRule(
        _text(given["name"]),
        _span(given["after"]),
        _recipient(given["owner"]),
        _word(DeadlineStart, given["since"]),
        _word(DeadlineKind, given["kind"]),
    )


def _fields(values: Any, names: set[str], what: str) -> dict[str, Any]:
    if not isinstance(values, dict) or set(values) != names:
        raise Unreadable(f"The {what} does not have exactly {', '.join(sorted(names))}.")
    return values


def _list(values: Any, what: str) -> list[Any]:
    if not isinstance(values, list):
        raise Unreadable(f"The {what} are not a list.")
    return values


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unreadable(f"{value!r} is not a text.")
    return value


def _word(words: type[AnyWord], value: Any) -> AnyWord:
    try:
        return words(value)
    except ValueError as error:
        raise Unreadable(str(error)) from error


def _recipient(value: Any) -> Recipient:
    try:
        return Recipient.read(_text(value))
    except ValueError as error:
        raise Unreadable(str(error)) from error


def _span(value: Any) -> timedelta:
    if type(value) not in (int, float):
        raise Unreadable(f"{value!r} is not a number of seconds.")
    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError) as error:
        raise Unreadable(f"{value!r} is no span.") from error


def _clock(value: Any) -> time:
    try:
        return time.fromisoformat(_text(value))
    except ValueError as error:
        raise Unreadable(f"{value!r} is not a time of day.") from error


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
