"""Was this address told? Asked in the panel; and what becomes of those who want to be forgotten."""

from collections.abc import Callable

import pytest

from admin import told as room
from statuspage.db import db
from statuspage.models import AuditEntry, Incident, Subscriber
from statuspage.vocabulary import StaffRole, SubscriberState
from tests.conftest import NOON

from .desk import Desk


@pytest.fixture
def ada(
    subscribe: Callable[..., Subscriber], open_incident: Callable[..., Incident], dispatch: Callable[..., int]
) -> Subscriber:
    """A subscriber who was told about an incident."""
    subscriber = subscribe("ada@example.com")
    open_incident()
    dispatch(NOON)
    return subscriber


def ask(desk: Desk, address: str = "ada@example.com", channel: str = "email") -> str:
    return desk.post("/admin/told", address=address, channel=channel).text


def lookups() -> int:
    db.session.rollback()
    return db.session.query(AuditEntry).filter_by(act="subscriber.lookup").count()


@pytest.mark.usefixtures("ada")
def test_the_answer_leads_to_the_words(lead: Desk) -> None:
    page = ask(lead)
    path = page.partition('href="/admin/announcements/')[2].partition('"')[0]

    assert "[Status] Payments fail" in page
    assert "We are looking into it." in lead.get(f"/admin/announcements/{path}").text


def test_an_erased_address_is_still_answered_for(lead: Desk, ada: Subscriber) -> None:
    lead.post(f"/admin/subscribers/{ada.public_id}/erase")

    assert "[Status] Payments fail" in ask(lead)


@pytest.mark.usefixtures("ada")
def test_who_was_never_told_is_said_plainly(lead: Desk) -> None:
    assert "No, not that we know" in ask(lead, "bob@example.com")


@pytest.mark.usefixtures("ada")
def test_every_question_is_on_record(lead: Desk) -> None:
    ask(lead)
    ask(lead, "nope")

    assert lookups() == 1


@pytest.mark.parametrize(("address", "channel"), [("nope", "email"), ("", "email"), ("ada@example.com", "pigeon")])
def test_what_is_no_address_comes_back(lead: Desk, address: str, channel: str) -> None:
    answer = lead.post("/admin/told", address=address, channel=channel)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.usefixtures("ada")
def test_nobody_asks_for_hundreds(lead: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ASKED_AN_HOUR", 2)
    codes = [lead.post("/admin/told", address="ada@example.com", channel="email").status_code for _ in range(3)]

    assert codes == [200, 200, 429]


@pytest.mark.parametrize("role", [StaffRole.VIEWER, StaffRole.RESPONDER])
def test_the_question_is_for_the_comms_lead(at_desk: Callable[..., Desk], role: StaffRole) -> None:
    desk = at_desk(role)

    assert desk.get("/admin/told").status_code == 403
    assert desk.post("/admin/told", address="ada@example.com", channel="email").status_code == 403
    assert "/admin/told" not in desk.get("/admin/announcements").text


def test_an_erased_subscriber_is_shown_without_address(admin: Desk, ada: Subscriber) -> None:
    page = admin.post(f"/admin/subscribers/{ada.public_id}/erase")
    shown = admin.get(f"/admin/subscribers/{ada.public_id}").text

    db.session.refresh(ada)
    assert page.status_code == 303
    assert (ada.address, ada.state) == ("", SubscriberState.UNSUBSCRIBED)
    assert "forgotten" in shown
    assert "erase the address" not in shown
    assert "ada@example.com" not in admin.get("/admin/subscribers").text
