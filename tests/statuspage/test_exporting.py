import csv
import io
import json

import pytest

from notifiers import DeliveryError, PermanentDeliveryError, Receipt
from statuspage.delivery import exporting
from statuspage.delivery.exporting import COLUMNS
from tests.statuspage.fakes import FakeChannel, Worker, announcements, ledger

PHONE = "+4915112345678"


@pytest.fixture
def told(subscribe, open_incident):
    """Ada got it, Bob did not, and a phone has to wait."""
    for address, channel in (("ada@example.com", "email"), ("bob@example.com", "email"), (PHONE, "sms")):
        subscribe(address, channel=channel)
    open_incident()
    mail = FakeChannel(
        Receipt("q-1"), for_address={"bob@example.com": PermanentDeliveryError("=2+5 is not a mailbox.")}
    )
    Worker({"email": mail, "sms": FakeChannel(DeliveryError("Twilio is busy."), kind="sms")}).run()
    return announcements()[0]


def rows(announcement, **how):
    return list(csv.DictReader(io.StringIO("".join(exporting.as_csv(exporting.lines(announcement.id, **how))))))


def test_every_message_has_its_line(told):
    found = {row["recipient"]: row for row in rows(told)}

    assert set(found) == {"ada@example.com", "bob@example.com", PHONE}
    assert found["ada@example.com"] | {"recipient_id": ""} == {
        "recipient": "ada@example.com",
        "recipient_id": "",
        "channel": "email",
        "state": "sent",
        "reason": "",
        "provider_id": "q-1",
        "attempts": "1",
        "said_at": "2026-03-02T12:00:00Z",
        "settled_at": "2026-03-02T12:00:00Z",
    }
    assert (found[PHONE]["state"], found[PHONE]["settled_at"]) == ("pending", "")


def test_what_a_spreadsheet_would_run_is_text(told):
    (bob,) = [row for row in rows(told) if row["recipient"] == "bob@example.com"]

    assert bob["reason"] == "'=2+5 is not a mailbox."


def test_addresses_are_shown_as_far_as_they_may_be(told):
    assert {row["recipient"] for row in rows(told, shown=lambda address: "hidden")} == {"hidden"}


def test_json_is_one_document_with_the_tries(told):
    document = json.loads("".join(exporting.as_json(exporting.head(told), exporting.lines(told.id))))

    assert (document["owed"], document["states"]) == (3, {"failed": 1, "sent": 1, "pending": 1})
    assert len(document["deliveries"]) == 3
    assert [one["outcome"] for line in document["deliveries"] for one in line["tries"]] == ["failed", "pending"]


def test_an_announcement_to_nobody_is_a_header_alone(open_incident):
    open_incident()
    Worker({}).run()
    nobody = announcements()[0]

    assert list(exporting.as_csv(exporting.lines(nobody.id))) == [",".join(COLUMNS) + "\r\n"]
    assert (
        json.loads("".join(exporting.as_json(exporting.head(nobody), exporting.lines(nobody.id))))["deliveries"] == []
    )


def test_pages_join_without_a_gap_or_a_seam(told, crowd, open_incident, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE", 7)
    crowd(50)
    open_incident(title="Another")
    Worker({"email": FakeChannel(), "sms": FakeChannel(kind="sms")}).run()
    another = announcements()[1]

    found = rows(another)
    assert len(found) == len({row["recipient"] for row in found}) == 53 == len(ledger(announcement_id=another.id))
