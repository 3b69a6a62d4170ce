import pytest
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from notifiers import Receipt
from statuspage import subscriptions
from statuspage.db import db
from statuspage.models import Delivery, Subscriber
from statuspage.vocabulary import DeliveryState, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, Worker, only_row

TOKEN, PHONE, BASE = "example-token", "+4915112345678", "http://127.0.0.1:8000"
CONFIRMED, GONE = SubscriberState.CONFIRMED, SubscriberState.UNSUBSCRIBED


@pytest.fixture
def app(houses, database):
    """An app with a Twilio account (whose API nobody calls here)."""
    account = {"twilio_account_sid": "AC" + "0" * 32, "twilio_auth_token": TOKEN, "twilio_from": "+15005550006"}
    with houses.open(**account, twilio_api_url="http://127.0.0.1:9") as app:
        yield app


@pytest.fixture
def twilio(client):
    """Posts as Twilio does, signed with the account's token."""

    def post(path, *, token=TOKEN, url=None, signature=None, **form):
        made = RequestValidator(token).compute_signature(url or f"{BASE}{path}", form)
        return client.post(path, data=form, headers={"X-Twilio-Signature": made if signature is None else signature})

    return post


@pytest.fixture
def phone(subscribe):
    return subscribe(PHONE, channel="sms").id


@pytest.fixture
def status_path(phone, open_incident):
    """Where Twilio reports on an SMS that it took as SM1."""
    open_incident()
    Worker({"sms": FakeChannel(Receipt("SM1"), kind="sms")}).run()
    return f"/inbound/twilio/status?reference={only_row().reference}"


def state():
    db.session.rollback()
    return db.session.scalars(select(Subscriber.state)).one()


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ("queued", "sent"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("undelivered", "bounced"),
        ("failed", "bounced"),
        ("dancing", "sent"),
    ],
)
def test_signed_report_settles_the_delivery(twilio, status_path, said, becomes):
    answer = twilio(status_path, MessageSid="SM1", MessageStatus=said)

    assert answer.status_code == 204
    assert only_row().state.value == becomes


def test_reason_of_a_bounce_is_in_the_ledger(twilio, status_path):
    twilio(status_path, MessageSid="SM1", MessageStatus="undelivered", ErrorCode="30005")

    assert only_row().reason == "Twilio says: undelivered (error 30005)"


def test_number_that_is_not_in_service_is_quarantined(twilio, status_path):
    twilio(status_path, MessageSid="SM1", MessageStatus="undelivered", ErrorCode="30005")

    assert state() is SubscriberState.QUARANTINED


def test_error_code_of_a_message_that_arrived_says_nothing(twilio, status_path):
    twilio(status_path, MessageSid="SM1", MessageStatus="delivered", ErrorCode="30005")

    assert state() is CONFIRMED


def test_forged_report_quarantines_nobody(twilio, status_path):
    twilio(status_path, token="other", MessageSid="SM1", MessageStatus="undelivered", ErrorCode="30005")

    assert state() is CONFIRMED


@pytest.mark.parametrize(
    "forgery",
    [
        {"token": "other"},
        {"signature": ""},
        {"signature": "é"},
        {"signature": "A" * 27 + "="},
        {"url": "https://evil.example/"},
    ],
)
def test_forged_report_changes_nothing(twilio, status_path, forgery):
    answer = twilio(status_path, MessageSid="SM1", MessageStatus="delivered", **forgery)

    assert answer.status_code == 403
    assert only_row().state is DeliveryState.SENT


def test_signature_covers_the_reference(twilio, status_path, client):
    other = status_path.replace("reference=", "reference=x")
    signature = RequestValidator(TOKEN).compute_signature(BASE + status_path, {"MessageStatus": "failed"})
    answer = client.post(other, data={"MessageStatus": "failed"}, headers={"X-Twilio-Signature": signature})

    assert answer.status_code == 403


def test_report_on_a_message_we_never_sent_makes_no_row(twilio, app):
    assert twilio("/inbound/twilio/status?reference=nobody", MessageSid="SM9", MessageStatus="sent").status_code == 204
    assert db.session.scalar(select(Delivery.id)) is None


@pytest.mark.parametrize("words", ["STOP", "stop.", " Stop! ", "Unsubscribe", "ARRET", "arrêt", "stopall", "QUIT"])
def test_stop_ends_the_messages(twilio, phone, words):
    answer = twilio("/inbound/twilio/sms", From=PHONE, Body=words)

    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    assert state() is GONE


def test_stop_noticed_by_twilio_counts_whatever_the_words(twilio, phone):
    twilio("/inbound/twilio/sms", From=PHONE, Body="Basta", OptOutType="STOP")

    assert state() is GONE


@pytest.mark.parametrize("words", ["START", "start!", "Yes", "UNSTOP"])
def test_start_begins_them_again(twilio, phone, words):
    subscriptions.unsubscribe(db.session.get(Subscriber, phone), "STOP", BY, NOON)
    twilio("/inbound/twilio/sms", From=PHONE, Body=words)

    assert state() is CONFIRMED


def test_anything_else_changes_nothing(twilio, phone):
    for words in ("", "Thanks", "Please do not stop", "nonstop", "?" * 1600):
        assert twilio("/inbound/twilio/sms", From=PHONE, Body=words).status_code == 200

    assert state() is CONFIRMED


def test_word_from_a_stranger_changes_nothing(twilio, phone):
    for number in ("", "TWILIO", "+4915100000000", "12345"):
        assert twilio("/inbound/twilio/sms", From=number, Body="STOP").status_code == 200

    assert state() is CONFIRMED


@pytest.mark.parametrize("forgery", [{"token": "other"}, {"signature": ""}])
def test_forged_stop_ends_nothing(twilio, phone, forgery):
    assert twilio("/inbound/twilio/sms", From=PHONE, Body="STOP", **forgery).status_code == 403
    assert state() is CONFIRMED


@pytest.mark.parametrize("path", ["/inbound/twilio/sms", "/inbound/twilio/status"])
def test_callback_address_is_not_for_reading(client, path):
    assert client.get(path).status_code == 405


def test_mail_of_the_same_person_goes_on_after_stop(twilio, phone, subscribe):
    mail = subscribe("ada@example.com").id
    twilio("/inbound/twilio/sms", From=PHONE, Body="STOP")
    db.session.rollback()

    assert db.session.get(Subscriber, mail, populate_existing=True).state is CONFIRMED
