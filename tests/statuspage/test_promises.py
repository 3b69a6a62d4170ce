from datetime import timedelta

import pytest

from statuspage import publishing
from statuspage.cadence import policies
from statuspage.cadence.policy import Cadence
from statuspage.cadence.promises import is_late
from statuspage.drafts import Promise
from statuspage.errors import Invalid
from statuspage.vocabulary import Audience, IncidentStatus, PromiseOutcome, Severity
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

HOUR = timedelta(hours=1)
DUE = NOON + HOUR  # what sev2 promises
INSIDE = Audience.INTERNAL


def post(incident, at, body="We know more.", **more):
    return publishing.post_update(incident, said(body, **more), BY, at)


def test_update_in_time_keeps_the_promise(open_incident):
    incident = open_incident()
    post(incident, DUE)

    first = incident.updates[0].promise
    assert (first.outcome, first.settled_at, first.late_by) == (PromiseOutcome.KEPT, DUE, None)


def test_update_after_its_time_is_late(open_incident):
    incident = open_incident()
    post(incident, DUE + timedelta(seconds=1))

    promise = incident.updates[0].promise
    assert (promise.outcome, promise.late_by) == (PromiseOutcome.LATE, timedelta(seconds=1))


def test_each_promise_is_settled_once_and_never_rewritten(open_incident):
    incident = open_incident()
    post(incident, DUE)
    post(incident, DUE + 3 * HOUR, "Again.")

    outcomes = [promise.outcome for promise in incident.promises]
    assert outcomes == [PromiseOutcome.KEPT, PromiseOutcome.LATE, None]
    assert incident.updates[0].next_update_due_at == DUE


def test_resolving_in_time_keeps_the_last_promise_and_makes_none(open_incident):
    incident = open_incident()
    last = post(incident, DUE, status=IncidentStatus.RESOLVED)

    assert incident.updates[0].promise.outcome is PromiseOutcome.KEPT
    assert (last.next_update_due_at, incident.next_update_due_at) == (None, None)


def test_internal_note_keeps_no_promise(open_incident):
    incident = open_incident(status=IncidentStatus.IDENTIFIED)
    post(incident, NOON + timedelta(minutes=5), audience=INSIDE)

    assert incident.updates[0].promise.outcome is None
    assert incident.next_update_due_at == DUE


def test_first_public_word_settles_what_the_internal_opening_promised(open_incident):
    incident = open_incident(audience=INSIDE)
    post(incident, NOON + timedelta(minutes=31))

    assert incident.updates[0].promise.outcome is PromiseOutcome.LATE
    assert incident.next_update_due_at == NOON + timedelta(minutes=91)


def test_false_alarm_ended_inside_withdraws_the_promise(open_incident):
    incident = open_incident(audience=INSIDE)
    post(incident, NOON + timedelta(minutes=5), audience=INSIDE, status=IncidentStatus.RESOLVED)

    assert incident.next_update_due_at is None
    assert incident.updates[0].promise.outcome is PromiseOutcome.WITHDRAWN


def test_incident_that_begins_as_over_inside_promises_nothing(open_incident):
    incident = open_incident(audience=INSIDE, status=IncidentStatus.RESOLVED)

    assert incident.next_update_due_at is None


def test_incident_reopened_inside_promises_its_first_public_word_again(open_incident):
    incident = open_incident(audience=INSIDE)
    post(incident, NOON + timedelta(minutes=5), audience=INSIDE, status=IncidentStatus.RESOLVED)
    publishing.reopen(incident, said("It is back.", audience=INSIDE), BY, DUE)

    assert incident.next_update_due_at == DUE + timedelta(minutes=30)


def test_author_may_promise_another_time(open_incident):
    incident = open_incident(promise=Promise(within=timedelta(minutes=10)))

    assert incident.next_update_due_at == NOON + timedelta(minutes=10)


def test_author_may_promise_none_and_says_why(open_incident):
    incident = open_incident(promise=Promise(none_because="The vendor has it."))

    assert (incident.next_update_due_at, incident.no_promise_reason) == (None, "The vendor has it.")
    assert not is_late(incident, NOON + 99 * HOUR)


def test_reason_goes_with_the_next_promise(open_incident):
    incident = open_incident(promise=Promise(none_because="The vendor has it."))
    post(incident, DUE)

    assert (incident.no_promise_reason, incident.next_update_due_at) == ("", DUE + HOUR)


def test_promise_is_late_after_its_time_and_not_at_it(open_incident):
    incident = open_incident()

    assert not is_late(incident, DUE)
    assert is_late(incident, DUE + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("severity", "minutes"), [(Severity.SEV1, 30), (Severity.SEV2, 60), (Severity.SEV3, 120), (Severity.SEV4, 240)]
)
def test_severity_picks_the_policy(open_incident, severity, minutes):
    assert open_incident(severity=severity).next_update_due_at == NOON + timedelta(minutes=minutes)


def test_changed_policy_holds_from_the_next_update_on(page, open_incident):
    incident = open_incident()
    quick = Cadence(timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=5))
    policies.set_policy(page, Severity.SEV2, quick, BY, NOON)

    assert incident.next_update_due_at == DUE
    assert post(incident, DUE).next_update_due_at == DUE + timedelta(seconds=20)


@pytest.mark.parametrize(
    ("first", "interval", "lead", "fields"),
    [
        (0, 60, 5, {"first"}),
        (60, 0, 5, {"interval"}),
        (60, 60, 61, {"lead"}),
        (10**7, 10**7, 0, {"first", "interval", "lead"}),
    ],
)
def test_policy_that_makes_no_sense_is_refused(page, first, interval, lead, fields):
    cadence = Cadence(*(timedelta(seconds=seconds) for seconds in (first, interval, lead)))

    with pytest.raises(Invalid) as caught:
        policies.set_policy(page, Severity.SEV1, cadence, BY, NOON)

    assert set(caught.value.problems) == fields
