"""Whoever owes a deadline is reminded before it, when it is due, and until it is settled."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from statuspage import publishing, staff
from statuspage.cadence import deadlines, owing, policies, reminders, watch
from statuspage.cadence.policy import DEFAULTS, DeadlineRule
from statuspage.cadence.steps import COMMANDER, Recipient
from statuspage.db import db
from statuspage.delivery import letters
from statuspage.errors import Conflict
from statuspage.models import Announcement, AuditEntry, DeadlineReminder, Delivery, Incident
from statuspage.vocabulary import (
    AnnouncementKind,
    DeadlineKind,
    DeliveryState,
    IncidentRole,
    IncidentStatus,
    Severity,
    StaffRole,
)
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WARNING = DeadlineRule("Early warning", 24 * HOUR, COMMANDER, kind=DeadlineKind.AUTHORITY)
DUE = NOON + 24 * HOUR  # reminded two hours before, and every hour (sev2's interval) after it


@pytest.fixture
def bo(colleague):
    found = colleague(StaffRole.RESPONDER, "bo@candor.example", "+4915112345602")
    found.name = "Bo"
    return found


@pytest.fixture
def owes(page):
    """From now on SEV2 owes these deadlines."""

    def owe(*rules):
        policies.set_policy(page, Severity.SEV2, replace(DEFAULTS[Severity.SEV2], deadlines=rules), BY, NOON)

    return owe


@pytest.fixture
def incident(owes, bo, open_incident):
    """An incident that owes an early warning, by its commander, and no update any more."""
    owes(WARNING)
    found = open_incident()
    publishing.assign(found, IncidentRole.INCIDENT_COMMANDER, bo, BY, NOON)
    publishing.post_update(found, said("It is over.", IncidentStatus.RESOLVED), BY, NOON)
    return found


def told():
    """Who was reminded of a deadline, at which step, in order."""
    rows = db.session.scalars(select(DeadlineReminder).order_by(DeadlineReminder.id))
    return [(each.staff_user.email.split("@")[0], each.step.value, each.round) for each in rows]


def reminded():
    """The mails to staff that are owed or out, in order."""
    query = select(Delivery).join(Announcement).where(Announcement.kind == AnnouncementKind.REMINDER)
    rows = db.session.scalars(query.order_by(Delivery.id))
    return [letters.personal(row) for row in rows if row.channel == "email" and row.state is DeliveryState.PENDING]


def everything_left():
    for row in db.session.scalars(select(Delivery)):
        row.state = DeliveryState.SENT
    db.session.commit()


def test_owner_hears_before_it_when_due_and_each_interval_after_it(incident):
    at = [-121, -120, -119, -1, 0, 1, 59, 60, 61, 120]

    assert [reminders.remind_due(DUE + minutes * MINUTE) for minutes in at] == [0, 1, 0, 0, 1, 0, 0, 1, 0, 1]
    assert told() == [("bo", "due_soon", 0), ("bo", "due", 0), ("bo", "overdue", 0), ("bo", "overdue", 1)]


def test_message_says_what_is_owed_by_when_and_where_to_settle_it(incident):
    reminders.remind_due(DUE - 120 * MINUTE)

    (mail,) = reminded()
    assert mail.subject == "Early warning due in 2 h: Payments fail"
    assert "A report to an authority, kept off the page" in mail.text
    assert f"/admin/incidents/{incident.public_id}#deadlines" in mail.text
    assert "/admin/compose/" not in mail.text
    assert not mail.reply_to


def test_after_a_standstill_one_message_catches_up_and_says_so(incident):
    assert reminders.remind_due(DUE + 150 * MINUTE) == 1

    (mail,) = reminded()
    assert told() == [("bo", "overdue", 1)]
    assert mail.subject == "Early warning late by 2 h 30 min: Payments fail"
    assert "This reminder should have come at" in mail.text


def test_one_person_with_a_late_promise_and_deadlines_gets_one_message(owes, bo, open_incident):
    owes(WARNING, replace(WARNING, name="Word to the bank"))
    found = open_incident()
    publishing.assign(found, IncidentRole.INCIDENT_COMMANDER, bo, BY, NOON)
    publishing.assign(found, IncidentRole.COMMUNICATIONS_LEAD, bo, BY, NOON)
    reminders.remind_due(DUE)

    (mail,) = reminded()
    assert mail.subject.startswith("1 update and 2 deadlines wait for you")
    assert mail.text.count("/admin/compose/") == 1
    assert mail.text.count("#deadlines") == 2


@pytest.mark.parametrize("settle", [deadlines.meet, deadlines.waive])
def test_settled_it_is_quiet_and_what_has_not_left_stays_here(incident, settle):
    reminders.remind_due(DUE)
    settle(incident.deadlines[0], "Filed by phone.", BY, DUE + MINUTE)

    assert reminded() == []
    assert reminders.remind_due(DUE + 99 * HOUR) == 0


def test_settled_it_leaves_the_rest_of_the_message_to_be_said(owes, bo, open_incident):
    owes(WARNING)
    found = open_incident()
    publishing.assign(found, IncidentRole.INCIDENT_COMMANDER, bo, BY, NOON)
    publishing.assign(found, IncidentRole.COMMUNICATIONS_LEAD, bo, BY, NOON)
    reminders.remind_due(DUE)
    deadlines.meet(found.deadlines[0], "", BY, DUE + MINUTE)

    (mail,) = reminded()
    assert "late by" in mail.subject
    assert "/admin/compose/" in mail.text
    assert "#deadlines" not in mail.text


def test_an_update_answers_the_promise_and_leaves_the_deadline(owes, bo, open_incident):
    owes(WARNING)
    found = open_incident()
    publishing.assign(found, IncidentRole.INCIDENT_COMMANDER, bo, BY, NOON)
    publishing.assign(found, IncidentRole.COMMUNICATIONS_LEAD, bo, BY, NOON)
    reminders.remind_due(DUE)
    publishing.post_update(found, said("Still at it."), BY, DUE + MINUTE)

    (mail,) = reminded()
    assert mail.subject == "Early warning late by 1 min: Payments fail"


def test_relay_that_comes_back_brings_one_reminder(incident):
    for hours in range(8):
        reminders.remind_due(DUE + hours * HOUR)

    assert len(told()) == 8
    assert [mail.subject for mail in reminded()] == ["Early warning late by 7 h: Payments fail"]


def test_settled_by_mistake_it_is_owed_again_and_on_record(incident):
    reminders.remind_due(DUE)
    everything_left()
    warning = incident.deadlines[0]
    deadlines.waive(warning, "Not for us.", BY, DUE + MINUTE)
    deadlines.take_back(warning, BY, DUE + 5 * HOUR)

    assert (warning.done_at, warning.is_waived, warning.note) == (None, False, "")
    assert [reminders.remind_due(DUE + 5 * HOUR + minutes * MINUTE) for minutes in (0, 1, 60)] == [1, 0, 1]
    assert "should have come" not in reminded()[0].text
    entry = db.session.scalar(select(AuditEntry).filter_by(act="deadline.take_back"))
    assert (entry.detail["was"], entry.detail["note"]) == ("waived", "Not for us.")
    with pytest.raises(Conflict, match="owed already"):
        deadlines.take_back(warning, BY, DUE + 6 * HOUR)


def test_owner_who_has_left_leaves_it_to_the_fallback_contact_or_the_admins(page, owes, bo, colleague, open_incident):
    owes(replace(WARNING, owner=Recipient(f"person:{bo.public_id}")))
    open_incident()
    publishing.post_update(db.session.scalars(select(Incident)).one(), said("Over.", IncidentStatus.RESOLVED), BY, NOON)
    colleague(StaffRole.ADMIN, "ann@candor.example")
    bo.active = False
    db.session.commit()
    reminders.remind_due(DUE)
    page.fallback_contact = colleague(StaffRole.VIEWER, "flo@candor.example")
    db.session.commit()
    reminders.remind_due(DUE + HOUR)

    assert [name for name, *_ in told()] == ["ann", "flo"]


def test_what_was_taken_off_the_page_is_quiet_until_it_is_back(incident):
    reminders.remind_due(DUE)
    publishing.hide(incident, BY, DUE + MINUTE)

    assert reminded() == []
    assert reminders.remind_due(DUE + 3 * HOUR) == 0
    publishing.show_again(incident, BY, DUE + 4 * HOUR)
    assert reminders.remind_due(DUE + 4 * HOUR) == 1


def test_policy_that_changes_in_the_middle_repeats_no_step(page, incident):
    for hours in range(4):
        reminders.remind_due(DUE + hours * HOUR)
    slower = replace(DEFAULTS[Severity.SEV2], interval=3 * HOUR, deadlines=(WARNING,))
    policies.set_policy(page, Severity.SEV2, slower, BY, DUE + 3 * HOUR)

    assert [reminders.remind_due(DUE + hours * HOUR) for hours in (3, 4, 5, 6)] == [0, 0, 0, 1]


def test_deadline_that_nobody_would_look_at_again_is_found(incident):
    incident.next_look_at = None
    db.session.commit()

    assert watch.find_unwatched(DUE) == 1
    assert reminders.remind_due(DUE) == 1


def test_notice_is_a_share_of_the_time_there_was():
    cadence = DEFAULTS[Severity.SEV2]  # ten minutes of lead

    spans = (5 * MINUTE, HOUR, 2 * HOUR, 24 * HOUR, 72 * HOUR)
    assert [owing.notice(cadence, span) for span in spans] == [5 * MINUTE, 10 * MINUTE, 10 * MINUTE, 2 * HOUR, 6 * HOUR]


def test_whoever_owes_it_may_settle_it(incident, bo, colleague):
    warning = incident.deadlines[0]
    stranger = colleague(StaffRole.RESPONDER, "cy@candor.example")

    assert deadlines.may_settle(bo, warning, DUE)
    assert not deadlines.may_settle(stranger, warning, DUE)
    assert staff.may_publish(bo, incident)
