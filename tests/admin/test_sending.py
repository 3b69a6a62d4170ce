"""Stopping, letting go and taking back words on their way, from the panel."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import Announcement, Incident, Subscriber
from statuspage.vocabulary import StaffRole

from .desk import Desk


@pytest.fixture
def held(subscribe: Callable[..., Subscriber], open_incident: Callable[..., Incident]) -> str:
    """An announcement that leaves in a minute."""
    subscribe("ada@example.com")
    open_incident()
    announcement = db.session.scalars(db.select(Announcement)).one()
    announcement.held_until = utcnow() + timedelta(minutes=1)
    public_id: str = announcement.public_id
    db.session.commit()
    return public_id


def found() -> Announcement:
    db.session.rollback()
    query = db.select(Announcement).execution_options(populate_existing=True)
    announcement: Announcement = db.session.scalars(query).one()
    return announcement


def test_hold_is_shown_with_what_can_be_done(lead: Desk, held: str) -> None:
    page = lead.get(f"/admin/announcements/{held}").text

    assert "the page shows the words already" in page
    assert "Stop sending" in page
    assert "Send now" in page


def test_stop_go_on_and_take_back(lead: Desk, held: str) -> None:
    lead.post(f"/admin/announcements/{held}/stop")
    assert found().stopped_at is not None
    assert "Nothing more leaves until it goes on" in lead.get(f"/admin/announcements/{held}").text
    lead.post(f"/admin/announcements/{held}/go-on")
    assert found().stopped_at is None
    lead.post(f"/admin/announcements/{held}/withdraw")

    assert found().withdrawn_at is not None
    assert "Taken back" in lead.get(f"/admin/announcements/{held}").text


def test_send_now_ends_the_hold(lead: Desk, held: str) -> None:
    lead.post(f"/admin/announcements/{held}/send-now")

    assert found().held_until is None


def test_button_swaps_the_progress_alone(lead: Desk, held: str) -> None:
    fragment = lead.fragment(f"/admin/announcements/{held}/stop")

    assert "<html" not in fragment
    assert "Stopped." in fragment


def test_who_may_not_publish_may_not_stop(at_desk: Callable[..., Desk], held: str) -> None:
    viewer, responder = at_desk(StaffRole.VIEWER), at_desk(StaffRole.RESPONDER)

    assert viewer.post(f"/admin/announcements/{held}/stop").status_code == 403
    assert responder.post(f"/admin/announcements/{held}/stop").status_code == 403
    assert "Stop sending" not in responder.get(f"/admin/announcements/{held}").text


def test_too_late_is_said_in_a_sentence(lead: Desk, held: str, dispatch: Callable[..., int]) -> None:
    lead.post(f"/admin/announcements/{held}/send-now")
    dispatch(utcnow())
    answer = lead.post(f"/admin/announcements/{held}/stop")

    assert answer.status_code == 409
    assert "Everything has left already" in answer.text
