"""What the networks say of our SMS, and what follows from it, once."""

from datetime import timedelta

import pytest

from notifiers import Receipt, sms as sms_channel
from statuspage import alarms, publishing, smsreports, subscriptions
from statuspage.db import db
from statuspage.delivery import outbox
from statuspage.delivery.nudges import Nudge
from statuspage.models import CarrierReport, Delivery, Subscriber
from statuspage.smsreports import Report
from statuspage.vocabulary import DeliveryState, ReminderStep, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, Worker, acts, only_row, said

PHONE = "+4915112345678"
DELIVERED, BOUNCED, PENDING, SENT = (
    DeliveryState.DELIVERED,
    DeliveryState.BOUNCED,
    DeliveryState.PENDING,
    DeliveryState.SENT,
)
OUT_OF_REACH, UNKNOWN, LANDLINE, FILTERED, OPTED_OUT, BLOCKED = "30003", "30005", "30006", "30007", "21610", "30004"


@pytest.fixture
def phone(subscribe):
    return subscribe(PHONE, channel="sms").id


@pytest.fixture
def incident(phone, open_incident):
    return open_incident()


@pytest.fixture
def worker(incident):
    """A worker that has sent the first update as SM1; every further SMS is SM2."""
    worker = Worker({"sms": FakeChannel(Receipt("SM1"), Receipt("SM2"), kind="sms")})
    worker.run()
    return worker


def hear(state=BOUNCED, code="", sid="SM1", at=NOON):
    error = sms_channel.Sms().callback_error(code)
    smsreports.note(Report(only_row().reference, sid, state, f"Twilio says: {state} (error {code})", error), at)
    return only_row()


def subscriber(phone):
    db.session.rollback()
    return db.session.get(Subscriber, phone, populate_existing=True)


@pytest.mark.parametrize(
    ("code", "becomes", "because"),
    [
        (UNKNOWN, SubscriberState.QUARANTINED, "This number is not in service: error 30005"),
        (LANDLINE, SubscriberState.QUARANTINED, "This number cannot receive SMS: error 30006"),
        (OPTED_OUT, SubscriberState.UNSUBSCRIBED, "This number has opted out with STOP: error 21610"),
        (BLOCKED, SubscriberState.UNSUBSCRIBED, "The phone or its network blocks our SMS: error 30004"),
        (FILTERED, SubscriberState.CONFIRMED, ""),
        ("30008", SubscriberState.CONFIRMED, ""),
    ],
)
@pytest.mark.usefixtures("worker")
def test_a_subscriber_is_what_the_network_makes_of_them(phone, code, becomes, because):
    row = hear(code=code)

    assert row.state is BOUNCED
    assert (subscriber(phone).state, subscriber(phone).state_reason) == (becomes, because)


@pytest.mark.usefixtures("worker")
def test_who_opted_out_is_written_to_again_after_start(phone):
    hear(code=OPTED_OUT)
    subscriptions.resume(subscriber(phone), NOON)

    assert subscriber(phone).state is SubscriberState.CONFIRMED


@pytest.mark.usefixtures("worker")
def test_a_repeated_report_does_not_end_what_start_began(phone):
    hear(code=OPTED_OUT)
    subscriptions.resume(subscriber(phone), NOON)
    hear(code=OPTED_OUT, at=NOON + timedelta(minutes=1))

    assert subscriber(phone).state is SubscriberState.CONFIRMED


@pytest.mark.usefixtures("worker")
def test_a_report_on_a_foreign_message_changes_nothing(phone):
    row = hear(code=UNKNOWN, sid="SM9")

    assert row.state is SENT
    assert subscriber(phone).state is SubscriberState.CONFIRMED


@pytest.mark.usefixtures("worker")
def test_who_has_left_is_not_quarantined_on_top(phone):
    subscriptions.unsubscribe(subscriber(phone), "link", BY, NOON)
    hear(code=UNKNOWN)

    assert subscriber(phone).state is SubscriberState.UNSUBSCRIBED


def test_a_phone_out_of_reach_gets_one_more_try_in_five_minutes(worker):
    row = hear(code=OUT_OF_REACH)
    waiting = (row.state, row.due_at)
    worker.run(minutes=5)

    assert waiting == (PENDING, NOON + timedelta(minutes=5))
    assert (only_row().state, only_row().provider_id) == (SENT, "SM2")


def test_a_phone_still_out_of_reach_waits_for_the_next_update(worker, phone):
    hear(code=OUT_OF_REACH)
    worker.run(minutes=5)
    row = hear(code=OUT_OF_REACH, sid="SM2", at=NOON + timedelta(minutes=6))

    assert row.state is BOUNCED
    assert subscriber(phone).state is SubscriberState.CONFIRMED


def test_a_report_on_the_first_try_says_nothing_of_the_second(worker):
    hear(code=OUT_OF_REACH)
    between = hear(code=OUT_OF_REACH, at=NOON + timedelta(minutes=1)).state
    worker.run(minutes=5)
    after = hear(code=OUT_OF_REACH, at=NOON + timedelta(minutes=6))

    assert between is PENDING
    assert (after.state, after.provider_id) == (SENT, "SM2")


def test_the_second_try_may_arrive(worker):
    hear(code=OUT_OF_REACH)
    worker.run(minutes=5)

    assert hear(DELIVERED, sid="SM2", at=NOON + timedelta(minutes=6)).state is DELIVERED


@pytest.mark.usefixtures("worker")
def test_old_news_is_not_tried_again_when_there_is_newer(incident):
    publishing.post_update(incident, said(), BY, NOON)

    assert hear(code=OUT_OF_REACH).state is BOUNCED


# The network takes our SMS for spam


def reports(filtered, delivered, at=NOON):
    db.session.add_all([CarrierReport(at=at, is_filtered=False) for _ in range(delivered)])
    db.session.add_all([CarrierReport(at=at, is_filtered=True) for _ in range(filtered)])
    db.session.commit()


@pytest.mark.parametrize(
    ("filtered", "delivered", "is_alarming"),
    [(0, 0, False), (1, 0, False), (2, 3, True), (10, 190, False), (11, 189, True), (11, 500, True)],
)
@pytest.mark.usefixtures("app")
def test_more_than_chance_explains_is_alarming(filtered, delivered, is_alarming):
    reports(0, delivered, NOON - timedelta(minutes=5))
    reports(filtered, 0)

    assert smsreports.filtering(NOON).is_alarming is is_alarming


@pytest.mark.usefixtures("app")
def test_what_was_an_hour_ago_alarms_nobody():
    reports(50, 0, NOON - timedelta(minutes=61))

    assert not smsreports.filtering(NOON).is_alarming


@pytest.mark.usefixtures("worker")
def test_the_alarm_is_in_the_audit_once():
    reports(9, 0)
    hear(code=FILTERED)
    hear(code=FILTERED, at=NOON + timedelta(minutes=1))

    assert acts().count("sms.filtered") == 1


def test_what_goes_to_many_waits_while_networks_drop_it_and_colleagues_are_still_reminded(worker, incident, colleague):
    lead = colleague(phone="+4915112345601")
    reports(9, 0)
    hear(code=FILTERED)
    publishing.post_update(incident, said(), BY, NOON)
    outbox.announce_nudges([outbox.Nudging(lead, [Nudge(incident, ReminderStep.DUE, NOON)])], NOON)
    db.session.commit()
    worker.run(minutes=29)
    while_paused = worker.channels["sms"].recipients[1:]
    worker.run(minutes=2)

    assert while_paused == ["+4915112345601"]
    assert worker.channels["sms"].recipients[2:] == [PHONE]


def test_a_fan_out_under_way_is_interrupted(worker, incident, subscribe):
    sms, reference = worker.channels["sms"], only_row().reference
    for number in range(30):
        subscribe(f"+49151123457{number:02}", channel="sms")
    worker.run()
    sms.sent.clear()
    publishing.post_update(incident, said(), BY, NOON)
    worker.window, worker.clock.ticks = 1, timedelta(milliseconds=101)
    reports(9, 0)

    def drop(_envelope):
        if len(sms.sent) == 10:
            error = sms_channel.Sms().callback_error(FILTERED)
            smsreports.note(Report(reference, "SM1", BOUNCED, "dropped", error), worker.clock.now)

    sms.before_answering = drop
    worker.run()

    assert 10 <= len(sms.sent) < 15


@pytest.mark.usefixtures("worker", "phone")
def test_the_comms_lead_hears_of_it_over_another_channel(colleague, incident):
    colleague(email="lead@candor.example", phone="+4915112345601")
    reports(9, 0)
    hear(code=FILTERED)
    alarms.raise_due(NOON + timedelta(seconds=10))

    (alarm,) = alarms.open_alarms()
    told = db.session.scalars(db.select(Delivery).filter_by(announcement_id=alarm.announcement_ids[0])).all()
    assert alarm.reason == (
        "SMS to subscribers is paused until 12:30 UTC: Networks dropped 10 of the last 10 SMS as spam (error 30007)."
    )
    assert [(row.channel, row.address) for row in told] == [("email", "lead@candor.example")]


@pytest.mark.usefixtures("worker")
def test_a_few_are_no_alarm():
    hear(code=FILTERED)

    assert "sms.filtered" not in acts()
    assert smsreports.filtering(NOON + timedelta(minutes=1)).filtered == 1


@pytest.mark.usefixtures("worker")
def test_reports_are_not_kept_for_ever():
    reports(0, 199, NOON - timedelta(days=1))
    hear(DELIVERED)

    assert db.session.query(CarrierReport).count() == 1
