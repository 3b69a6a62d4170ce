from datetime import timedelta

import pytest

from statuspage.db import db
from statuspage.delivery import reach, receipts
from statuspage.delivery.reach import Curve, together
from statuspage.kept import CHEAP, Kept
from tests.conftest import NOON
from tests.statuspage.fakes import FakeChannel, Worker, announcements, ledger


def test_shares_of_a_staircase_are_those_of_people():
    curve = Curve(((1.0, 1), (2.0, 2), (4.0, 3), (8.0, 4)))

    assert [curve.until(share) for share in (0.25, 0.5, 0.51, 0.95, 1.0)] == [1, 2, 4, 8, 8]


def test_between_two_moments_people_are_spread_evenly():
    curve = Curve(((10.0, 100), (20.0, 200)), is_sampled=True)

    assert (curve.until(0.5), curve.until(0.75)) == (10, 15)


def test_nobody_was_reached_in_no_time():
    assert (Curve().until(0.5), Curve().last, Curve().total) == (0, 0, 0)


def test_channels_add_up():
    both = together([Curve(((1.0, 1), (3.0, 2))), Curve(((2.0, 1),))])

    assert both.points == ((1.0, 1), (2.0, 2), (3.0, 3))


def test_channel_that_was_done_early_is_not_drawn_out_by_the_others():
    assert Curve(((1.0, 5), (2.0, 5), (3.0, 5)), is_sampled=True).last == 1


@pytest.fixture
def said_to_300(crowd, open_incident):
    """An announcement whose n-th recipient was reached after n seconds, and whose last three never were."""
    crowd(300)
    open_incident()
    Worker({"email": FakeChannel()}).run()
    for number, row in enumerate(ledger(), 1):
        row.settled_at = NOON + timedelta(seconds=number)
        if number > 297:
            row.state = row.state.FAILED
    db.session.commit()
    return announcements()[0]


def curve_of(announcement):
    return reach.curves(announcement, receipts.by_channel(announcement))["email"]


def test_times_count_from_when_it_was_said(said_to_300):
    curve = curve_of(said_to_300)

    assert (curve.total, curve.until(0.5), curve.until(0.95), curve.last) == (297, 149, 283, 297)


def test_many_are_counted_at_moments_and_come_to_nearly_the_same(said_to_300, monkeypatch):
    monkeypatch.setattr(reach, "EXACT", 10)
    curve = curve_of(said_to_300)

    assert curve.is_sampled
    assert (curve.total, curve.last) == (297, 297)
    assert curve.until(0.5) == pytest.approx(149, rel=0.02)
    assert curve.until(0.95) == pytest.approx(283, rel=0.02)
    assert len(curve.points) <= reach.MOMENTS


def test_a_message_that_failed_is_no_one_reached(said_to_300):
    for row in ledger():
        row.state = row.state.FAILED
    db.session.commit()

    assert reach.curves(said_to_300, receipts.by_channel(said_to_300)) == {}


class TestKeeping:
    @pytest.fixture
    def clock(self):
        return [100.0]

    def ask(self, kept, clock, cost, answer):
        def work():
            clock[0] += cost
            return answer

        return kept.get("key", work)

    def test_cheap_answers_are_always_fresh(self, clock):
        kept = Kept(lambda: clock[0])

        assert [self.ask(kept, clock, CHEAP / 2, answer) for answer in (1, 2)] == [1, 2]

    def test_dear_answers_are_kept_the_longer_the_more_they_cost(self, clock):
        kept = Kept(lambda: clock[0])
        self.ask(kept, clock, 0.5, 1)
        clock[0] += 4.9
        kept_one = self.ask(kept, clock, 0.5, 2)
        clock[0] += 0.2

        assert (kept_one, self.ask(kept, clock, 0.5, 3)) == (1, 3)

    def test_what_has_changed_is_asked_anew(self, clock):
        kept = Kept(lambda: clock[0])
        self.ask(kept, clock, 0.5, 1)
        kept.forget("key")

        assert self.ask(kept, clock, 0.5, 2) == 2
