"""A day's SMS for subscribers end at the cap, visibly; reminders to staff never do."""

from datetime import timedelta

import pytest

from notifiers import Envelope, Message
from statuspage.models import Announcement
from statuspage.spending import REFUSED, refusal
from statuspage.vocabulary import AnnouncementKind, DeliveryState
from tests.conftest import NOON
from tests.statuspage.fakes import FakeChannel, acts

UPDATE, CONFIRMATION, REMINDER = (
    AnnouncementKind.INCIDENT_UPDATE,
    AnnouncementKind.CONFIRMATION,
    AnnouncementKind.REMINDER,
)
WORDS = Message("reference", "subject", "text")


class Sms(FakeChannel):
    """A channel whose every message has two segments."""

    def pieces(self, message):
        return 2


@pytest.fixture
def app(houses):
    """An app that lets subscribers have five segments a day."""
    with houses.open(sms_daily_segments=5) as app:
        yield app


@pytest.fixture
def ask(page):
    """Asks for one more SMS."""
    sms = Sms(kind="sms")

    def ask(kind=UPDATE, now=NOON, channel=sms):
        announcement = Announcement(page_id=page.id, kind=kind)
        return refusal(channel, announcement, Envelope(1, "+4915112345678", WORDS), now)

    return ask


def test_what_is_beyond_the_cap_is_suppressed_with_the_reason(ask):
    assert [ask(), ask()] == [None, None]
    assert ask() == (DeliveryState.SUPPRESSED, REFUSED)


def test_a_reminder_goes_out_whatever_was_spent(ask):
    answers = [ask() for _ in range(4)]

    assert answers[-1] is not None
    assert ask(REMINDER) is None


def test_confirmations_count_too(ask):
    ask(CONFIRMATION), ask(CONFIRMATION)

    assert ask(UPDATE) is not None
    assert ask(CONFIRMATION) is not None


def test_reminders_use_up_nothing(ask):
    for _ in range(9):
        ask(REMINDER)

    assert ask() is None


def test_the_next_day_begins_anew(ask):
    for _ in range(3):
        ask()

    assert ask(now=NOON + timedelta(days=1)) is None


def test_the_audit_says_once_that_the_cap_was_reached(ask):
    for _ in range(6):
        ask()

    assert acts().count("sms.cap_reached") == 1


def test_what_costs_nothing_is_not_counted(ask):
    captured = Sms(kind="sms")
    captured.is_live = False
    for _ in range(9):
        assert ask(channel=captured) is None
        assert ask(channel=FakeChannel(kind="email")) is None

    assert ask() is None
