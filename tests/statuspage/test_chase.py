"""Acknowledged, snoozed, handed over, taken over; one message for a person; the end of the ladder."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from statuspage import publishing, replyaddresses
from statuspage.audit import Actor
from statuspage.cadence import handing, pauses, policies, reminders, standing
from statuspage.cadence.policy import DEFAULTS
from statuspage.cadence.steps import COMMS_LEAD, LadderStep
from statuspage.db import db
from statuspage.delivery import letters
from statuspage.errors import Conflict, Invalid
from statuspage.models import AuditEntry, ChasePause, Incident, Reminder
from statuspage.vocabulary import (
    Audience,
    DeliveryState,
    IncidentRole,
    IncidentStatus,
    IncidentType,
    ReminderCause,
    ReminderStep,
    Severity,
    StaffRole,
)
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, acts, ledger, said, states

LEAD, COMMANDER = IncidentRole.COMMUNICATIONS_LEAD, IncidentRole.INCIDENT_COMMANDER
DUE = NOON + timedelta(hours=1)  # what sev2 promises, with ten minutes of lead
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ada(colleague):
    found = colleague(StaffRole.COMMS_LEAD, "ada@candor.example", "+4915112345601")
    found.name = "Ada"
    return found


@pytest.fixture
def bo(colleague):
    found = colleague(StaffRole.RESPONDER, "bo@candor.example", "+4915112345602")
    found.name = "Bo"
    return found


@pytest.fixture
def incident(ada, bo, open_incident):
    return led(open_incident(), ada, bo)


def led(incident, ada, bo=None):
    publishing.assign(incident, LEAD, ada, BY, NOON)
    if bo:
        publishing.assign(incident, COMMANDER, bo, BY, NOON)
    return incident


def by(user):
    return Actor(user, "test")


def told():
    """Who was reminded of what, why, in order."""
    rows = db.session.scalars(select(Reminder).order_by(Reminder.id))
    return [(row.staff_user.email.split("@")[0], row.step.value, row.cause.value) for row in rows]


def tick(minutes: float) -> int:
    """The clock looks, so many minutes after the promised time."""
    return reminders.remind_due(DUE + minutes * MINUTE)


def test_acknowledged_before_the_promise_the_chase_rests_until_then(incident, ada):
    tick(-10)
    pauses.acknowledge(incident, ada, by(ada), DUE - 9 * MINUTE)

    assert [tick(-5), tick(-1), tick(0)] == [0, 0, 1]


def test_acknowledged_after_it_nobody_further_up_is_woken_for_a_while(incident, ada):
    tick(0)
    pauses.acknowledge(incident, ada, by(ada), DUE + 5 * MINUTE)

    assert [tick(10), tick(19), tick(20)] == [0, 0, 2]
    assert {name for name, step, _ in told() if step == "overdue"} == {"ada", "bo"}


def test_reminder_held_by_an_acknowledgement_is_not_called_late(incident, ada):
    tick(0)
    pauses.acknowledge(incident, ada, by(ada), DUE + 5 * MINUTE)
    tick(20)

    assert "should have come" not in letters.personal(ledger(channel="email")[-1]).text


def test_acknowledging_twice_is_once(incident, ada):
    first = pauses.acknowledge(incident, ada, by(ada), NOON)
    again = pauses.acknowledge(incident, ada, by(ada), NOON + MINUTE)

    assert first.id == again.id
    assert acts().count("reminder.acknowledge") == 1


def test_another_who_acknowledges_takes_its_place(incident, ada, bo):
    pauses.acknowledge(incident, ada, by(ada), NOON)
    pauses.acknowledge(incident, bo, by(bo), NOON + MINUTE)

    assert pauses.standing_on(incident, NOON + MINUTE).staff_user is bo
    assert db.session.scalar(select(db.func.count()).select_from(ChasePause)) == 2


def test_what_has_not_left_yet_is_withdrawn_when_somebody_has_it(incident, ada):
    tick(10)
    pauses.acknowledge(incident, ada, by(ada), DUE + 10 * MINUTE)

    assert states() == {"withdrawn": 4}
    assert ledger()[0].reason == "Ada has acknowledged it."


def test_the_link_still_writes_after_acknowledging(incident, ada):
    tick(0)
    pauses.acknowledge(incident, ada, by(ada), DUE)

    assert db.session.scalars(select(Reminder)).one().cancelled_at is None


def test_update_ends_the_acknowledgement_and_the_next_promise_is_chased_afresh(incident, ada):
    pauses.acknowledge(incident, ada, by(ada), NOON)
    publishing.post_update(incident, said(), BY, NOON + MINUTE)

    assert pauses.standing_on(incident, NOON + MINUTE) is None
    assert reminders.remind_due(NOON + 51 * MINUTE) == 1


def test_snooze_needs_a_reason(incident, ada):
    with pytest.raises(Invalid, match="Say why"):
        pauses.snooze(incident, ada, "  ", 10 * MINUTE, by(ada), NOON)


def test_snooze_never_reaches_beyond_the_promise(incident, ada):
    tick(-10)
    pause = pauses.snooze(incident, ada, "On a call", timedelta(hours=5), by(ada), DUE - 9 * MINUTE)

    assert pause.until == DUE
    assert tick(0) == 1


def test_snooze_after_the_promise_is_short_and_at_last_refused(incident, ada):
    tick(0)
    pause = pauses.snooze(incident, ada, "On a call", timedelta(hours=5), by(ada), DUE + MINUTE)

    assert pause.until == DUE + 16 * MINUTE
    with pytest.raises(Conflict, match="too late to be snoozed"):
        pauses.snooze(incident, ada, "On a call", 10 * MINUTE, by(ada), DUE + 60 * MINUTE)


def test_snoozing_twice_with_one_reason_is_once(incident, ada):
    first = pauses.snooze(incident, ada, "On a call", 10 * MINUTE, by(ada), NOON)
    again = pauses.snooze(incident, ada, "On a call", 10 * MINUTE, by(ada), NOON + timedelta(seconds=2))

    assert first.id == again.id


def test_nothing_promised_is_nothing_to_acknowledge(incident, ada):
    publishing.post_update(incident, said(status=IncidentStatus.RESOLVED), BY, NOON)

    with pytest.raises(Conflict, match="nobody is chased"):
        pauses.acknowledge(incident, ada, by(ada), NOON)


def test_hand_over_tells_the_new_one_and_asks_the_old_no_more(incident, ada, colleague, dispatch):
    cy = colleague(StaffRole.COMMS_LEAD, "cy@candor.example")
    tick(0)
    handing.hand_over(incident, cy, by(ada), DUE)
    mail = FakeChannel()
    dispatch(DUE, email=mail, sms=FakeChannel(kind="sms"))

    assert mail.recipients == ["cy@candor.example"]
    assert mail.messages[0].subject == "Ada handed this over to you: Payments fail"
    assert "/admin/compose/" in mail.messages[0].text
    tick(10)
    assert {name for name, step, _ in told() if step == "overdue"} == {"cy", "bo"}


def test_hand_over_keeps_how_things_stood_in_the_journal(incident, ada, bo):
    handing.hand_over(incident, bo, by(ada), NOON + MINUTE)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "incident.hand_over")).one()

    assert entry.detail == {
        "to": bo.public_id,
        "from": [ada.public_id],
        "status": "investigating",
        "promise": "2026-03-02T13:00:00Z",
        "last_words": "We are looking into it.",
        "last_said": "2026-03-02T12:00:00Z",
    }


def test_handing_over_twice_is_once(incident, ada, bo):
    for _ in range(2):
        handing.hand_over(incident, bo, by(ada), NOON)

    assert acts().count("incident.hand_over") == 1
    assert told() == [("bo", "due_soon", "handed_over")]


def test_who_has_left_cannot_be_handed_anything(incident, ada, bo):
    bo.active = False
    db.session.commit()

    with pytest.raises(Invalid, match="has left"):
        handing.hand_over(incident, bo, by(ada), NOON)


def test_hand_over_ends_the_acknowledgement_of_the_former(incident, ada, bo):
    tick(0)
    pauses.acknowledge(incident, ada, by(ada), DUE)
    handing.hand_over(incident, bo, by(ada), DUE + MINUTE)

    assert tick(10) == 1


def test_taking_over_makes_one_the_comms_lead_alone(incident, bo):
    for _ in range(2):
        handing.take_over(incident, by(bo), NOON)

    db.session.expire_all()
    assert [each.staff_user for each in incident.assignments if each.role is LEAD] == [bo]
    assert acts().count("incident.take_over") == 1


def test_three_late_incidents_of_one_person_are_one_message(ada, open_incident, dispatch):
    for title in ("First", "Second", "Third"):
        led(open_incident(title=title), ada)
    tick(0)
    mail, sms = FakeChannel(), FakeChannel(kind="sms")
    dispatch(DUE, email=mail, sms=sms)

    assert len(told()) == 3
    assert (len(mail.sent), len(sms.sent)) == (1, 1)
    for message in (mail.messages[0], sms.messages[0]):
        links = {word for word in message.text.split() if "/admin/compose/" in word}
        assert len(links) == 3
        assert all(title in message.text for title in ("First", "Second", "Third"))


def test_what_follows_within_minutes_comes_with_it(ada, open_incident, page, dispatch):
    first = led(open_incident(title="First"), ada)
    second = led(open_incident(title="Second"), ada)
    publishing.post_update(second, said(), BY, NOON + 4 * MINUTE)
    tick(-6)
    dispatch(DUE, email=FakeChannel(), sms=FakeChannel(kind="sms"))
    tick(0)
    mail = FakeChannel()
    dispatch(DUE, email=mail, sms=FakeChannel(kind="sms"))

    assert [first.title in mail.messages[0].text, second.title in mail.messages[0].text] == [True, True]
    assert [tick(4), len(told())] == [0, 4]


def test_nobody_is_woken_early_for_the_sake_of_one_message(ada, bo, open_incident):
    led(open_incident(title="First"), ada)
    second = led(open_incident(title="Second"), bo)
    publishing.post_update(second, said(), BY, NOON + 4 * MINUTE)
    tick(-6)
    tick(0)

    assert ("bo", "due", "ladder") not in told()
    assert ("ada", "due", "ladder") in told()


def test_an_answer_to_one_of_three_leaves_the_other_two_their_message(ada, open_incident, dispatch):
    first, *_ = [led(open_incident(title=title), ada) for title in ("First", "Second", "Third")]
    tick(0)
    publishing.post_update(first, said(), BY, DUE)
    mail = FakeChannel()
    dispatch(DUE, email=mail, sms=FakeChannel(kind="sms"))

    (message,) = [each for each in mail.messages if "wait for you" in each.subject]
    assert "First" not in message.text
    assert all(title in message.text for title in ("Second", "Third"))


def test_a_relay_that_was_away_brings_the_second_incident_with_the_first(ada, open_incident, dispatch):
    for title, later in (("First", 0), ("Second", 20)):
        publishing.post_update(led(open_incident(title=title), ada), said(), BY, NOON + later * MINUTE)
    tick(0)
    tick(20)
    mail = FakeChannel()
    dispatch(DUE + 20 * MINUTE, email=mail, sms=FakeChannel(kind="sms"))

    assert len(mail.sent) == 1
    assert all(title in mail.messages[0].text for title in ("First", "Second"))


def test_what_was_handed_over_and_is_said_again_has_whole_sentences(ada, bo, open_incident, dispatch):
    first = led(open_incident(title="First"), ada)
    publishing.post_update(led(open_incident(title="Second"), bo), said(), BY, NOON + 20 * MINUTE)
    handing.hand_over(first, bo, by(ada), DUE - 30 * MINUTE)
    publishing.post_update(first, said(), BY, NOON + 50 * MINUTE)
    handing.hand_over(first, ada, by(bo), DUE)
    handing.hand_over(first, bo, by(ada), DUE)
    tick(20)
    mail = FakeChannel()
    dispatch(DUE + 20 * MINUTE, email=mail, sms=FakeChannel(kind="sms"))

    (message,) = [each for each in mail.messages if "2 updates wait for you" in each.subject]
    assert "This was handed over to you" in message.text


def test_a_role_that_is_asked_for_again_is_named(ada, open_incident, dispatch):
    open_incident(title="First", audience=Audience.INTERNAL)
    reminders.remind_due(NOON)
    second = led(open_incident(title="Second"), ada)
    second.next_update_due_at = second.next_look_at = NOON + MINUTE
    db.session.commit()
    reminders.remind_due(NOON + MINUTE)
    mail = FakeChannel()
    dispatch(NOON + MINUTE, email=mail, sms=FakeChannel(kind="sms"))

    (message,) = [each for each in mail.messages if "2 updates wait for you" in each.subject]
    assert "Nobody is communications lead yet" in message.text


def test_sms_about_several_says_how_each_is_answered(ada, open_incident, dispatch):
    incidents = [led(open_incident(title=title), ada) for title in ("First", "Second")]
    tick(0)
    sms = FakeChannel(kind="sms")
    dispatch(DUE, email=FakeChannel(), sms=sms)

    for each in incidents:
        assert f"({replyaddresses.code(each.public_id)})" in sms.messages[0].text
    assert sms.messages[0].text.endswith("Or answer the digits, then words.")


def test_missed_ticks_catch_up_once_and_say_when_they_should_have_come(ada, open_incident, dispatch):
    for number in range(6):
        led(open_incident(title=f"Incident {number}"), ada)
    assert tick(40) == 6
    mail = FakeChannel()
    dispatch(DUE + 40 * MINUTE, email=mail, sms=FakeChannel(kind="sms"))

    assert len(mail.sent) == 1
    assert "This reminder should have come at 13:10 UTC." in mail.messages[0].text
    assert "6 updates wait for you" in mail.messages[0].subject


def test_reminder_that_is_late_says_so(incident, dispatch):
    tick(3)

    assert "This reminder should have come at 13:00 UTC." in letters.personal(ledger(channel="email")[0]).text


def test_ladder_that_runs_out_tells_the_fallback_contact_once(page, incident, colleague):
    boss = colleague(StaffRole.VIEWER, "boss@candor.example")
    policies.set_fallback(page, boss, BY, NOON)
    for minutes in range(0, 600, 10):
        tick(minutes)

    assert [name for name, _, _ in told()].count("boss") == 1


def test_ladder_without_the_fallback_contact_tells_them_when_it_ends(page, incident, colleague):
    boss = colleague(StaffRole.VIEWER, "boss@candor.example")
    policies.set_fallback(page, boss, BY, NOON)
    short = replace(
        DEFAULTS[Severity.SEV2],
        ladder=(LadderStep(ReminderStep.DUE, timedelta(0), COMMS_LEAD, ("sms",)),),
        repeat=20 * MINUTE,
    )
    policies.set_policy(page, Severity.SEV2, short, BY, NOON)
    for minutes in range(0, 200, 5):
        tick(minutes)

    assert [name for name, _, _ in told()].count("boss") == 1
    assert told()[0:2] == [("ada", "due", "ladder"), ("ada", "due", "ladder")] or told()[1][0] == "boss"


def test_step_goes_over_its_own_channels(page, incident):
    ladder = (
        LadderStep(ReminderStep.DUE_SOON, -10 * MINUTE, COMMS_LEAD, ("email",)),
        LadderStep(ReminderStep.DUE, timedelta(0), COMMS_LEAD, ("email", "sms")),
    )
    policies.set_policy(page, Severity.SEV2, replace(DEFAULTS[Severity.SEV2], ladder=ladder), BY, NOON)
    tick(-10)
    first = [row.channel for row in ledger()]
    tick(0)

    assert first == ["email"]
    assert [row.channel for row in ledger(state=DeliveryState.PENDING)] == ["email", "sms"]


def test_new_policy_is_climbed_from_the_next_tick_on(page, incident):
    tick(-30)
    policies.set_policy(page, Severity.SEV2, replace(DEFAULTS[Severity.SEV2], lead=25 * MINUTE), BY, DUE - 25 * MINUTE)

    assert tick(-24) == 1


def test_before_the_first_word_one_after_the_other_is_asked_to_take_it(colleague, open_incident):
    for name in ("a", "b", "c"):
        colleague(StaffRole.COMMS_LEAD, f"{name}@candor.example")
    incident = open_incident(audience=Audience.INTERNAL)
    for minutes in (0, 1, 5, 9):
        reminders.remind_due(NOON + minutes * MINUTE)
    asked = told()
    handing.take_over(
        incident, by(db.session.scalars(select(Reminder).order_by(Reminder.id)).all()[-1].staff_user), NOON
    )
    reminders.remind_due(NOON + 11 * MINUTE)

    assert asked == [("a", "due_soon", "unclaimed"), ("b", "due_soon", "unclaimed")]
    assert told() == asked


def test_every_role_of_the_ladder_is_asked_for(colleague, open_incident):
    colleague(StaffRole.COMMS_LEAD, "lead@candor.example")
    colleague(StaffRole.RESPONDER, "bo@candor.example")
    open_incident(audience=Audience.INTERNAL)
    reminders.remind_due(NOON)

    asked = db.session.scalars(select(Reminder).where(Reminder.cause == ReminderCause.UNCLAIMED))
    assert {(each.staff_user.email, each.role) for each in asked} == {
        ("lead@candor.example", "communications_lead"),
        ("bo@candor.example", "incident_commander"),
    }


def test_the_search_ends_with_the_last_one(colleague, open_incident):
    colleague(StaffRole.COMMS_LEAD, "a@candor.example")
    open_incident(audience=Audience.INTERNAL)
    for seconds in range(0, 1200, 10):
        reminders.remind_due(NOON + timedelta(seconds=seconds))

    assert [each for each in told() if each[2] == "unclaimed"] == [("a", "due_soon", "unclaimed")]


def test_before_the_first_word_the_clock_runs_to_it(ada, open_incident):
    led(open_incident(audience=Audience.INTERNAL), ada)
    reminders.remind_due(NOON + 20 * MINUTE)

    mail = letters.personal(ledger(channel="email")[-1])
    assert mail.subject == "First update due in 10 min: Payments fail"


def test_how_a_chase_stands_can_be_read(incident, ada, bo):
    tick(0)
    before = standing.of_incidents([incident], DUE + MINUTE)[incident.id]
    pauses.acknowledge(incident, ada, by(ada), DUE + 5 * MINUTE)
    held = standing.of_incidents([incident], DUE + 6 * MINUTE)[incident.id]

    assert (before.names, before.step, before.next_at) == ("Ada", "at the promised time", DUE + 10 * MINUTE)
    assert set(before.next_names.split(", ")) == {"Ada", "Bo"}
    assert (held.is_acknowledged, held.next_at) == (True, DUE + 20 * MINUTE)


def test_what_a_person_owes_is_read_until_they_have_it(incident, ada):
    tick(0)
    owed = [each.incident for each in standing.open_for(ada, DUE)]
    pauses.acknowledge(incident, ada, by(ada), DUE)

    assert (owed, standing.open_for(ada, DUE)) == ([incident], [])


def test_trouble_with_one_of_many_leaves_the_others_their_one_message(ada, open_incident, dispatch):
    from tests.breaking import refuse_inserts

    for number in range(5):
        led(open_incident(title=f"Incident {number}"), ada)
    bad = db.session.scalars(select(Incident).where(Incident.title == "Incident 2")).one().id
    refuse_inserts("reminder", "no", when=f"NEW.incident_id = {bad}")
    db.session.commit()
    tick(0)

    assert len(told()) == 4
    assert db.session.get_one(Incident, bad).next_look_at == DUE + timedelta(seconds=10)


def test_a_reminder_waits_behind_nobodys_mail(incident, crowd, dispatch):
    crowd(300)
    publishing.post_update(incident, said(), BY, NOON + MINUTE)
    reminders.remind_due(NOON + 61 * MINUTE)
    mail = FakeChannel()
    dispatch(NOON + 61 * MINUTE, email=mail, sms=FakeChannel(kind="sms"))

    assert mail.recipients[0] == "ada@candor.example"
    assert len(mail.recipients) > 300


def test_reminders_leave_when_the_days_sms_for_subscribers_are_used_up(houses, monkeypatch):
    from tests.statuspage.test_spending import Sms

    with houses.open(sms_daily_segments=2) as app:
        from statuspage import pages, staff, subscriptions
        from statuspage.delivery.dispatcher import Dispatcher
        from statuspage.drafts import IncidentDraft, UpdateDraft
        from statuspage.subscriptions import Wishes

        page = pages.first()
        for number in range(3):
            phone = f"+491511234561{number}"
            subscriptions.add_attested(page, "sms", phone, Wishes(), BY, "test", NOON)
        ada = staff.add("ada@candor.example", StaffRole.COMMS_LEAD, BY, NOON, phone="+4915112345699")
        first = UpdateDraft(IncidentStatus.INVESTIGATING, "We look.")
        draft = IncidentDraft("Payments fail", IncidentType.OUTAGE, Severity.SEV2, first, roles=((LEAD, ada),))
        publishing.open_incident(page, draft, BY, NOON)
        sms = Sms(kind="sms")
        channels = app.extensions["candor.channels"] | {"sms": sms, "email": FakeChannel()}
        Dispatcher(channels, clock=lambda: NOON, jitter=lambda: 0.0).run_until_idle()
        tick(0)
        Dispatcher(channels, clock=lambda: DUE, jitter=lambda: 0.0).run_until_idle()

        assert sms.recipients[-1] == "+4915112345699"
        assert len(sms.recipients) == 2
        assert states(channel="sms")["suppressed"] == 2


def test_what_is_said_again_after_the_promise_is_not_said_to_be_before_it(incident, ada, page):
    only = LadderStep(ReminderStep.DUE_SOON, -5 * MINUTE, COMMS_LEAD)
    again = replace(DEFAULTS[Severity.SEV2], ladder=(only,), repeat=10 * MINUTE)
    policies.set_policy(page, Severity.SEV2, again, BY, NOON)
    tick(-5)
    before = standing.of_incidents([incident], DUE)[incident.id].step
    tick(5)
    after = standing.of_incidents([incident], DUE + 6 * MINUTE)[incident.id].step

    assert (before, after) == ("before the promised time", "after the promised time, the 2nd time")
