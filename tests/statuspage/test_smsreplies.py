"""SMS that answer a reminder: a colleague's become drafts, everybody else's change nothing."""

from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from statuspage import publishing, replyaddresses, smsreplies
from statuspage.cadence import reminders
from statuspage.db import db
from statuspage.delivery import letters
from statuspage.models import IncidentUpdate, ReplyDraft, Subscriber
from statuspage.vocabulary import IncidentStatus, ReplyVia, StaffRole, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import ledger, said

TOKEN, PHONE, STRANGER, BASE = "example-token", "+4915112345678", "+4915198765432", "http://127.0.0.1:8000"
DAY = timedelta(days=1)


@pytest.fixture
def app(houses, database):
    """An app with a Twilio account (whose API nobody calls here)."""
    account = {"twilio_account_sid": "AC" + "0" * 32, "twilio_auth_token": TOKEN, "twilio_from": "+15005550006"}
    with houses.open(**account, twilio_api_url="http://127.0.0.1:9") as app:
        yield app


@pytest.fixture
def ada(colleague):
    return colleague(phone=PHONE)


@pytest.fixture
def incident(ada, open_incident):
    return open_incident()


@pytest.fixture
def code(incident):
    return replyaddresses.code(incident.public_id)


@pytest.fixture
def text(client):
    """Sends us an SMS as Twilio passes it on; what it would answer."""

    def send(body, number=PHONE, sid="SM1", token=TOKEN, **more):
        form = {"From": number, "Body": body, "MessageSid": sid, **more}
        made = RequestValidator(token).compute_signature(f"{BASE}/inbound/twilio/sms", form)
        answer = client.post("/inbound/twilio/sms", data=form, headers={"X-Twilio-Signature": made})
        found = answer.text.partition("<Message>")[2].partition("</Message>")[0]
        return answer.status_code if answer.status_code != 200 else unescape(found)

    return send


def kept():
    db.session.rollback()
    return [(each.body, each.via) for each in db.session.scalars(select(ReplyDraft).order_by(ReplyDraft.id))]


def confirmations():
    db.session.rollback()
    return [letters.personal(row).text for row in ledger(channel="sms") if row.announcement.kind == "draft"]


def test_the_reminder_says_with_which_code_to_answer(incident, code):
    reminders.remind_due(NOON + timedelta(hours=1))

    assert f"or answer {code} and your words." in letters.personal(ledger(channel="sms")[0]).text


def test_an_answer_becomes_a_draft_and_is_confirmed_once(text, incident, code):
    answer = text(f"{code} Still working on it.")

    assert answer == ""
    assert kept() == [("Still working on it.", ReplyVia.SMS)]
    assert len(confirmations()) == 1
    assert "/admin/compose/" in confirmations()[0]
    assert db.session.query(IncidentUpdate).count() == 1


def test_what_the_carrier_hands_over_again_changes_nothing(text, incident, code):
    for _ in range(3):
        text(f"{code} Still working on it.")

    assert len(kept()) == len(confirmations()) == 1


@pytest.mark.parametrize("spelled", ["{}: words", " {} - words", "#{} words", "{}\nwords", "({}) words", "{}, words"])
def test_the_code_may_be_set_off_as_people_do(text, incident, code, spelled):
    text(spelled.format(code))

    assert [body.lstrip(") ") for body, _ in kept()] == ["words"]


def test_a_forged_message_is_refused(text, incident, code):
    assert text(f"{code} words", token="other") == 403
    assert kept() == []


def test_a_stranger_gets_one_helpful_answer_a_day_and_changes_nothing(text, incident, code):
    answers = [text(f"{code} words", STRANGER, f"SM{number}") for number in range(5)]

    assert "Nobody reads messages" in answers[0]
    assert "http://127.0.0.1:8000/" in answers[0]
    assert answers[1:] == [""] * 4
    assert kept() == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("Still working.", "Begin with the four digits"),
        ("{code}", "write the words"),
        ("{wrong} words", "has the code"),
    ],
)
def test_a_colleague_who_mistypes_is_helped_once_an_hour(text, incident, code, body, sentence):
    wrong = f"{(int(code) + 1) % 10_000:04}"
    first = text(body.format(code=code, wrong=wrong), sid="SM1")
    second = text(body.format(code=code, wrong=wrong), sid="SM2")

    assert sentence in first
    assert "Nothing was kept" in first
    assert second == ""
    assert kept() == []


def test_the_code_of_what_is_over_keeps_nothing(text, incident, code):
    publishing.post_update(incident, said("Over.", IncidentStatus.RESOLVED), BY, NOON)

    assert "Nothing was kept" in text(f"{code} words")
    assert kept() == []


def test_who_has_left_is_a_stranger(text, incident, code, ada):
    ada.active = False
    db.session.commit()

    assert "Nobody reads" in text(f"{code} words")
    assert kept() == []


def test_a_viewer_is_told_that_nothing_is_kept(text, open_incident, colleague):
    colleague(StaffRole.VIEWER, phone=PHONE)
    code = replyaddresses.code(open_incident().public_id)

    assert "Nothing was kept" in text(f"{code} words")
    assert kept() == []


@pytest.mark.parametrize("words", ["STOP", "START", "help", "Stop!"])
def test_words_that_the_carrier_answers_are_left_to_it(text, incident, words):
    assert text(words) == ""
    assert kept() == []


def test_stop_of_a_colleague_who_subscribes_still_stops(text, incident, subscribe):
    subscribe(PHONE, channel="sms")
    text("STOP")
    db.session.rollback()

    assert db.session.scalars(select(Subscriber.state)).one() is SubscriberState.UNSUBSCRIBED


def test_drafts_by_sms_have_a_limit(incident, code):
    for number in range(smsreplies.DRAFTS_AN_HOUR):
        smsreplies.take(PHONE, f"{code} words {number}", f"SM{number}", NOON)
    answer = smsreplies.take(PHONE, f"{code} one more", "SMx", NOON)

    assert "too many messages" in answer
    assert len(kept()) == smsreplies.DRAFTS_AN_HOUR


@pytest.mark.parametrize("odd", ["", " ", "\x00", "?" * 1600, "1" * 1600, "٤٨٢١ words", "🙂"])
def test_odd_messages_change_nothing(text, incident, odd):
    assert "Nothing was kept" in text(odd)
    assert kept() == []
