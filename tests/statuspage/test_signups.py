from datetime import timedelta

import pytest
from sqlalchemy import func, select

from statuspage import signups, subscriptions
from statuspage.db import db
from statuspage.models import Delivery, Subscriber, Subscription
from statuspage.subscriptions import Wishes
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, ledger, only_row, states

WEEK = timedelta(days=7)


@pytest.fixture
def ask(page):
    """Signs an address up, as the form does."""

    def sign_up(address="ada@example.com", at=NOON):
        subscriptions.sign_up(page, "email", address, Wishes(), "form 1", "network", at)
        return subscriptions.find(page, "email", address)

    return sign_up


def count(model):
    return db.session.scalar(select(func.count()).select_from(model))


def test_address_that_was_never_confirmed_is_forgotten_after_a_week(ask):
    ask()

    assert signups.forget_unconfirmed(NOON + WEEK) == 0
    assert signups.forget_unconfirmed(NOON + WEEK + timedelta(seconds=1)) == 1
    assert (count(Subscriber), count(Subscription)) == (0, 0)


def test_ledger_keeps_that_something_was_sent_but_not_to_whom(ask, dispatch):
    ask()
    dispatch()
    signups.forget_unconfirmed(NOON + timedelta(days=8))

    row = only_row()
    assert (row.subscriber_id, row.address, row.state.value) == (None, "", "captured")


def test_message_still_waiting_when_the_address_is_forgotten_goes_nowhere(ask, dispatch):
    ask()
    signups.forget_unconfirmed(NOON + timedelta(days=8))
    mail = FakeChannel()
    dispatch(NOON + timedelta(days=8), email=mail)

    assert (mail.sent, states()) == ([], {"expired": 1})


def test_week_begins_anew_with_every_confirmation_we_send(ask):
    ask()
    ask(at=NOON + timedelta(days=6))

    assert signups.forget_unconfirmed(NOON + timedelta(days=8)) == 0
    assert signups.forget_unconfirmed(NOON + timedelta(days=14)) == 1


def test_stranger_who_keeps_asking_does_not_keep_an_address_here(ask):
    ask()
    ask(at=NOON + timedelta(hours=23))

    assert signups.forget_unconfirmed(NOON + WEEK + timedelta(hours=1)) == 1


def test_who_confirmed_once_stays(ask, page):
    subscriptions.confirm(ask(), NOON)
    subscriptions.unsubscribe(subscriptions.find(page, "email", "ada@example.com"), "link", BY, NOON)
    ask(at=NOON + timedelta(days=2))

    assert signups.forget_unconfirmed(NOON + timedelta(days=30)) == 0


def test_housekeeping_comes_in_batches(ask):
    for number in range(3):
        ask(f"a{number}@example.com")

    assert signups.forget_unconfirmed(NOON + timedelta(days=8)) == 3
    assert count(Delivery) == 3
    assert all(row.address == "" for row in ledger())
