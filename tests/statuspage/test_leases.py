from datetime import timedelta

import pytest

from statuspage import leases
from statuspage.db import db
from statuspage.models import Lease
from tests.conftest import NOON

SIX = timedelta(seconds=6)

pytestmark = pytest.mark.usefixtures("app")


def test_duty_goes_to_whoever_asks_first():
    assert leases.hold("clock", "a", SIX, NOON)
    assert not leases.hold("clock", "b", SIX, NOON)


def test_holder_keeps_it_by_asking_again():
    leases.hold("clock", "a", SIX, NOON)
    leases.hold("clock", "a", SIX, NOON + timedelta(seconds=5))

    assert not leases.hold("clock", "b", SIX, NOON + timedelta(seconds=10))


def test_duty_of_a_dead_holder_passes_on():
    leases.hold("clock", "a", SIX, NOON)

    assert leases.hold("clock", "b", SIX, NOON + SIX)
    assert not leases.hold("clock", "a", SIX, NOON + SIX)


def test_release_lets_a_successor_begin_at_once():
    leases.hold("clock", "a", SIX, NOON)
    leases.release("clock", "a", NOON)

    assert leases.hold("clock", "b", SIX, NOON)


def test_only_the_holder_can_release():
    leases.hold("clock", "a", SIX, NOON)
    leases.release("clock", "b", NOON)

    assert not leases.hold("clock", "b", SIX, NOON)


def test_duties_do_not_mix():
    leases.hold("clock", "a", SIX, NOON)

    assert leases.hold("mirror", "b", SIX, NOON)


def test_fence_grows_with_every_change_of_hands_and_only_then():
    leases.hold("clock", "a", SIX, NOON)
    first = db.session.get(Lease, "clock").fence
    leases.hold("clock", "a", SIX, NOON + timedelta(seconds=1))
    db.session.expire_all()
    kept = db.session.get(Lease, "clock").fence
    leases.hold("clock", "b", SIX, NOON + timedelta(seconds=9))
    db.session.expire_all()

    assert (kept, db.session.get(Lease, "clock").fence) == (first, first + 1)
