"""The arithmetic of promises: pure, facts in and values out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..vocabulary import IncidentRole, IncidentStatus, PromiseOutcome, ReminderStep, Severity


@dataclass(frozen=True)
class Cadence:
    """How often an incident of one severity speaks, and how long before and after people are chased."""

    first: timedelta
    interval: timedelta
    lead: timedelta


@dataclass(frozen=True)
class Rung:
    """One step of the ladder: who is reminded, and from when on. `round` counts repetitions of the last step."""

    step: ReminderStep
    at: datetime
    role: IncidentRole
    round: int = 0


def _minutes(first: int, interval: int, lead: int) -> Cadence:
    return Cadence(timedelta(minutes=first), timedelta(minutes=interval), timedelta(minutes=lead))


DEFAULTS = {
    Severity.SEV1: _minutes(15, 30, 5),
    Severity.SEV2: _minutes(30, 60, 10),
    Severity.SEV3: _minutes(60, 120, 15),
    Severity.SEV4: _minutes(120, 240, 30),
}


def next_update_due(cadence: Cadence, status: IncidentStatus, now: datetime) -> datetime | None:
    """When the next update is promised for; resolved incidents promise nothing."""
    return None if status is IncidentStatus.RESOLVED else now + cadence.interval


def outcome(due_at: datetime, now: datetime) -> PromiseOutcome:
    """What became of a promise that is settled now."""
    return PromiseOutcome.KEPT if now <= due_at else PromiseOutcome.LATE


def due_rungs(due_at: datetime, cadence: Cadence, now: datetime) -> list[Rung]:
    """The rungs of the ladder that should have been climbed by now, lowest first.

    Before, at and after: the comms lead `lead` before the promise and when it falls due; the incident
    commander and the comms lead `lead` after it, and again every interval. Of the repetitions only the
    latest is returned, so that a clock that stood still does not send a burst.
    """
    lead, commander = IncidentRole.COMMUNICATIONS_LEAD, IncidentRole.INCIDENT_COMMANDER
    late_at = due_at + cadence.lead
    rungs = [Rung(ReminderStep.DUE_SOON, due_at - cadence.lead, lead), Rung(ReminderStep.DUE, due_at, lead)]
    if now >= late_at:
        rounds = int((now - late_at) / cadence.interval)
        at = late_at + rounds * cadence.interval
        rungs += [Rung(ReminderStep.OVERDUE, at, role, rounds) for role in (commander, lead)]
    return [rung for rung in rungs if rung.at <= now]
