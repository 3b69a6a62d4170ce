"""Health: what the machinery does, in sentences, and a banner where everybody looks."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from statuspage import alarms, leases
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.delivery.expansion import expand_next
from statuspage.delivery.pulse import Pulse
from statuspage.jobs import DUTY, HOLD_FOR
from statuspage.models import Announcement, Breaker, Incident
from statuspage.vocabulary import StaffRole

from .desk import Desk


@pytest.fixture
def engine(app: Flask) -> None:
    """An engine works, and keeps the clock."""
    now = utcnow()
    pulse = Pulse("host:1")
    for kind in ("email", "sms"):
        pulse.part(f"{kind}-bulk-0", now, kind)
    pulse.note(now)
    leases.hold(DUTY, "host:1", HOLD_FOR, now)


def break_email(minutes: int) -> None:
    now = utcnow()
    opened_at = now - timedelta(minutes=minutes)
    reason = "The relay does not answer."
    db.session.add(Breaker(channel="email", failures=3, reason=reason, opened_at=opened_at, until=now))
    db.session.commit()


@pytest.mark.usefixtures("engine")
class TestWithAnEngine:
    def test_all_is_well(self, lead: Desk) -> None:
        page = lead.get("/admin/health").text

        assert "Everything works." in page
        assert "Kept by host:1" in page

    def test_the_dashboard_says_nothing_when_all_is_well(self, lead: Desk) -> None:
        assert 'class="warnings"' not in lead.get("/admin/").text

    def test_a_channel_in_trouble_is_on_the_dashboard(self, at_desk: Callable[..., Desk]) -> None:
        break_email(minutes=2)

        sentence = "has taken nothing for 2 min: The relay does not answer."
        viewer, lead = at_desk(StaffRole.VIEWER).get("/admin/").text, at_desk(StaffRole.COMMS_LEAD).get("/admin/").text
        assert sentence in viewer
        assert "/admin/health" not in viewer
        assert 'href="/admin/health">See what waits' in lead

    def test_alarms_are_listed_open_and_over(self, lead: Desk) -> None:
        break_email(minutes=2)
        now = utcnow()
        alarms.raise_due(now)
        open_ = lead.get("/admin/health/signs").text
        db.session.execute(db.delete(Breaker))
        db.session.commit()
        for seconds in (1, 25):
            alarms.raise_due(now + timedelta(seconds=seconds))
        alarm = alarms.open_alarms()[0]
        alarm.over_at = now
        db.session.commit()
        over = lead.get("/admin/health/signs").text

        assert ">Open</span>" in open_
        assert ">Over</span>" in over


def test_without_an_engine_the_dashboard_says_so(lead: Desk) -> None:
    page = lead.get("/admin/").text

    assert "No engine is running" in page
    assert "Nobody keeps the clock" in page


def test_what_is_still_in_a_shard_is_on_the_dashboard_with_its_reason(
    lead: Desk, crowd: Callable[[int], int], open_incident: Callable[..., Incident]
) -> None:
    crowd(3)
    open_incident()
    expand_next(utcnow())
    break_email(minutes=2)
    page = lead.get("/admin/").text

    assert "3 × still waiting" in page
    assert "The relay does not answer." in page


def test_what_waits_is_on_the_announcements_own_page_too(
    lead: Desk, crowd: Callable[[int], int], open_incident: Callable[..., Incident]
) -> None:
    crowd(3)
    open_incident()
    expand_next(utcnow())
    break_email(minutes=2)
    found = db.session.scalars(db.select(Announcement)).one()

    assert "still waiting: The relay does not answer." in lead.get(f"/admin/announcements/{found.public_id}").text


@pytest.mark.parametrize("role", [StaffRole.VIEWER, StaffRole.RESPONDER])
def test_the_room_is_for_those_who_can_act(at_desk: Callable[..., Desk], role: StaffRole) -> None:
    desk = at_desk(role)

    assert desk.get("/admin/health").status_code == 403
    assert desk.get("/admin/health/signs").status_code == 403
