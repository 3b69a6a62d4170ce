from collections import Counter
from datetime import timedelta

import pytest

from notifiers import DeliveryError, PermanentDeliveryError, Receipt, UncertainDeliveryError
from statuspage import announcing, publishing
from statuspage.db import db
from statuspage.delivery.retrying import count_failed, retry_failed
from statuspage.errors import Conflict
from statuspage.models import Announcement, Subscriber
from statuspage.subscribers import change_state
from statuspage.vocabulary import DeliveryState, Lane, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, Worker, acts, announcements, email_worker, ledger, said, states

LATER = NOON + timedelta(minutes=10)
REFUSED = PermanentDeliveryError("The relay refuses our sender.", code="policy")
GONE = PermanentDeliveryError("There is no such mailbox.", code="invalid_address")
PERHAPS = UncertainDeliveryError("The line broke after the last dot.")
PHONE = "+4915112345678"


def first() -> Announcement:
    db.session.rollback()
    return announcements()[0]


@pytest.fixture
def incident(subscribe, open_incident):
    """Told to Ada, Bob and Eve: Bob's relay refuses, Eve's mailbox does not exist."""
    for name in ("ada", "bob", "eve"):
        subscribe(f"{name}@example.com")
    incident = open_incident()
    worker, _ = email_worker(for_address={"bob@example.com": REFUSED, "eve@example.com": GONE})
    worker.run()
    return incident


def test_what_failed_is_sent_again_and_what_arrived_is_not(incident):
    assert retry_failed(first(), BY, LATER) == 1
    worker, mail = email_worker()
    worker.run(minutes=10)

    assert mail.recipients == ["bob@example.com"]
    assert states() == {"sent": 2, "failed": 1}
    assert acts()[-1] == "announcement.retry"


def test_an_address_that_was_given_up_stays_out(incident):
    retry_failed(first(), BY, LATER)
    worker, mail = email_worker()
    worker.run(minutes=10)

    assert "eve@example.com" not in mail.recipients


def test_a_second_click_finds_nothing_left_to_do(incident):
    assert [retry_failed(first(), BY, LATER) for _ in range(3)] == [1, 0, 0]
    worker, mail = email_worker()
    worker.run(minutes=10)

    assert len(mail.sent) == 1


def test_a_retry_waits_in_the_lane_of_retries(incident):
    retry_failed(first(), BY, LATER)

    (row,) = ledger(state=DeliveryState.PENDING)
    assert (row.lane, row.due_at, row.settled_at) == (Lane.RETRY, LATER, None)


@pytest.mark.parametrize("state", ["sent", "delivered", "captured", "bounced", "suppressed", "withdrawn", "superseded",
                                   "expired", "pending", "leased"])  # fmt: skip
def test_no_other_state_is_touched(incident, state):
    for row in ledger():
        row.state = DeliveryState(state)
    db.session.commit()

    assert retry_failed(first(), BY, LATER) == 0
    assert {row.state.value for row in ledger()} == {state}


def test_who_left_meanwhile_is_left_alone(incident):
    bob = db.session.scalars(db.select(Subscriber).filter_by(address="bob@example.com")).one()
    change_state(bob, SubscriberState.UNSUBSCRIBED, "asked", NOON)
    db.session.commit()

    assert (count_failed(first(), LATER), retry_failed(first(), BY, LATER)) == (0, 0)


def test_nobody_gets_an_older_update_after_a_newer_one(incident):
    publishing.post_update(incident, said(), BY, NOON)
    Worker({"email": FakeChannel()}).run()

    assert count_failed(first(), LATER) == 0


class TestUnknownOutcomes:
    @pytest.fixture
    def unsure(self, subscribe, open_incident):
        subscribe("ada@example.com")
        subscribe(PHONE, channel="sms")
        open_incident()
        email, sms = FakeChannel(PERHAPS), FakeChannel(PERHAPS, kind="sms")
        email.knows_repeats = sms.knows_repeats = False
        Worker({"email": email, "sms": sms}).run()

    def test_they_are_tried_again_where_a_repetition_is_recognised(self, unsure, app, monkeypatch):
        sms = FakeChannel(kind="sms")
        sms.knows_repeats = False
        monkeypatch.setitem(app.extensions, "candor.channels", {"email": FakeChannel(), "sms": sms})
        retry_failed(first(), BY, LATER)

        assert {row.channel: row.state.value for row in ledger()} == {"email": "pending", "sms": "unknown"}

    def test_a_provider_that_can_be_asked_is_asked_before_anything_is_sent(self, unsure, app, monkeypatch):
        sms = FakeChannel(kind="sms")
        sms.find = lambda message, address, since: Receipt("SM1", "Twilio has it.")  # type: ignore[attr-defined]
        monkeypatch.setitem(app.extensions, "candor.channels", {"sms": sms})
        retry_failed(first(), BY, LATER)
        Worker({"sms": sms}).run(minutes=10)

        (row,) = ledger(channel="sms")
        assert (row.state, row.provider_id, sms.sent) == (DeliveryState.SENT, "SM1", [])


class TestWordsThatAreNoLongerToBeSent:
    def test_those_taken_back(self, subscribe, open_incident):
        subscribe("ada@example.com")
        open_incident()
        announcing.withdraw(first(), BY, NOON)

        with pytest.raises(Conflict, match="taken back"):
            retry_failed(first(), BY, LATER)

    def test_those_that_were_stopped(self, subscribe, open_incident):
        subscribe("ada@example.com")
        open_incident()
        announcing.stop(first(), BY, NOON)

        with pytest.raises(Conflict, match="stopped"):
            retry_failed(first(), BY, LATER)

    def test_those_of_yesterday(self, incident):
        with pytest.raises(Conflict, match="no longer news"):
            retry_failed(first(), BY, NOON + timedelta(hours=25))

    def test_those_corrected_since(self, incident):
        publishing.correct(incident.updates[0], "Better words.", BY, NOON, tells=True)

        with pytest.raises(Conflict, match="corrected"):
            retry_failed(first(), BY, LATER)


def test_a_retry_that_fails_again_can_be_tried_again(incident):
    for minutes in (10, 20):
        retry_failed(first(), BY, NOON + timedelta(minutes=minutes))
        email_worker(REFUSED)[0].run(minutes=minutes)

    bob = next(row for row in ledger() if row.reason == str(REFUSED))
    assert [attempt.number for attempt in bob.attempts] == [1, 2, 3]
    assert Counter(row.state.value for row in ledger()) == {"sent": 1, "failed": 2}


def test_a_retry_that_must_wait_waits(incident):
    retry_failed(first(), BY, LATER)
    email_worker(DeliveryError("Busy."))[0].run(minutes=10)

    (row,) = ledger(state=DeliveryState.PENDING)
    assert row.due_at > LATER
