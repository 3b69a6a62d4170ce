"""The receipt in the panel: figures, the curve, trying again, and the ledger as a file."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from admin.curves import chart
from notifiers.sms import Account, Sms
from statuspage.analytics.words import soon
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.delivery import receipts, unreported
from statuspage.delivery.reach import Curve
from statuspage.models import Announcement, AuditEntry, Delivery, Incident, Subscriber
from statuspage.vocabulary import DeliveryState, StaffRole

from .desk import Desk


@pytest.fixture
def said(
    subscribe: Callable[..., Subscriber], open_incident: Callable[..., Incident], dispatch: Callable[..., int]
) -> Announcement:
    """An update of just now, told to four by mail and one by SMS; each took a second longer, and one failed."""
    for name in ("ada", "bob", "eve", "tom"):
        subscribe(f"{name}@example.com")
    subscribe("+4915112345678", channel="sms")
    open_incident()
    dispatch()
    found: Announcement = db.session.scalars(db.select(Announcement)).one()
    found.created_at = utcnow() - timedelta(minutes=5)
    for seconds, row in enumerate(db.session.scalars(db.select(Delivery).order_by(Delivery.id)).all(), 1):
        row.state, row.created_at = DeliveryState.SENT, found.created_at
        row.settled_at = found.created_at + timedelta(seconds=seconds)
    bob = db.session.scalars(db.select(Delivery).join(Subscriber).where(Subscriber.address == "bob@example.com")).one()
    bob.state, bob.reason = DeliveryState.FAILED, "The relay refuses our sender."
    db.session.commit()
    return found


def path(said: Announcement, more: str = "") -> str:
    return f"/admin/announcements/{said.public_id}{more}"


def test_the_receipt_says_how_many_and_how_fast(lead: Desk, said: Announcement) -> None:
    page = lead.get(path(said)).text

    assert "Half after" in page
    assert "Email: 3 of 4 reached, half of them after 3.0 s, 95 % after 4.0 s, the last after 4.0 s." in page
    assert "SMS: 1 of 1 reached" in page


def test_the_receipt_asks_for_itself_again_as_long_as_providers_may_answer(lead: Desk, said: Announcement) -> None:
    young = lead.get(path(said, "/receipt")).text
    said.created_at = utcnow() - timedelta(hours=2)
    db.session.commit()
    old = lead.get(path(said, "/receipt")).text

    assert 'hx-trigger="every 5s"' in young
    assert "hx-trigger" not in old
    assert "<html" not in young


def test_an_sms_without_a_callback_after_a_quarter_of_an_hour_is_sent_without_a_receipt(
    app: Flask, lead: Desk, said: Announcement, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Sms(Account("AC0", "token", "+15005550006"))
    monkeypatch.setitem(app.extensions, "candor.channels", app.extensions["candor.channels"] | {"sms": live})
    young = lead.get(path(said)).text
    db.session.execute(db.update(Delivery).values(settled_at=utcnow() - timedelta(minutes=16)))
    db.session.commit()
    old = lead.get(path(said)).text
    counted = unreported.counts(said, utcnow())
    text = db.session.scalars(db.select(Delivery).filter_by(channel="sms")).one()
    receipts.note_callback(text.reference, "", DeliveryState.DELIVERED, "", utcnow())
    told = lead.get(path(said)).text

    assert "no receipt" not in young
    assert old.count("Sent, no receipt") == 5
    assert counted == {"sms": 1}
    assert "no receipt" not in told


def test_what_failed_is_tried_again_by_a_press(lead: Desk, said: Announcement) -> None:
    before = lead.get(path(said)).text
    answer = lead.post(path(said, "/retry"))
    after = lead.get(path(said)).text

    assert "Try 1 again" in before
    assert answer.status_code == 303
    assert "1 are tried again." in after
    assert "Try 1 again" not in after


@pytest.mark.parametrize("role", [StaffRole.VIEWER, StaffRole.RESPONDER])
def test_only_comms_leads_try_again_and_take_the_ledger_away(
    at_desk: Callable[..., Desk], said: Announcement, role: StaffRole
) -> None:
    desk = at_desk(role)

    assert desk.post(path(said, "/retry")).status_code == 403
    assert desk.get(path(said, "/export.csv")).status_code == 403
    assert "/export.csv" not in desk.get(path(said)).text


@pytest.mark.parametrize(
    ("role", "shown"), [(StaffRole.COMMS_LEAD, "a•••@example.com"), (StaffRole.ADMIN, "ada@example.com")]
)
def test_the_ledger_comes_as_csv(at_desk: Callable[..., Desk], said: Announcement, role: StaffRole, shown: str) -> None:
    answer = at_desk(role).get(path(said, "/export.csv"))
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.headers["Content-Disposition"] == f'attachment; filename="announcement-{said.public_id}.csv"'
    assert len(rows) == 5
    assert shown in {row["recipient"] for row in rows}


def test_the_ledger_comes_as_json(admin: Desk, said: Announcement) -> None:
    document = admin.get(path(said, "/export.json")).json

    assert document
    assert (document["id"], document["owed"], len(document["deliveries"])) == (said.public_id, 5, 5)


def test_an_export_is_on_record(lead: Desk, said: Announcement) -> None:
    lead.get(path(said, "/export.csv"))
    db.session.rollback()

    entry = db.session.scalars(db.select(AuditEntry).filter_by(act="announcement.export")).one()
    assert (entry.actor_id, entry.object_id, entry.detail) == (lead.user.id, said.public_id, {"form": "csv"})


def test_a_ledger_comes_in_no_other_form(lead: Desk, said: Announcement) -> None:
    assert lead.get(path(said, "/export.xml")).status_code == 404


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (0.44, "0.4 s"),
        (9.9, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (4200, "1 h 10 min"),
    ],
)
def test_a_span_is_as_short_as_it_is(seconds: float, words: str) -> None:
    assert soon(seconds) == words


class TestCurve:
    def test_nobody_reached_is_no_curve(self) -> None:
        assert chart({}, {"email": 3}) is None

    def test_it_ends_where_the_share_of_those_owed_ends(self) -> None:
        drawn = chart({"email": Curve(((1.0, 1), (10.0, 2)))}, {"email": 4})

        assert drawn
        assert drawn.lines[0].path == "M0 1000H0V750H1000V500H1000"

    def test_what_was_held_and_went_out_at_once_stands_within_it(self) -> None:
        drawn = chart({"email": Curve(((20.0, 1), (20.4, 2)))}, {"email": 2})

        assert drawn
        assert [tick.words for tick in drawn.ticks] == ["10 s", "1 min"]
        assert drawn.lines[0].path == "M387 1000H387V500H398V0H1000"

    def test_its_marks_are_within_it(self) -> None:
        drawn = chart({"email": Curve(((0.5, 1), (700.0, 2)), is_sampled=True)}, {"email": 2})

        assert drawn
        assert [tick.words for tick in drawn.ticks] == ["0.1 s", "1 s", "10 s", "1 min", "10 min"]
        assert all(0 <= tick.at <= 100 for tick in drawn.ticks)

    def test_many_points_are_thinned_and_the_last_is_kept(self) -> None:
        curve = Curve(tuple((1.0 + number, number + 1) for number in range(2000)))
        drawn = chart({"email": curve}, {"email": 2000})

        assert drawn
        assert drawn.lines[0].path.count("H") < 250
        assert drawn.lines[0].path.endswith("V0H1000")
