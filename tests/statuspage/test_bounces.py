"""Mails that come back: whose they were, what they mean, and what is done about it."""

import contextlib
import re
import timeit
from email.message import EmailMessage

import pytest

from notifiers import Receipt
from statuspage import bounces, subscriptions
from statuspage.bounces import Refused
from statuspage.db import db
from statuspage.models import Subscriber
from statuspage.tokens import Purpose, Signer
from statuspage.vocabulary import DeliveryState, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import acts, email_worker, only_row

ADDRESS = "bounces@bounce.example.com"
RETURNS = bounces.Returns("bounces", "bounce.example.com", Signer("s" * 32).short_mac(Purpose.BOUNCE))
REFERENCE = "a1b2c3d4e5f6-s12345-email"


def dsn(status: str, said: str = "smtp; 550 5.1.1 <ada@example.com> unknown", action: str = "failed") -> bytes:
    """A report as mail systems send it (RFC 3464)."""
    return f"""From: MAILER-DAEMON@mx.example.net
To: {{to}}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your mail could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; ada@example.com
Action: {action}
Status: {status}
Diagnostic-Code: {said}

--b
Content-Type: message/rfc822

From: status@example.com
To: ada@example.com
Subject: Down

--b--
""".replace("\n", "\r\n").encode()


HARD, SOFT = dsn("5.1.1"), dsn("4.2.2", "smtp; 452 4.2.2 full", "delayed")
COMPLAINT = b"""From: feedback@mailbox.example\r
To: abuse@example.com\r
Subject: Complaint\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r
\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: abuse\r
User-Agent: Mailbox/1\r
Version: 1\r
Original-Mail-From: <{to}>\r
\r
--b\r
Content-Type: message/rfc822\r
\r
From: status@example.com\r
Subject: Down\r
\r
--b--\r
"""


@pytest.fixture
def sent(app, monkeypatch, subscribe, open_incident):
    """A mail that a relay took; its return path."""
    settings = app.extensions["candor.settings"]
    app.extensions["candor.settings"] = settings.model_copy(update={"bounce_address": ADDRESS})
    subscribe("ada@example.com")
    open_incident()
    worker, _ = email_worker(Receipt("<id@example.com>", "250 Ok"))
    worker.run()
    return bounces.return_path(only_row().reference)


def take(raw: bytes, to: str, **how) -> str:
    return bounces.take(raw.replace(b"{to}", to.encode()), NOON, **how)


def subscriber() -> Subscriber:
    db.session.rollback()
    return db.session.query(Subscriber).populate_existing().one()


# The return path


def test_a_return_path_names_its_mail_to_us_alone():
    path = RETURNS.path(REFERENCE)

    assert re.fullmatch(r"bounces\+[a-z0-9-]{1,40}@bounce\.example\.com", path)
    assert RETURNS.reference(path) == REFERENCE


@pytest.mark.parametrize("number", ["1", "35", "36", "99999999999999"])
def test_there_is_room_for_every_number(number):
    path = RETURNS.path(f"a1b2c3d4e5f6-u{number}-email")

    assert RETURNS.reference(path) == f"a1b2c3d4e5f6-u{number}-email"
    assert len(path.partition("+")[2].partition("@")[0]) <= 40


def test_capitals_do_no_harm():
    assert RETURNS.reference(RETURNS.path(REFERENCE).upper()) == REFERENCE


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "bounces@bounce.example.com",
        "bounces+@bounce.example.com",
        RETURNS.path(REFERENCE).replace("bounce.example", "bounce2.example"),
        RETURNS.path(REFERENCE).replace("bounces+", "others+"),
        RETURNS.path(REFERENCE).replace("a1b2c3d4e5f6s", "a1b2c3d4e5f7s"),
        RETURNS.path(REFERENCE).replace("a1b2c3d4e5f6s", "a1b2c3d4e5f6u"),
        re.sub(r".@", "x@", RETURNS.path(REFERENCE)),
        re.sub(r"-[0-9a-f]{16}@", "-0000000000000000@", RETURNS.path(REFERENCE)),
        RETURNS.path(REFERENCE).replace("@", "\u0131@"),
        "x" * 100_000,
    ],
)
def test_another_path_is_nobodys(forged):
    assert RETURNS.reference(forged) is None


def test_another_secret_makes_another_path():
    other = bounces.Returns("bounces", "bounce.example.com", Signer("t" * 32).short_mac(Purpose.BOUNCE))

    assert RETURNS.reference(other.path(REFERENCE)) is None


def test_a_return_path_is_cheap():
    seconds = min(timeit.repeat(lambda: RETURNS.path(REFERENCE), number=1000, repeat=5))

    assert seconds < 0.05  # 50 µs each on a busy machine; 3 µs on a quiet one


def test_without_the_setting_mail_comes_back_to_the_sender(app):
    assert bounces.return_path(REFERENCE) is None


# What comes back


def test_a_dead_address_is_noted_and_quarantined(sent):
    said = take(HARD, sent)

    assert said == "Noted as bounced, and the address is quarantined."
    row = only_row()
    assert (row.state, row.provider_id) == (DeliveryState.BOUNCED, "<id@example.com>")
    assert "5.1.1" in row.reason
    assert subscriber().state is SubscriberState.QUARANTINED
    assert "5.1.1" in subscriber().state_reason
    assert "ada@" not in row.reason + subscriber().state_reason
    assert acts()[-1] == "subscriber.quarantined"


def test_the_same_report_again_changes_nothing(sent):
    take(HARD, sent)
    count = len(only_row().attempts)
    take(HARD, sent)

    assert len(only_row().attempts) == count
    assert acts().count("subscriber.quarantined") == 1


@pytest.mark.parametrize("status", ["5.2.2", "5.3.4", "5.7.1"])
def test_what_is_not_the_mailboxs_fault_quarantines_nobody(sent, status):
    take(dsn(status, f"smtp; 550 {status} no"), sent)

    assert only_row().state is DeliveryState.BOUNCED
    assert subscriber().state is SubscriberState.CONFIRMED


def test_a_mail_that_is_late_is_not_lost(sent):
    said = take(SOFT, sent)

    assert "late" in said
    assert only_row().state is DeliveryState.SENT
    assert subscriber().state is SubscriberState.CONFIRMED


def test_an_answer_of_a_person_changes_nothing(sent):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ada@example.com", sent, "Out of office"
    mail.set_content("I am away.")

    assert "not about its delivery" in take(mail.as_bytes(), sent)
    assert only_row().state is DeliveryState.SENT


def test_a_complaint_unsubscribes(sent):
    take(COMPLAINT, sent)

    assert subscriber().state is SubscriberState.UNSUBSCRIBED
    assert only_row().state is DeliveryState.SENT


def test_who_has_left_stays_away(sent):
    subscriptions.unsubscribe(subscriber(), "by themselves", BY, NOON)

    take(HARD, sent)

    assert subscriber().state is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("header", ["X-Original-To", "Delivered-To", "Envelope-To"])
def test_the_mail_system_says_for_whom_it_was(sent, header):
    raw = f"{header}: {sent.upper()}\r\n".encode() + HARD.replace(b"To: {to}", b"To: undisclosed-recipients:;")

    assert "quarantined" in bounces.take(raw, NOON)


def test_the_pipe_may_say_it_instead(sent):
    assert "quarantined" in bounces.take(HARD.replace(b"{to}", b"status@example.com"), NOON, recipient=sent)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff" * 100,
        b"no mail at all",
        HARD.replace(b"{to}", b"status@example.com"),
        HARD.replace(b"{to}", RETURNS.path(REFERENCE).encode()),
        HARD.replace(b"{to}", b"bounces+a1b2c3d4e5f6s1-0123456789abcdef@bounce.example.com"),
        b"To: " + b"a@b.example, " * 100_000 + b"\r\n\r\n",
        b"To: x@example.com\r\n" + b"".join(
            b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (each, each) for each in range(2000)
        ),
        b"To: x@example.com\r\n\r\n" + b"x" * 10_000_001,
    ],
    ids=["empty", "noise", "no mail", "ours", "foreign", "forged", "many", "deep", "huge"],
)  # fmt: skip
def test_forged_unknown_and_malformed_mail_is_refused_in_a_sentence(sent, raw):
    with pytest.raises(Refused, match=r"^[A-Z].*\.$"):
        bounces.take(raw, NOON)

    assert only_row().state is DeliveryState.SENT
    assert subscriber().state is SubscriberState.CONFIRMED


def test_a_malformed_report_to_a_good_path_does_no_harm(sent):
    for cut in range(0, len(HARD), 37):
        with contextlib.suppress(Refused):
            take(HARD[:cut] + b"\xff\x00" + HARD[cut:], sent)
    assert subscriber().state in (SubscriberState.CONFIRMED, SubscriberState.QUARANTINED)


# Lifting


def test_a_lifted_quarantine_is_on_record(sent):
    take(HARD, sent)

    subscriptions.lift_quarantine(subscriber(), BY, NOON)

    assert subscriber().state is SubscriberState.CONFIRMED
    assert acts()[-1] == "subscriber.lift_quarantine"
