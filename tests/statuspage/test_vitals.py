"""What is wrong, told from signs alone."""

from datetime import timedelta

import pytest

from statuspage import vitals
from statuspage.delivery.waiting import Queue
from statuspage.vitals import BreakerOpen, ChannelSigns, Signs
from tests.conftest import NOON


def ago(seconds):
    return NOON - timedelta(seconds=seconds)


def email(queue=None, **more):
    return {"email": ChannelSigns("email", "Email", queue or Queue("email"), beat_at=ago(1), **more)}


def signs(channels=None, **more):
    usual = {"engine_seen_at": ago(2), "clock_ticked_at": ago(1)}
    return Signs(NOON, channels if channels is not None else email(), **(usual | more))


def waiting(count=3, *, fresh=None, tried=None, overdue=None, in_hand=0, reason=""):
    since = [ago(span) for span in (fresh, tried) if span is not None]
    return Queue(
        "email", count, min(since, default=None), fresh and ago(fresh), tried and ago(tried), overdue and ago(overdue),
        in_hand, reason,
    )  # fmt: skip


def wrong(found):
    return [trouble.about for trouble in vitals.troubles(found)]


def broken(seconds):
    return BreakerOpen(ago(seconds), NOON, "The relay does not answer.")


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("nothing waits", signs()),
        ("something has just been said", signs(email(waiting(fresh=59, overdue=1)))),
        ("a long fan-out moves on", signs(email(waiting(900_000, fresh=900, in_hand=1), sent_at=ago(3)))),
        ("one mailbox is full and others get theirs", signs(email(waiting(1, tried=3000), sent_at=ago(2900)))),
        ("a breaker has just opened", signs(email(waiting(fresh=20), breaker=broken(59)))),
        ("a worker is at it", signs(email(waiting(fresh=45, overdue=45, in_hand=1)))),
        ("there is no engine, and nothing to do", signs(engine_seen_at=None)),
    ],
)
def test_all_is_well_when(what, found):
    assert wrong(found) == [], what


@pytest.mark.parametrize(
    ("what", "found", "about"),
    [
        ("a breaker is open for a minute", signs(email(breaker=broken(61))), "email"),
        ("nobody takes up what is due", signs(email(waiting(fresh=31, overdue=31))), "email"),
        ("a worker hangs", signs(email(waiting(fresh=61, in_hand=1), sent_at=ago(61))), "email"),
        ("everything fails", signs(email(waiting(tried=61, reason="Busy."))), "email"),
        ("there has never been an engine", signs(email(waiting(fresh=31, overdue=31)), engine_seen_at=None), "engine"),
        ("the engine is gone", signs(email(waiting(fresh=31, overdue=31)), engine_seen_at=ago(31)), "engine"),
        ("nobody works out who is told", signs(unexpanded_since=ago(31)), "engine"),
    ],
)
def test_something_is_wrong_when(what, found, about):
    assert wrong(found) == [about], what


def test_without_an_engine_its_channels_are_not_blamed_for_waiting():
    channels = email(waiting(fresh=300, overdue=300)) | {
        "sms": ChannelSigns("sms", "SMS", Queue("sms", 1, ago(300), ago(300), None, ago(300)), breaker=broken(300))
    }

    assert wrong(signs(channels, engine_seen_at=None)) == ["engine", "sms"]


def test_a_trouble_says_what_how_long_why_and_how_many():
    (trouble,) = vitals.troubles(signs(email(waiting(3, fresh=120), breaker=broken(120))))

    assert trouble.sentence == "Email has taken nothing for 2 min: The relay does not answer. 3 messages wait."
    assert trouble.since == ago(120)


def test_a_reason_need_not_end_like_a_sentence():
    (trouble,) = vitals.troubles(signs(email(waiting(1, tried=90, reason="451 4.7.1 try later"))))

    assert trouble.sentence.endswith("for 1 min: 451 4.7.1 try later. 1 message waits.")


class TestWorking:
    def test_it_works_when_every_sender_has_gone_round(self):
        assert vitals.is_working(signs())

    @pytest.mark.parametrize(
        "found",
        [
            signs(email(breaker=broken(300))),
            signs(engine_seen_at=ago(31)),
            signs({"email": ChannelSigns("email", "Email", Queue("email"), beat_at=ago(61))}),
            signs({"email": ChannelSigns("email", "Email", Queue("email"))}),
            signs({}),
        ],
    )
    def test_it_does_not_when_something_hangs_is_gone_or_is_wrong(self, found):
        assert not vitals.is_working(found)
