"""The ledger and the captured messages: counts that add up, reasons, and words as they would arrive."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from admin.masking import mask
from statuspage import subscriptions
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import Announcement, Delivery, Incident, Page, Subscriber
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import AnnouncementKind, DeliveryState, StaffRole
from tests.conftest import NOON

from .desk import Desk


@pytest.fixture
def said(
    subscribe: Callable[..., Subscriber], open_incident: Callable[..., Incident], dispatch: Callable[..., int]
) -> str:
    """An update told to two by mail and one by SMS, all captured."""
    for address, channel in (("ada@example.com", "email"), ("bob@example.com", "email"), ("+4915112345678", "sms")):
        subscribe(address, channel=channel)
    open_incident()
    dispatch(NOON)
    public_id: str = db.session.scalars(db.select(Announcement)).one().public_id
    return public_id


def captured(kind: AnnouncementKind, channel: str) -> Delivery:
    db.session.rollback()
    query = db.select(Delivery).join(Announcement).where(Announcement.kind == kind, Delivery.channel == channel)
    return db.session.scalars(query).first()  # type: ignore[return-value]


def lose(address: str, reason: str) -> None:
    delivery = db.session.scalars(db.select(Delivery).join(Subscriber).where(Subscriber.address == address)).one()
    delivery.state, delivery.reason = DeliveryState.FAILED, reason
    delivery.announcement.created_at = utcnow()
    db.session.commit()


def test_the_counts_add_up(lead: Desk, said: str) -> None:
    page = lead.get(f"/admin/announcements/{said}").text

    assert "<strong>3</strong> of <strong>3</strong> settled" in page
    assert "2 / 2" in page
    assert "1 / 1" in page


def test_progress_asks_again_until_everything_is_settled(lead: Desk, said: str) -> None:
    done = lead.get(f"/admin/announcements/{said}/progress").text
    delivery = db.session.scalars(db.select(Delivery)).first()
    assert delivery
    delivery.state = DeliveryState.PENDING
    db.session.commit()
    waiting = lead.get(f"/admin/announcements/{said}/progress").text

    assert "hx-trigger" not in done
    assert 'hx-trigger="every 2s"' in waiting
    assert "<html" not in waiting


def test_what_did_not_arrive_is_on_the_dashboard_with_its_reason(lead: Desk, said: str) -> None:
    lose("ada@example.com", "The mailbox is full.")
    page = lead.get("/admin/").text

    assert "Not delivered" in page
    assert "1 × failed" in page
    assert "The mailbox is full." in page


def test_what_waits_for_more_than_a_minute_is_on_the_dashboard(lead: Desk, said: str) -> None:
    delivery = db.session.scalars(db.select(Delivery)).first()
    assert delivery
    delivery.state, delivery.created_at = DeliveryState.PENDING, utcnow() - timedelta(seconds=61)
    delivery.announcement.created_at = utcnow() - timedelta(seconds=61)
    delivery.reason = "The relay does not answer."
    db.session.commit()

    assert "The relay does not answer." in lead.get("/admin/").text


def test_addresses_are_whole_for_admins_only(at_desk: Callable[..., Desk], said: str) -> None:
    pages = {role: at_desk(role).get(f"/admin/announcements/{said}").text for role in StaffRole}

    assert {role for role, page in pages.items() if "ada@example.com" in page} == {StaffRole.ADMIN}
    assert "a•••@example.com" in pages[StaffRole.VIEWER]


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("ada@example.com", "a•••@example.com"),
        ("a@b.example", "a•••@b.example"),
        ("+4915112345678", "+49•••678"),
        ("12345", "•••"),
        ("", "forgotten"),
    ],
)
def test_a_masked_address_tells_little(address: str, masked: str) -> None:
    assert mask(address) == masked


def test_a_captured_mail_is_shown_as_it_would_arrive(admin: Desk, said: str) -> None:
    mail = captured(AnnouncementKind.INCIDENT_UPDATE, "email")
    page, frame = admin.get(f"/admin/messages/{mail.id}"), admin.get(f"/admin/messages/{mail.id}/html")

    assert "List-Unsubscribe" in page.text
    assert mail.recipient in page.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "We are looking into it." in frame.text
    assert "default-src 'none'" in frame.headers["Content-Security-Policy"]
    assert frame.headers["Content-Security-Policy"].endswith("; sandbox")
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_captured_sms_counts_its_segments(lead: Desk, said: str) -> None:
    sms = captured(AnnouncementKind.INCIDENT_UPDATE, "sms")
    page = lead.get(f"/admin/messages/{sms.id}").text

    assert "segment" in page
    assert "Payments fail" in page


def test_a_stranger_can_confirm_from_a_captured_mail(lead: Desk, page: Page, dispatch: Callable[..., int]) -> None:
    subscriptions.sign_up(page, "email", "eve@example.com", Wishes(), "form 1", "net", utcnow())
    dispatch(utcnow())
    mail = captured(AnnouncementKind.CONFIRMATION, "email")
    shown = lead.get(f"/admin/messages/{mail.id}").text

    assert '<a href="http://127.0.0.1:8000/subscribe/confirm/' in shown


@pytest.mark.parametrize("role", [StaffRole.VIEWER, StaffRole.RESPONDER])
def test_captured_secrets_are_not_for_everybody(at_desk: Callable[..., Desk], said: str, role: StaffRole) -> None:
    desk, mail = at_desk(role), captured(AnnouncementKind.INCIDENT_UPDATE, "email")

    assert desk.get("/admin/messages").status_code == 403
    assert desk.get(f"/admin/messages/{mail.id}").status_code == 403
    assert desk.get(f"/admin/messages/{mail.id}/html").status_code == 403


def test_the_raw_mail_is_for_admins(lead: Desk, admin: Desk, said: str) -> None:
    mail = captured(AnnouncementKind.INCIDENT_UPDATE, "email")

    assert mail.recipient not in lead.get(f"/admin/messages/{mail.id}").text
    assert "Raw" in admin.get(f"/admin/messages/{mail.id}").text


def test_only_captured_messages_are_shown(admin: Desk, said: str) -> None:
    mail = captured(AnnouncementKind.INCIDENT_UPDATE, "email")
    mail.state = DeliveryState.SENT
    db.session.commit()

    assert admin.get(f"/admin/messages/{mail.id}").status_code == 404


def test_long_lists_come_in_pages(lead: Desk, subscribe: Callable[..., Subscriber]) -> None:
    for number in range(53):
        subscribe(f"reader{number}@example.com")
    first = lead.get("/admin/subscribers").text
    older = first.partition('class="button" href="/admin/subscribers?')[2].partition('"')[0].replace("&amp;", "&")
    second = lead.get(f"/admin/subscribers?{older}").text

    assert first.count('class="row-link"') == 50
    assert second.count('class="row-link"') == 3
    assert "Older" not in second
