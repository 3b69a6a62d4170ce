from datetime import timedelta

import pytest

from statuspage.cadence.policy import Cadence, due_rungs, next_update_due, outcome
from statuspage.vocabulary import IncidentStatus, PromiseOutcome, ReminderStep
from tests.conftest import NOON

MINUTE = timedelta(minutes=1)
CADENCE = Cadence(first=15 * MINUTE, interval=30 * MINUTE, lead=5 * MINUTE)
LEAD, COMMANDER, MANAGERS, LAST = "communications_lead", "incident_commander", "staff:admin", "fallback"
SOON, DUE, OVERDUE = ReminderStep.DUE_SOON, ReminderStep.DUE, ReminderStep.OVERDUE
BEFORE, AT = (SOON, LEAD, 0), (DUE, LEAD, 0)
AFTER = [(OVERDUE, COMMANDER, 0), (OVERDUE, LEAD, 0)]
UPWARDS = [(OVERDUE, MANAGERS, 1), (OVERDUE, COMMANDER, 1), (OVERDUE, LEAD, 1)]


def run_out(times):
    return [(OVERDUE, LAST, times), (OVERDUE, COMMANDER, times), (OVERDUE, LEAD, times)]


@pytest.mark.parametrize(
    ("minutes", "rungs"),
    [
        (-60, []),
        (-5.01, []),
        (-5, [BEFORE]),
        (-0.01, [BEFORE]),
        (0, [BEFORE, AT]),
        (4.99, [BEFORE, AT]),
        (5, [BEFORE, AT, *AFTER]),
        (34.99, [BEFORE, AT, *AFTER]),
        (35, [BEFORE, AT, *AFTER, *UPWARDS]),
        (65, [BEFORE, AT, *AFTER, *UPWARDS, *run_out(2)]),
        (94.99, [BEFORE, AT, *AFTER, *UPWARDS, *run_out(2)]),
        (185, [BEFORE, AT, *AFTER, *UPWARDS, *run_out(6)]),
    ],
)
def test_rungs_climbed_by_then(minutes, rungs):
    found = due_rungs(NOON, CADENCE, NOON + minutes * MINUTE)

    assert [(rung.step, rung.to.word, rung.round) for rung in found] == rungs


def test_every_rung_is_dated_by_when_it_was_due():
    found = due_rungs(NOON, CADENCE, NOON + 96 * MINUTE)

    dated = dict.fromkeys((rung.at - NOON) / MINUTE for rung in found)
    assert list(dated) == [-5, 0, 5, 35, 95]


def test_resolved_promises_nothing():
    assert next_update_due(CADENCE, IncidentStatus.RESOLVED, NOON) is None
    assert next_update_due(CADENCE, IncidentStatus.MONITORING, NOON) == NOON + 30 * MINUTE


def test_promise_is_kept_to_the_last_instant():
    assert outcome(NOON, NOON) is PromiseOutcome.KEPT
    assert outcome(NOON, NOON + timedelta(microseconds=1)) is PromiseOutcome.LATE
