from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from statuspage import publishing
from statuspage.cadence import deadlines, policies
from statuspage.cadence.policy import DEFAULTS, DeadlineRule
from statuspage.cadence.steps import COMMANDER, COMMS_LEAD
from statuspage.db import db
from statuspage.errors import Conflict, Invalid
from statuspage.models import AuditEntry
from statuspage.vocabulary import DeadlineKind, DeadlineStart, IncidentType, Severity
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

HOUR = timedelta(hours=1)
WARNING = DeadlineRule("Early warning", 24 * HOUR, COMMANDER, DeadlineStart.DETECTED, DeadlineKind.AUTHORITY)
REPORT = DeadlineRule("Final report", 72 * HOUR, COMMS_LEAD)


@pytest.fixture
def contract(page):
    """What SEV2 owes beside its updates, and SEV1 a little more."""
    second = replace(DEFAULTS[Severity.SEV2], deadlines=(WARNING, REPORT))
    policies.set_policy(page, Severity.SEV2, second, BY, NOON)
    hasty = DeadlineRule("Call the board", HOUR, COMMANDER)
    policies.set_policy(page, Severity.SEV1, replace(DEFAULTS[Severity.SEV1], deadlines=(WARNING, hasty)), BY, NOON)


def owed(incident):
    return [(each.name, (each.due_at - NOON) / HOUR, each.owner) for each in incident.deadlines]


def test_incident_owes_what_its_policy_asks_for(contract, open_incident):
    incident = open_incident()

    assert owed(incident) == [
        ("Early warning", 24, "incident_commander"),
        ("Final report", 72, "communications_lead"),
    ]


def test_without_deadlines_in_the_policy_nothing_is_owed(open_incident):
    assert open_incident().deadlines == []


def test_what_got_worse_owes_more_and_forgets_nothing(contract, open_incident):
    incident = open_incident()
    publishing.post_update(incident, said("It is worse.", severity=Severity.SEV1), BY, NOON + HOUR)
    db.session.expire_all()

    assert [name for name, _, _ in owed(incident)] == ["Call the board", "Early warning", "Final report"]


def test_more_exact_policy_wins(page, open_incident):
    own = replace(DEFAULTS[Severity.SEV2], deadlines=(REPORT,))
    policies.set_policy(page, Severity.SEV2, own, BY, NOON, IncidentType.OUTAGE)

    assert [name for name, _, _ in owed(open_incident())] == ["Final report"]


def test_what_is_due_by_now(contract, open_incident):
    incident = open_incident()

    assert deadlines.due_by(NOON + 23 * HOUR) == []
    assert [each.name for each in deadlines.due_by(NOON + 24 * HOUR)] == ["Early warning"]
    deadlines.meet(incident.deadlines[0], "Filed by phone.", BY, NOON + 24 * HOUR)
    assert [each.name for each in deadlines.due_by(NOON + 999 * HOUR)] == ["Final report"]
    publishing.hide(incident, BY, NOON + 24 * HOUR)
    assert deadlines.due_by(NOON + 999 * HOUR) == []


def test_done_is_done_once_and_on_record(contract, open_incident):
    warning = open_incident().deadlines[0]
    deadlines.meet(warning, "Filed by phone.", BY, NOON + HOUR)

    with pytest.raises(Conflict, match="settled before"):
        deadlines.waive(warning, "Not for us.", BY, NOON + 2 * HOUR)
    assert (warning.done_at, warning.is_waived, warning.note) == (NOON + HOUR, False, "Filed by phone.")
    [entry] = db.session.scalars(select(AuditEntry).filter_by(act="deadline.meet"))
    assert entry.detail["deadline"] == "Early warning"


def test_waiving_needs_a_reason(contract, open_incident):
    report = open_incident().deadlines[1]

    with pytest.raises(Invalid):
        deadlines.waive(report, " ", BY, NOON)
    deadlines.waive(report, "No customer was concerned.", BY, NOON)
    assert report.is_waived


def test_customers_read_of_their_word_and_of_no_report_to_an_authority(contract, open_incident, client):
    incident = open_incident()
    db.session.rollback()
    policies.set_hours(incident.page, None, BY, NOON)
    words = client.get(f"/incidents/{incident.public_id}").text

    assert "Early warning" not in words
    assert "Final report" not in words  # long overdue by the reader's clock, which this page keeps inside
    deadlines.meet(incident.deadlines[1], "", BY, NOON + 70 * HOUR)
    assert "Final report" in client.get(f"/incidents/{incident.public_id}").text
    assert "Final report" in client.get("/history.atom").text
