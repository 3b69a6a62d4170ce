"""Alarms over a channel that still works: once, again every half hour, and a word when it is over."""

from datetime import timedelta

import pytest

from notifiers import DeliveryError, Receipt
from statuspage import alarms
from statuspage.db import db
from statuspage.delivery.pulse import Pulse
from statuspage.models import Alarm, Announcement, Breaker, Delivery, Shard
from statuspage.vocabulary import AnnouncementKind, DeliveryState, StaffRole
from tests.conftest import NOON
from tests.statuspage.fakes import Clock, FakeChannel, Worker, acts

DOWN = DeliveryError("The relay does not answer.", is_channel_wide=True)
MINUTE = timedelta(minutes=1)


class House:
    """An engine, its channels, and a clock that a test moves."""

    def __init__(self):
        self.clock = Clock()
        self.email, self.sms = FakeChannel(), FakeChannel(kind="sms")
        self.email.label, self.sms.label = "Email", "SMS"
        self.worker = Worker({"email": self.email, "sms": self.sms}, self.clock)
        self.has_engine = True

    def pass_time(self, **span):
        """Time goes by; the engine works, and the clock looks for alarms."""
        self.clock.move(**span)
        if self.has_engine:
            self.worker.dispatcher.run_until_idle()
            self.note()
        alarms.raise_due(self.clock.now, self.clock)
        if self.has_engine:
            self.worker.dispatcher.run_until_idle()

    def note(self):
        pulse = Pulse("house:1")
        for kind in ("email", "sms"):
            pulse.part(f"{kind}-bulk-0", self.clock.now, kind)
        pulse.note(self.clock.now)

    @property
    def texts(self):
        """What was said by SMS about the machinery."""
        return [message.text for message in self.sms.messages if "/admin/health" in message.text]


@pytest.fixture
def house(app, monkeypatch):
    house = House()
    monkeypatch.setitem(app.extensions, "candor.channels", house.worker.channels)
    return house


@pytest.fixture
def staff(colleague):
    """A comms lead with a phone, an admin without one, and a responder whom it does not concern."""
    colleague(StaffRole.COMMS_LEAD, "lead@candor.example", "+4915112345601")
    colleague(StaffRole.ADMIN, "admin@candor.example")
    colleague(StaffRole.RESPONDER, "responder@candor.example", "+4915112345603")


@pytest.fixture
def relay_down(house, staff, subscribe, open_incident):
    """An update that the relay does not take."""
    house.email.answers = [DOWN]
    subscribe("ada@example.com")
    open_incident()
    house.pass_time()
    return house


def test_trouble_with_mail_is_told_by_sms(relay_down):
    relay_down.pass_time(seconds=50)
    before = list(relay_down.texts)
    relay_down.pass_time(seconds=20)

    assert before == []
    (text,) = relay_down.texts
    assert "Alarm. Email has taken nothing for 1 min: The relay does not answer. 1 message waits." in text
    assert text.endswith("/admin/health")
    assert relay_down.sms.recipients == ["+4915112345601"]


def test_trouble_with_sms_is_told_by_mail_to_leads_and_admins(house, staff, subscribe, open_incident):
    house.sms.answers = [DeliveryError("Twilio does not answer.", is_channel_wide=True)]
    subscribe("+4915112345678", channel="sms")
    open_incident()
    house.pass_time()
    house.pass_time(seconds=70)

    assert sorted(house.email.recipients) == ["admin@candor.example", "lead@candor.example"]
    assert "Twilio does not answer." in house.email.messages[0].text


def test_it_is_said_once_and_again_every_half_hour(relay_down):
    counts = []
    for _ in range(65):
        relay_down.pass_time(minutes=1)
        counts.append(len(relay_down.texts))

    assert (counts[1], counts[29], counts[33], counts[64]) == (1, 1, 2, 3)
    assert "Alarm, still" in relay_down.texts[1]


def test_all_clear_comes_when_it_has_been_well_for_a_minute(relay_down):
    relay_down.pass_time(minutes=2)
    relay_down.email.answers = [Receipt("taken")]
    relay_down.pass_time(minutes=2)
    at_once = list(relay_down.texts)
    relay_down.pass_time(minutes=1)

    assert len(at_once) == 1
    assert "All clear. What was wrong for" in relay_down.texts[1]
    assert alarms.open_alarms() == []
    assert [act for act in acts() if act.startswith("alarm")] == ["alarm.raise", "alarm.over"]


def test_a_relay_that_comes_and_goes_does_not_ring_all_day(relay_down):
    relay_down.pass_time(minutes=2)
    for _ in range(10):
        db.session.execute(db.delete(Breaker))
        db.session.execute(db.update(Delivery).values(state=DeliveryState.SENT))
        db.session.commit()
        alarms.raise_due(relay_down.clock.move(seconds=30))
        db.session.add(Breaker(channel="email", failures=3, reason="Again.", opened_at=NOON, until=NOON))
        db.session.commit()
        alarms.raise_due(relay_down.clock.move(seconds=30))
    relay_down.pass_time()

    assert len(relay_down.texts) == 1


def test_where_every_channel_is_down_the_alarm_is_kept_and_nobody_is_told_twice(relay_down, subscribe):
    relay_down.sms.answers = [DeliveryError("Twilio does not answer.", is_channel_wide=True)]
    subscribe("+4915112345678", channel="sms")
    db.session.add(Breaker(channel="sms", failures=1, reason="Twilio does not answer.", opened_at=NOON, until=NOON))
    db.session.commit()
    relay_down.pass_time(minutes=2)

    assert {alarm.about: alarm.announcement_ids for alarm in alarms.open_alarms()} == {"email": [], "sms": []}
    assert relay_down.texts == []


def test_an_alarm_that_never_left_needs_no_all_clear(relay_down, monkeypatch):
    monkeypatch.setattr(alarms, "QUIET_FOR", timedelta(seconds=5))
    relay_down.has_engine = False
    relay_down.clock.move(seconds=70)
    relay_down.note()
    alarms.raise_due(relay_down.clock.now)
    db.session.execute(db.delete(Breaker))
    db.session.execute(db.update(Shard).values(closed_at=NOON))
    db.session.commit()
    for _ in range(2):
        alarms.raise_due(relay_down.clock.move(seconds=6))
    relay_down.worker.run()

    rows = db.session.scalars(db.select(Delivery).join(Announcement).filter_by(kind=AnnouncementKind.ALARM)).all()
    assert [(row.channel, row.state) for row in rows] == [("sms", DeliveryState.SUPERSEDED)]
    assert relay_down.texts == []


def test_an_engine_that_takes_nothing_up_is_noticed_and_the_clock_sends_the_alarm_itself(
    house, staff, subscribe, open_incident
):
    house.has_engine = False
    subscribe("ada@example.com")
    open_incident()
    house.pass_time(seconds=29)
    before = list(house.texts)
    house.pass_time(seconds=10)

    assert before == []
    assert "The engine that sends has not been seen at all." in house.texts[0]
    assert sorted(house.email.recipients) == ["admin@candor.example", "lead@candor.example"]


def test_when_all_is_well_nothing_is_written(house, staff):
    for _ in range(5):
        house.pass_time(minutes=1)

    assert (db.session.scalars(db.select(Alarm)).all(), house.texts) == ([], [])
