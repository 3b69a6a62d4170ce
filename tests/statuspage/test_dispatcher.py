import random
from datetime import timedelta

import pytest
from sqlalchemy import text as sql

from notifiers import DeliveryError, PermanentDeliveryError, Receipt, UncertainDeliveryError
from statuspage import publishing, subscriptions
from statuspage.db import db
from statuspage.delivery import claims, shards
from statuspage.delivery.dispatcher import WINDOW
from statuspage.delivery.expansion import SHARD, expand_next
from statuspage.delivery.receipts import progress
from statuspage.models import Incident, Page, Subscriber
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import DeliveryState, EventLevel, IncidentStatus, Lane, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import (
    Clock,
    FakeChannel,
    Worker,
    announcements,
    email_worker,
    ledger,
    only_row,
    said,
    states,
)

LATER = DeliveryError("The relay is busy.")
GONE = PermanentDeliveryError("There is no such mailbox.", code="invalid_address")
PERHAPS = UncertainDeliveryError("The line broke after the last dot.")
ADA, PHONE = "ada@example.com", "+4915112345678"


@pytest.fixture
def ada(subscribe):
    return subscribe(ADA).id


@pytest.fixture
def phone(subscribe):
    return subscribe(PHONE, channel="sms").id


@pytest.fixture
def incident(open_incident, ada):
    """An open incident that Ada is owed the first update of."""
    return open_incident().id


def post(incident_id, body="We know more.", at=NOON, **more):
    publishing.post_update(db.session.get(Incident, incident_id), said(body, **more), BY, at)


def test_message_taken_by_the_relay_is_sent(incident):
    worker, mail = email_worker(Receipt("queue-1", "250 Ok"))
    worker.run()

    row = only_row()
    assert (row.state, row.provider_id, row.settled_at) == (DeliveryState.SENT, "queue-1", NOON)
    assert (row.attempt_count, row.attempts) == (1, [])
    assert mail.recipients == [ADA]


def test_what_was_sent_is_not_sent_again(incident):
    worker, mail = email_worker()
    for _ in range(3):
        worker.run(minutes=10)

    assert len(mail.sent) == 1


def test_message_is_the_same_at_every_attempt(incident):
    worker, mail = email_worker(LATER, Receipt())
    worker.run()
    worker.run(minutes=1)

    first, second = mail.messages
    assert first == second
    assert first.reference.endswith(f"-s{only_row().subscriber_id}-email")


def test_captured_stays_captured_when_a_relay_comes(incident):
    worker, _ = email_worker(Receipt(is_captured=True))
    worker.run()
    live, mail = email_worker()
    live.run(minutes=10)

    assert (states(), mail.sent) == ({"captured": 1}, [])


class TestTryingLater:
    def test_busy_relay_is_asked_again(self, incident):
        worker, _ = email_worker(LATER, Receipt())
        worker.run()

        row = only_row()
        assert (row.state, row.reason, row.attempt_count) == (DeliveryState.PENDING, "The relay is busy.", 1)
        assert worker.run(minutes=1) == 1
        assert states() == {"sent": 1}

    def test_pauses_grow_up_to_half_an_hour(self, incident):
        worker, _ = email_worker(LATER)
        pauses = []
        for _ in range(9):
            worker.run()
            pause = only_row().due_at - worker.clock.now
            pauses.append(pause.total_seconds())
            worker.clock.now += pause

        assert pauses == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]

    def test_pause_asked_for_is_the_least(self, incident):
        worker, _ = email_worker(DeliveryError("Slow down.", retry_after=timedelta(minutes=15)))
        worker.run()

        assert only_row().due_at == NOON + timedelta(minutes=15)

    def test_pause_asked_for_may_be_too_short_to_matter(self, incident):
        worker, _ = email_worker(DeliveryError("Slow down.", retry_after=timedelta(seconds=1)))
        worker.run()

        assert only_row().due_at == NOON + timedelta(seconds=30)

    def test_news_of_yesterday_is_not_sent(self, incident):
        worker, mail = email_worker()
        worker.run(hours=24, seconds=1)

        assert (states(), mail.sent) == ({"expired": 1}, [])


class TestNeverAgain:
    def test_dead_address_fails_at_once_and_rests(self, incident, ada):
        worker, _ = email_worker(GONE)
        worker.run()

        assert (only_row().state, only_row().reason) == (DeliveryState.FAILED, "There is no such mailbox.")
        assert db.session.get(Subscriber, ada).state is SubscriberState.QUARANTINED

    def test_number_that_opted_out_is_unsubscribed(self, phone, open_incident):
        open_incident()
        Worker({"sms": FakeChannel(PermanentDeliveryError("Opted out.", code="opted_out"), kind="sms")}).run()

        assert db.session.get(Subscriber, phone).state is SubscriberState.UNSUBSCRIBED

    def test_words_refused_are_not_the_address_es_fault(self, incident, ada):
        email_worker(PermanentDeliveryError("Refused.", code="message_refused"))[0].run()

        assert states() == {"failed": 1}
        assert db.session.get(Subscriber, ada).state is SubscriberState.CONFIRMED

    def test_one_dead_address_delays_nobody(self, subscribe, open_incident):
        for name in ("a", "b", "c"):
            subscribe(f"{name}@example.com")
        open_incident()
        email_worker(for_address={"b@example.com": GONE})[0].run()

        assert states() == {"sent": 2, "failed": 1}


class TestNotKnowing:
    def test_mail_is_asked_for_once_more(self, incident):
        worker, _ = email_worker(PERHAPS, Receipt())
        worker.run()
        assert only_row().due_at == NOON + timedelta(minutes=10)
        worker.run(minutes=10)

        assert states() == {"sent": 1}

    def test_mail_that_stays_uncertain_ends_unknown(self, incident):
        worker, mail = email_worker(PERHAPS)
        for _ in range(4):
            worker.run(minutes=10)

        assert (states(), len(mail.sent)) == ({"unknown": 1}, 2)

    def test_mail_that_was_only_delayed_before_is_still_asked_for_once_more(self, incident):
        worker, mail = email_worker(LATER, PERHAPS, Receipt())
        for _ in range(3):
            worker.run(minutes=10)

        assert (states(), len(mail.sent)) == ({"sent": 1}, 3)

    def test_sms_is_never_doubled(self, phone, open_incident):
        open_incident()
        sms = FakeChannel(PERHAPS, kind="sms")
        worker = Worker({"sms": sms})
        for _ in range(3):
            worker.run(minutes=10)

        assert (states(), len(sms.sent)) == ({"unknown": 1}, 1)


class TestLeases:
    def test_two_workers_never_hold_the_same_shard(self, incident):
        expand_next(NOON)
        minute = timedelta(minutes=1)
        first = shards.take("email", minute, NOON)
        second = shards.take("email", minute, NOON)

        assert (first.owed, second) == (1, None)

    def test_shard_of_a_dead_worker_is_taken_up_after_its_lease(self, incident):
        expand_next(NOON)
        minute = timedelta(minutes=1)
        shards.take("email", minute, NOON)

        assert shards.release_lapsed(minute, NOON + timedelta(seconds=60)) == 0
        assert shards.release_lapsed(minute, NOON + timedelta(seconds=61)) == 1
        assert shards.take("email", minute, NOON + timedelta(seconds=61)).is_doubtful

    def test_row_of_a_dead_worker_is_taken_up_after_its_lease(self, incident):
        email_worker(LATER)[0].run()
        minute, later = timedelta(minutes=1), NOON + timedelta(minutes=5)
        assert len(claims.claim("email", Lane.RETRY, 10, minute, later)) == 1
        assert claims.claim("email", Lane.RETRY, 10, minute, later) == []

        assert claims.release_lapsed(minute, later + timedelta(seconds=60)) == 0
        assert claims.release_lapsed(minute, later + timedelta(seconds=61)) == 1
        assert (states(), only_row().is_doubtful) == ({"pending": 1}, True)

    def test_clock_set_back_by_hours_holds_nothing_up(self, incident):
        expand_next(NOON)
        minute = timedelta(minutes=1)
        shards.take("email", minute, NOON)

        assert shards.release_lapsed(minute, NOON - timedelta(hours=2)) == 1

    def test_outcome_of_a_stale_worker_does_not_overwrite(self, incident):
        worker, mail = email_worker(LATER)

        def sleep_over_the_lease(_envelope):
            shards.release_lapsed(timedelta(minutes=1), worker.clock.move(minutes=2))
            Worker({"email": FakeChannel(Receipt("from-the-second"))}, worker.clock).run()

        mail.before_answering = sleep_over_the_lease
        worker.run()

        row = only_row()
        assert (row.state, row.provider_id, row.attempt_count) == (DeliveryState.SENT, "from-the-second", 1)

    def test_worker_sends_nothing_more_once_its_lease_is_over(self, subscribe, open_incident):
        for number in range(5):
            subscribe(f"s{number}@example.com")
        open_incident()
        worker, mail = email_worker()
        expand_next(NOON)
        mail.before_answering = lambda _: worker.clock.move(minutes=2)
        worker.dispatcher.deliver_due("email")

        assert len(mail.sent) == 1

    def test_live_worker_keeps_its_rows_however_slow_the_wire(self, subscribe, open_incident):
        for number in range(3):
            subscribe(f"s{number}@example.com")
        open_incident()
        worker, mail = email_worker()
        expand_next(NOON)
        dispatcher = worker.dispatcher

        def renew_before_the_lease_ends(_envelope):
            worker.clock.move(seconds=50)
            dispatcher.renew()

        mail.before_answering = renew_before_the_lease_ends
        dispatcher.deliver_due("email")

        assert (len(mail.sent), states()) == (3, {"sent": 3})

    def test_worker_that_slept_over_its_lease_does_not_renew_it_on_waking(self, subscribe, open_incident):
        for number in range(5):
            subscribe(f"s{number}@example.com")
        open_incident()
        worker, mail = email_worker()
        expand_next(NOON)
        dispatcher = worker.dispatcher

        def sleep_over_the_lease(_envelope):
            worker.clock.move(minutes=2)
            dispatcher.renew()

        mail.before_answering = sleep_over_the_lease
        dispatcher.deliver_due("email")

        assert len(mail.sent) == 1

    def test_asked_to_stop_it_finishes_the_message_and_gives_back_the_rest(self, subscribe, open_incident):
        for number in range(5):
            subscribe(f"s{number}@example.com")
        open_incident()
        worker, mail = email_worker()
        expand_next(NOON)
        dispatcher = worker.dispatcher
        dispatcher.is_stopping = lambda: len(mail.sent) >= 2
        dispatcher.deliver_due("email")

        assert states() == {"sent": 2, "pending": 3}

    def test_channel_that_breaks_off_gives_back_the_rest(self, subscribe, open_incident):
        for number in range(3):
            subscribe(f"s{number}@example.com")
        open_incident()
        worker, mail = email_worker()
        expand_next(NOON)

        def break_at_the_second(_envelope):
            if len(mail.sent) == 2:
                raise RuntimeError("a fault of ours")

        mail.before_answering = break_at_the_second
        with pytest.raises(RuntimeError):
            worker.dispatcher.deliver_due("email")

        assert states() == {"sent": 1, "pending": 2}


class TestOrder:
    def test_update_waits_until_the_one_before_is_settled(self, incident):
        worker, mail = email_worker(Receipt())
        post(incident, "Two.")
        post(incident, "Three.")
        worker.run()

        said_in_order = [message.text.split("\n\n")[1] for message in mail.messages]
        assert said_in_order == ["We are looking into it.", "Two.", "Three."]

    def test_shard_in_work_holds_back_the_next_update_for_the_same_people(self, incident):
        expand_next(NOON)
        post(incident, "Two.")
        expand_next(NOON)
        first = shards.take("email", timedelta(minutes=1), NOON)

        assert first.announcement.sequence == 1
        assert shards.take("email", timedelta(minutes=1), NOON) is None

    def test_update_that_failed_once_gives_way_to_the_newer(self, incident):
        worker, mail = email_worker(LATER, Receipt())
        worker.run()
        post(incident, "Two.")
        worker.run(seconds=1)

        assert [row.state.value for row in ledger()] == ["superseded", "sent"]
        assert "Two." in mail.messages[1].text

    def test_update_that_fails_when_a_newer_waits_gives_way_at_once(self, incident):
        worker, _ = email_worker(LATER, Receipt())
        post(incident, "Two.")
        worker.run()

        assert [row.state.value for row in ledger()] == ["superseded", "sent"]

    def test_people_with_other_troubles_keep_their_place(self, incident, subscribe):
        subscribe("bo@example.com")
        worker, _ = email_worker(for_address={ADA: LATER})
        worker.run()

        assert states() == {"pending": 1, "sent": 1}

    def test_last_try_before_resolve_never_arrives_after_it(self, incident):
        worker, mail = email_worker(PERHAPS, Receipt())
        worker.run()
        post(incident, "Over.", status=IncidentStatus.RESOLVED)
        worker.run(minutes=30)

        assert ["Over." in message.text for message in mail.messages] == [False, True]


class TestEligibility:
    def test_who_left_while_it_goes_out_is_spared_from_the_next_window_on(self, subscribe, open_incident):
        ids = [subscribe(f"s{number}@example.com").id for number in range(4)]
        open_incident()
        worker, mail = email_worker()
        worker.window = 2

        def leave(_envelope):
            db.session.rollback()
            subscriptions.unsubscribe(db.session.get(Subscriber, ids[3]), "link", BY, NOON)

        mail.before_answering = leave
        worker.run()

        assert mail.recipients == ["s0@example.com", "s1@example.com", "s2@example.com"]
        assert states() == {"sent": 3, "suppressed": 1}

    def test_reason_for_sparing_is_in_the_ledger(self, incident, ada):
        expand_next(NOON)
        subscriptions.unsubscribe(db.session.get(Subscriber, ada), "link", BY, NOON)
        email_worker()[0].run()

        assert only_row().reason == "The subscriber is unsubscribed now."

    def test_confirmation_is_for_those_who_wait_for_it_alone(self, page):
        subscriptions.sign_up(page, "email", ADA, Wishes(), "form", "net", NOON)
        subscriptions.confirm(subscriptions.find(page, "email", ADA), NOON)
        worker, mail = email_worker()
        worker.run()

        assert (mail.sent, states()) == ([], {"suppressed": 1})


class TestPoison:
    @pytest.fixture
    def poisoned(self, incident, subscribe):
        subscribe("bo@example.com")
        post(incident, "Fine.")
        db.session.execute(sql("UPDATE announcement SET words = '{}' WHERE sequence = 1"))
        db.session.commit()

    def test_words_that_make_no_message_fail_with_the_reason(self, incident):
        db.session.execute(sql("UPDATE announcement SET words = '{}'"))
        db.session.commit()
        worker, mail = email_worker()
        worker.run()

        row = only_row()
        assert (row.state, mail.sent) == (DeliveryState.FAILED, [])
        assert row.reason.startswith("The message could not be put together")

    def test_others_go_out_meanwhile(self, poisoned):
        worker, mail = email_worker()
        for _ in range(5):
            worker.run(minutes=30)

        assert sorted(mail.recipients) == [ADA, "bo@example.com"]


class TestLanes:
    def test_confirmation_overtakes_a_running_bulk(self, page, subscribe, open_incident):
        for number in range(3 * WINDOW):
            subscribe(f"s{number}@example.com")
        open_incident()
        worker, mail = email_worker()

        def somebody_signs_up(_envelope):
            if len(mail.sent) == 10:
                here = db.session.get(Page, page.id)
                subscriptions.sign_up(here, "email", "new@example.com", Wishes(), "form", "net", NOON)

        mail.before_answering = somebody_signs_up
        worker.clock = Clock(ticks=timedelta(milliseconds=10))
        worker.run()

        assert mail.recipients.index("new@example.com") == WINDOW

    def test_new_publish_overtakes_a_running_bulk(self, crowd, open_incident, incident):
        crowd(3 * SHARD)
        worker, mail = email_worker()

        def somebody_publishes(_envelope):
            if len(mail.sent) == SHARD + 10:
                open_incident(title="Another")
                expand_next(NOON)

        mail.before_answering = somebody_publishes
        worker.clock = Clock(ticks=timedelta(milliseconds=10))
        worker.run()

        subjects = [message.subject.endswith("Another") for message in mail.messages]
        assert subjects.index(True) <= SHARD + 10 + 2 * WINDOW
        assert states() == {"sent": 2 * (3 * SHARD + 1)}

    def test_retries_have_a_fifth_of_the_window(self, crowd, open_incident, incident):
        crowd(100)
        worker, mail = email_worker(LATER)
        worker.run()
        mail.answers = [Receipt()]
        open_incident(title="Another")
        worker.clock.move(minutes=5)
        worker.run()

        first = [message.subject.endswith("Another") for message in mail.messages[101:][: WINDOW + 10]]
        assert first.count(False) == WINDOW // 5

    def test_worker_of_the_fast_lane_leaves_bulk_alone(self, incident):
        expand_next(NOON)
        worker, mail = email_worker()

        assert worker.dispatcher.deliver_due("email", [Lane.FAST]) == 0
        assert mail.sent == []

    def test_dead_channel_delays_no_other(self, incident, phone):
        sms = FakeChannel(kind="sms")
        Worker({"email": FakeChannel(LATER), "sms": sms}).run()

        assert (sms.recipients, states()) == ([PHONE], {"pending": 1, "sent": 1})


@pytest.mark.parametrize("seed", range(3))
def test_states_add_up_to_the_audience_whatever_the_wire_does(seed, subscribe, open_incident):
    chance = random.Random(seed)
    for number in range(60):
        subscribe(f"s{number}@example.com", level=chance.choice(list(EventLevel)))
    incident = open_incident().id
    expand_next(NOON)
    answers = [Receipt("x"), LATER, GONE, PERHAPS, Receipt(is_captured=True)]
    worker, mail = email_worker()
    mail.before_answering = lambda envelope: mail.for_address.__setitem__(envelope.address, chance.choice(answers))
    for step in range(12):
        if step in (2, 5, 9):
            post(incident, f"Step {step}.", worker.clock.now)
        if chance.random() < 0.5:
            someone = db.session.get(Subscriber, chance.randint(1, 60))
            subscriptions.unsubscribe(someone, "link", BY, worker.clock.now)
        worker.run(minutes=chance.randint(1, 30))
    worker.run(hours=25)
    worker.run(hours=1)

    rows = ledger()
    assert not [row for row in rows if row.state in (DeliveryState.PENDING, DeliveryState.LEASED)]
    assert len({(row.announcement_id, row.subscriber_id) for row in rows}) == len(rows)
    first = announcements()[0]
    assert progress(first).owed == 60
    assert progress(first).waiting == 0
    assert all(len(row.attempts) in (row.attempt_count, row.attempt_count - 1) for row in rows)


def test_progress_adds_up(subscribe, open_incident):
    for number in range(4):
        subscribe(f"s{number}@example.com")
    open_incident()
    worker, _ = email_worker(Receipt(), for_address={"s1@example.com": LATER, "s2@example.com": GONE})
    expand_next(NOON)
    before = progress(announcements()[0])
    worker.run()
    after = progress(announcements()[0])

    assert (before.owed, before.waiting) == (4, 4)
    states = DeliveryState
    assert (after.owed, after.waiting) == (4, 1)
    assert after.states == {states.SENT: 2, states.FAILED: 1, states.PENDING: 1}
