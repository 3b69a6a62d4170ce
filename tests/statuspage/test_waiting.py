"""What waits is seen with its reason, in a row of its own or in a shard."""

from datetime import timedelta

import pytest

from notifiers import DeliveryError
from statuspage import announcing
from statuspage.db import db
from statuspage.delivery import shards, waiting
from statuspage.delivery.expansion import expand_next
from statuspage.models import Announcement
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, Worker, announcements, email_worker

LATER = NOON + timedelta(seconds=61)
LEASE = timedelta(seconds=60)
DOWN = DeliveryError("The relay does not answer.", is_channel_wide=True)


@pytest.fixture
def announced(crowd, open_incident):
    """Three readers are owed an update, and it is laid out."""
    crowd(3)
    open_incident()
    expand_next(NOON)
    return announcements()[0]


def behind(now=LATER):
    db.session.rollback()
    return [(each.channel, each.reason, each.count, each.since) for each in waiting.behind(now, Announcement.id > 0)]


def queue(now=LATER):
    db.session.rollback()
    return waiting.queues(now)["email"]


def test_within_a_minute_nobody_need_know(announced):
    assert behind(NOON + timedelta(seconds=60)) == []


def test_what_is_still_in_a_shard_is_behind_too(announced):
    assert behind() == [("email", "", 3, NOON)]


def test_a_shard_waits_for_the_reason_its_channel_gave(announced):
    email_worker(DOWN)[0].run()

    assert behind() == [("email", "The relay does not answer.", 3, NOON)]


def test_a_row_and_a_shard_wait_for_reasons_of_their_own(announced):
    email_worker(DeliveryError("The mailbox is busy."), DOWN)[0].run()

    assert sorted(behind()) == [
        ("email", "The mailbox is busy.", 1, NOON),
        ("email", "The relay does not answer.", 2, NOON),
    ]


def test_what_a_person_stopped_says_so_and_is_nobodys_trouble(announced):
    announcing.stop(announced, BY, NOON)

    assert behind() == [("email", waiting.STOPPED, 3, NOON)]
    assert waiting.queues(LATER) == {}


def test_a_hold_is_no_waiting(announced):
    announced.held_until = NOON + timedelta(seconds=20)
    db.session.commit()

    assert behind(NOON + timedelta(seconds=75)) == []
    assert behind(NOON + timedelta(seconds=81)) == [("email", "", 3, NOON + timedelta(seconds=20))]
    assert waiting.queues(NOON) == {}


def test_queue_knows_since_when_and_that_nobody_has_taken_it_up(announced):
    found = queue()

    assert (found.count, found.since, found.fresh_since, found.overdue_since) == (3, NOON, NOON, NOON)
    assert (found.tried_since, found.in_hand) == (None, 0)


def test_what_a_worker_holds_is_in_hand(announced):
    shards.take("email", LEASE, NOON)

    assert (queue().in_hand, queue().overdue_since) == (1, None)


def test_what_failed_once_waits_as_tried(announced):
    email_worker(DeliveryError("Busy."))[0].run()
    found = queue(NOON + timedelta(seconds=5))

    assert (found.count, found.fresh_since, found.tried_since, found.reason) == (3, None, NOON, "Busy.")


def test_who_is_told_may_still_have_to_be_worked_out(open_incident):
    open_incident()
    before = waiting.unexpanded_since()
    expand_next(NOON)

    assert (before, waiting.unexpanded_since()) == (NOON, None)


def test_what_has_left_does_not_wait(announced):
    Worker({"email": FakeChannel()}).run()

    assert (behind(), waiting.queues(LATER)) == ([], {})
