from datetime import timedelta

import pytest

from statuspage.cadence.policy import Cadence, due_rungs, next_update_due, outcome
from statuspage.vocabulary import IncidentRole, IncidentStatus, PromiseOutcome, ReminderStep
from tests.conftest import NOON

MINUTE = timedelta(minutes=1)
CADENCE = Cadence(first=15 * MINUTE, interval=30 * MINUTE, lead=5 * MINUTE)
LEAD, COMMANDER = IncidentRole.COMMUNICATIONS_LEAD, IncidentRole.INCIDENT_COMMANDER
SOON, DUE, OVERDUE = ReminderStep.DUE_SOON, ReminderStep.DUE, ReminderStep.OVERDUE


@pytest.mark.parametrize(
    ("minutes", "rungs"),
    [
        (-60, []),
        (-5.01, []),
        (-5, [(SOON, LEAD, 0)]),
        (-0.01, [(SOON, LEAD, 0)]),
        (0, [(SOON, LEAD, 0), (DUE, LEAD, 0)]),
        (4.99, [(SOON, LEAD, 0), (DUE, LEAD, 0)]),
        (5, [(SOON, LEAD, 0), (DUE, LEAD, 0), (OVERDUE, COMMANDER, 0), (OVERDUE, LEAD, 0)]),
        (34.99, [(SOON, LEAD, 0), (DUE, LEAD, 0), (OVERDUE, COMMANDER, 0), (OVERDUE, LEAD, 0)]),
        (35, [(SOON, LEAD, 0), (DUE, LEAD, 0), (OVERDUE, COMMANDER, 1), (OVERDUE, LEAD, 1)]),
        (185, [(SOON, LEAD, 0), (DUE, LEAD, 0), (OVERDUE, COMMANDER, 6), (OVERDUE, LEAD, 6)]),
    ],
)
def test_rungs_climbed_by_then(minutes, rungs):
    found = due_rungs(NOON, CADENCE, NOON + minutes * MINUTE)

    assert [(rung.step, rung.role, rung.round) for rung in found] == rungs


def test_every_rung_is_dated_by_when_it_was_due():
    found = due_rungs(NOON, CADENCE, NOON + 36 * MINUTE)

    assert [rung.at for rung in found] == [NOON - 5 * MINUTE, NOON, NOON + 35 * MINUTE, NOON + 35 * MINUTE]


def test_resolved_promises_nothing():
    assert next_update_due(CADENCE, IncidentStatus.RESOLVED, NOON) is None
    assert next_update_due(CADENCE, IncidentStatus.MONITORING, NOON) == NOON + 30 * MINUTE


def test_promise_is_kept_to_the_last_instant():
    assert outcome(NOON, NOON) is PromiseOutcome.KEPT
    assert outcome(NOON, NOON + timedelta(microseconds=1)) is PromiseOutcome.LATE
