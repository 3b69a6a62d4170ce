"""What can be done about words on their way: hold, send now, stop, go on, take back, correct."""

from datetime import timedelta

import pytest

from statuspage import announcing, publishing, subscriptions
from statuspage.db import db
from statuspage.delivery.expansion import expand_next
from statuspage.delivery.receipts import progress
from statuspage.errors import Conflict
from statuspage.models import Announcement, Incident, IncidentUpdate, Subscriber
from statuspage.vocabulary import AnnouncementKind, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, Worker, acts, announcements, email_worker, ledger, said, states

HOLD = timedelta(seconds=20)
CROWD = 120


@pytest.fixture
def held(crowd, open_incident):
    """An incident just published with a hold, to a crowd."""
    crowd(CROWD)
    return open_incident(hold=HOLD).id


@pytest.fixture
def published(crowd, open_incident):
    """An incident just published without a hold, to a crowd."""
    crowd(CROWD)
    return open_incident().id


def first():
    db.session.rollback()
    return db.session.get(Announcement, announcements()[0].id, populate_existing=True)


def stopped_after(count, verb=announcing.stop):
    """Deliver, and stop when so many have been given to the wire; the channel is returned."""
    worker, mail = email_worker()

    def stop(_envelope):
        if len(mail.sent) == count:
            verb(first(), BY, worker.clock.now)

    mail.before_answering = stop
    worker.run()
    return mail


class TestHold:
    def test_nothing_leaves_before_it_is_over(self, held):
        worker, mail = email_worker()
        worker.run(seconds=19)
        assert (mail.sent, states()) == ([], {"pending": CROWD})
        worker.run(seconds=1)

        assert states() == {"sent": CROWD}

    def test_page_shows_the_words_at_once(self, held, client):
        assert "We are looking into it." in client.get("/").text

    def test_send_now_ends_it(self, held):
        expand_next(NOON)
        announcing.send_now(first(), BY, NOON)
        worker, mail = email_worker()
        worker.run()

        assert len(mail.sent) == CROWD

    def test_what_is_withdrawn_within_it_reaches_nobody(self, held):
        expand_next(NOON)
        announcing.withdraw(first(), BY, NOON)
        worker, mail = email_worker()
        worker.run(minutes=5)

        assert (mail.sent, states()) == ([], {"withdrawn": CROWD})

    def test_without_one_messages_leave_at_once(self, published):
        worker, mail = email_worker()
        worker.run()

        assert len(mail.sent) == CROWD


class TestStop:
    def test_nothing_is_leased_after_it(self, published):
        mail = stopped_after(30)

        assert len(mail.sent) == 50  # what was in the window
        assert states() == {"sent": 50, "pending": CROWD - 50}
        assert "announcement.stop" in acts()

    def test_who_waits_for_a_second_try_waits_too(self, open_incident, subscribe):
        from notifiers import DeliveryError

        subscribe("ada@example.com")
        open_incident()
        worker, mail = email_worker(DeliveryError("Busy."))
        worker.run()
        announcing.stop(first(), BY, NOON)
        worker.run(hours=1)

        assert (len(mail.sent), states()) == (1, {"pending": 1})

    def test_going_on_tells_the_rest_once(self, published):
        mail = stopped_after(30)
        announcing.go_on(first(), BY, NOON)
        mail.before_answering = lambda _: None
        Worker({"email": mail}).run()

        assert len(set(mail.recipients)) == len(mail.recipients) == CROWD

    def test_taking_back_ends_the_rest_with_a_line_each(self, published):
        stopped_after(30)
        announcing.withdraw(first(), BY, NOON)
        email_worker()[0].run()

        assert states() == {"sent": 50, "withdrawn": CROWD - 50}
        assert (progress(first()).owed, progress(first()).waiting) == (CROWD, 0)

    def test_what_has_left_cannot_be_stopped(self, published):
        email_worker()[0].run()

        for verb in (announcing.stop, announcing.go_on, announcing.withdraw, announcing.send_now):
            with pytest.raises(Conflict, match="has left already"):
                verb(first(), BY, NOON)

    def test_stopping_twice_is_stopping_once(self, published):
        announcing.stop(first(), BY, NOON)
        announcing.stop(first(), BY, NOON + timedelta(minutes=1))

        assert first().stopped_at == NOON
        assert acts().count("announcement.stop") == 1


class TestCorrection:
    def correct(self, words="These are the right words.", at=NOON):
        db.session.rollback()
        update = db.session.get(IncidentUpdate, 1)
        publishing.correct(update, words, BY, at, tells=True)

    def test_reaches_exactly_those_who_got_the_first_words(self, published):
        wrong = stopped_after(30)
        self.correct()
        worker, mail = email_worker()
        worker.run()

        corrected = [e.address for e in mail.sent if "had wrong words" in e.message.text]
        told_anew = [e.address for e in mail.sent if "had wrong words" not in e.message.text]
        assert sorted(corrected) == sorted(wrong.recipients)
        assert sorted(told_anew) == sorted({f"s{number}@example.com" for number in range(CROWD)} - set(corrected))
        assert all("These are the right words." in message.text for message in mail.messages)

    def test_within_the_hold_everyone_gets_the_right_words_alone(self, held):
        self.correct()
        worker, mail = email_worker()
        worker.run(minutes=1)

        assert len(mail.sent) == CROWD
        assert not [m for m in mail.messages if "wrong words" in m.text or "looking into it" in m.text]

    def test_second_correction_reaches_all_who_got_either(self, published):
        stopped_after(30)
        self.correct("Second words.")
        email_worker()[0].run()
        self.correct("Third words.")
        worker, mail = email_worker()
        worker.run()

        assert len(set(mail.recipients)) == len(mail.recipients) == CROWD
        assert all("Third words." in message.text for message in mail.messages)

    def test_who_unsubscribed_meanwhile_is_spared(self, published):
        email_worker()[0].run()
        someone = db.session.query(Subscriber).filter_by(address="s3@example.com").one()
        subscriptions.unsubscribe(someone, "link", BY, NOON + timedelta(minutes=1))
        self.correct(at=NOON + timedelta(minutes=2))
        worker, mail = email_worker()
        worker.run()

        assert someone.state is SubscriberState.UNSUBSCRIBED
        assert len(mail.sent) == CROWD - 1
        assert "s3@example.com" not in mail.recipients

    def test_who_confirmed_in_the_middle_and_was_told_the_wrong_state_is_corrected_too(self, published, subscribe):
        subscribe("late@example.com")
        email_worker()[0].run()
        self.correct()
        worker, mail = email_worker()
        worker.run()

        assert mail.recipients.count("late@example.com") == 1

    def test_of_words_nobody_was_told_tells_nobody(self, crowd, open_incident):
        crowd(3)
        open_incident(is_notified=False)
        self.correct()

        assert announcements() == []

    def test_without_asking_tells_nobody(self, published):
        email_worker()[0].run()
        publishing.correct(db.session.get(IncidentUpdate, 1), "Better.", BY, NOON)

        assert [each.kind for each in announcements()] == [AnnouncementKind.INCIDENT_UPDATE]

    def test_does_not_hold_up_the_next_update(self, published):
        email_worker()[0].run()
        self.correct()
        publishing.post_update(db.session.get(Incident, published), said("Next."), BY, NOON)
        worker, mail = email_worker()
        worker.run()

        by_person = {}
        for envelope in mail.sent:
            by_person.setdefault(envelope.address, []).append("Next." in envelope.message.text)
        assert set(map(tuple, by_person.values())) == {(False, True)}


def test_each_person_is_in_the_ledger_once_for_each_announcement(published):
    stopped_after(30)
    announcing.withdraw(first(), BY, NOON)
    email_worker()[0].run()
    rows = ledger()

    assert len(rows) == len({(row.announcement_id, row.subscriber_id) for row in rows}) == CROWD


def test_told_is_counted_once_for_each_person(published):
    email_worker()[0].run()
    update = db.session.get(IncidentUpdate, 1)
    publishing.correct(update, "Better.", BY, NOON, tells=True)
    Worker({"email": FakeChannel()}).run()

    assert announcing.count_told(update) == CROWD
