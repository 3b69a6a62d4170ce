from datetime import timedelta

import pytest
from sqlalchemy import select, text as sql

from statuspage import publishing, staff
from statuspage.cadence import reminders
from statuspage.db import db
from statuspage.delivery import letters
from statuspage.models import Announcement, Delivery, Incident, Reminder
from statuspage.vocabulary import AnnouncementKind, DeliveryState, IncidentRole, IncidentStatus, StaffRole
from tests.breaking import refuse_inserts
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, ledger, said, states

LEAD, COMMANDER = IncidentRole.COMMUNICATIONS_LEAD, IncidentRole.INCIDENT_COMMANDER
DUE = NOON + timedelta(hours=1)  # what sev2 promises, with ten minutes of lead
MINUTE = timedelta(minutes=1)


@pytest.fixture
def crew(page, open_incident, colleague):
    """An incident with a comms lead and a commander, each with a phone."""
    ada = colleague(StaffRole.COMMS_LEAD, "ada@candor.example", "+4915112345601")
    bo = colleague(StaffRole.RESPONDER, "bo@candor.example", "+4915112345602")
    incident = open_incident()
    publishing.assign(incident, LEAD, ada, BY, NOON)
    publishing.assign(incident, COMMANDER, bo, BY, NOON)
    return incident


def told():
    """Who was reminded of which step, in order."""
    rows = db.session.scalars(select(Reminder).order_by(Reminder.id))
    return [(row.staff_user.email.split("@")[0], row.step.value, row.round) for row in rows]


def test_nobody_is_reminded_before_it_is_time(crew):
    assert reminders.remind_due(DUE - 11 * MINUTE) == 0


def test_ladder_before_at_and_after(crew):
    for minutes in (-10, 0, 10, 70):
        reminders.remind_due(DUE + minutes * MINUTE)

    assert told()[:2] == [("ada", "due_soon", 0), ("ada", "due", 0)]
    assert set(told()[2:4]) == {("bo", "overdue", 0), ("ada", "overdue", 0)}
    assert set(told()[4:]) == {("bo", "overdue", 1), ("ada", "overdue", 1)}


def test_clock_that_ticks_every_second_reminds_once_a_rung(crew):
    for second in range(30):
        reminders.remind_due(DUE + timedelta(seconds=second))

    assert told() == [("ada", "due", 0)]


def test_clock_that_stood_still_sends_no_burst(crew):
    assert reminders.remind_due(DUE + timedelta(hours=3)) == 2
    assert set(told()) == {("bo", "overdue", 2), ("ada", "overdue", 2)}


def test_clock_that_goes_back_reminds_nobody_again(crew):
    reminders.remind_due(DUE)

    assert reminders.remind_due(DUE - 5 * MINUTE) == 0
    assert reminders.remind_due(DUE) == 0


def test_reminder_goes_by_mail_and_sms_with_the_composer_one_tap_away(crew, dispatch):
    reminders.remind_due(DUE)
    mail, sms = FakeChannel(), FakeChannel(kind="sms")
    dispatch(DUE, email=mail, sms=sms)

    assert (mail.recipients, sms.recipients) == (["ada@candor.example"], ["+4915112345601"])
    assert "Update due now" in mail.messages[0].subject
    for message in (*mail.messages, *sms.messages):
        assert "/admin/compose/" in message.text
    assert len(sms.messages[0].text) <= 306


def test_without_a_phone_there_is_a_mail_only(open_incident, colleague):
    colleague(StaffRole.COMMS_LEAD)
    open_incident()
    reminders.remind_due(DUE)

    assert [row.channel for row in ledger()] == ["email"]


def test_where_nobody_holds_the_role_the_staff_stand_in(open_incident, colleague):
    colleague(StaffRole.COMMS_LEAD, "a@candor.example")
    colleague(StaffRole.COMMS_LEAD, "b@candor.example")
    colleague(StaffRole.RESPONDER, "r@candor.example")
    open_incident()
    reminders.remind_due(DUE + 10 * MINUTE)

    assert {name for name, _, _ in told()} == {"a", "b", "r"}


def test_admin_is_the_last_to_stand_in(open_incident, colleague):
    colleague(StaffRole.ADMIN, "root@candor.example")
    colleague(StaffRole.VIEWER, "viewer@candor.example")
    open_incident()
    reminders.remind_due(DUE)

    assert told() == [("root", "due", 0)]


def test_who_left_is_not_reminded(crew, colleague):
    ada = staff.find_by_email("ada@candor.example")
    colleague(StaffRole.COMMS_LEAD, "cy@candor.example")
    staff.edit(ada, "", "", StaffRole.COMMS_LEAD, False, BY, NOON)
    reminders.remind_due(DUE)

    assert told() == [("cy", "due", 0)]


def test_person_in_both_roles_is_told_once(open_incident, colleague):
    ada = colleague()
    incident = open_incident()
    publishing.assign(incident, LEAD, ada, BY, NOON)
    publishing.assign(incident, COMMANDER, ada, BY, NOON)

    assert reminders.remind_due(DUE + 10 * MINUTE) == 1


def test_posting_cancels_what_is_pending_and_withdraws_its_messages(crew):
    reminders.remind_due(DUE)
    publishing.post_update(crew, said(), BY, DUE)

    assert states() == {"withdrawn": 2}
    assert all(r.cancelled_at == DUE for r in db.session.scalars(select(Reminder)))


def test_reminder_on_its_way_when_the_update_came_is_not_sent(crew, dispatch):
    reminders.remind_due(DUE)
    mail = FakeChannel()
    db.session.execute(sql("UPDATE reminder SET cancelled_at = created_at"))
    db.session.commit()
    dispatch(DUE, email=mail)

    assert mail.sent == []
    assert states(channel="email") == {"withdrawn": 1}


def test_resolving_ends_the_chase(crew):
    publishing.post_update(crew, said(status=IncidentStatus.RESOLVED), BY, NOON)

    assert reminders.remind_due(DUE + timedelta(days=1)) == 0


def test_new_promise_is_chased_like_the_first(crew):
    reminders.remind_due(DUE)
    publishing.post_update(crew, said(), BY, DUE)
    reminders.remind_due(DUE + timedelta(minutes=50))

    assert told() == [("ada", "due", 0), ("ada", "due_soon", 0)]


def test_trouble_with_one_incident_leaves_the_others_their_reminders(crew, open_incident):
    other = open_incident(title="Second").id
    refuse_inserts("reminder", "no", when=f"NEW.incident_id <> {other}")
    db.session.commit()
    reminders.remind_due(DUE)

    assert list(db.session.scalars(select(Reminder.incident_id))) == [other]


def test_reminder_speaks_of_severity_and_of_what_was_last_said(crew):
    reminders.remind_due(DUE - 10 * MINUTE)

    mail = letters.personal(ledger(channel="email")[0])
    assert "Update due in 10 min" in mail.subject
    assert "SEV2" in mail.text
    assert "We are looking into it." in mail.text
    assert mail.unsubscribe_url is None


def test_each_link_is_made_for_one_person(crew):
    reminders.remind_due(DUE + 10 * MINUTE)
    links = {letters.personal(row).text.split("/admin/compose/")[1].split()[0] for row in ledger(channel="sms")}

    assert len(links) == 2


def test_incident_without_a_promise_chases_nobody(crew):
    incident = db.session.scalars(select(Incident)).one()
    incident.next_update_due_at = None
    db.session.commit()

    assert reminders.remind_due(DUE + timedelta(days=1)) == 0


def test_a_relay_that_comes_back_brings_one_reminder_and_not_the_whole_night(crew):
    incident = db.session.scalars(select(Incident)).one()
    for minutes in (0, 10, 70, 130):
        reminders.remind_due(incident.next_update_due_at + timedelta(minutes=minutes))
    waiting = db.session.execute(
        select(Delivery.staff_user_id, Delivery.channel)
        .join(Announcement)
        .where(Announcement.kind == AnnouncementKind.REMINDER, Delivery.state == DeliveryState.PENDING)
    ).all()

    assert waiting
    assert len(waiting) == len(set(waiting))


@pytest.mark.parametrize(
    ("url", "channel"),
    [
        ("https://hooks.slack.com/services/T0/B0/XX", "slack"),
        ("https://a-0.b.logic.azure.com/workflows/0/triggers/manual/paths/invoke", "teams"),
        ("ntfys://ntfy.example/x", "apprise"),
    ],
)
def test_a_colleagues_own_chat_gets_a_card_with_the_link_on_a_button(crew, url, channel):
    ada = staff.find_by_email("ada@candor.example")
    staff.set_push_url(ada, url, BY, NOON)
    reminders.remind_due(DUE)
    (row,) = ledger(channel=channel)
    words = letters.personal(row).text

    assert row.address == ""
    assert row.recipient == url
    assert "/admin/compose/" in words
    assert ('"label": "Acknowledge"' in words) == (channel != "apprise")
