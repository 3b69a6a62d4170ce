"""Mails that answer a reminder: the newest words become a draft; what is quoted, automatic or foreign does not."""

from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from statuspage import inbox, publishing, replyaddresses
from statuspage.bounces import Refused
from statuspage.cadence import reminders
from statuspage.db import db
from statuspage.delivery import letters
from statuspage.mailreplies import newest_words
from statuspage.models import IncidentUpdate, ReplyDraft
from statuspage.vocabulary import IncidentStatus, ReplyVia
from tests.conftest import BY, NOON
from tests.statuspage.fakes import ledger, said

HOME = "bounces@bounce.example.com"
DUE = NOON + timedelta(hours=1)
WORDS = "Still working on it."
QUOTE = "\n\nOn Mon, 2 Mar 2026 at 13:00, Status <status@example.com> wrote:\n> Update due now\n> People are waiting"


@pytest.fixture
def reminder(app, colleague, open_incident):
    """A reminder that has been sent by mail."""
    settings = app.extensions["candor.settings"]
    app.extensions["candor.settings"] = settings.model_copy(update={"bounce_address": HOME})
    colleague()
    open_incident()
    reminders.remind_due(DUE)
    return letters.personal(ledger(channel="email")[0])


def mail(to, body=WORDS + QUOTE, sender="Ada <comms-lead@candor.example>", html=None, **headers):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"], made["Message-ID"] = sender, to, "Re: Update due now", "<1@x.example>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    if html:
        made.set_content(html, subtype="html")
    else:
        made.set_content(body)
    return made.as_bytes()


def kept():
    db.session.rollback()
    return [(each.body, each.via, each.author.email) for each in db.session.scalars(select(ReplyDraft))]


def test_an_answer_becomes_a_draft_and_is_confirmed_by_mail(reminder):
    sentence = inbox.take(mail(reminder.reply_to), DUE)

    assert sentence.startswith("Kept as a draft")
    assert kept() == [(WORDS, ReplyVia.MAIL, "comms-lead@candor.example")]
    assert db.session.query(IncidentUpdate).count() == 1
    told = [letters.personal(row) for row in ledger(channel="email") if row.announcement.kind == "draft"]
    assert [each.subject for each in told] == ["Draft kept: Payments fail"]
    assert "/admin/compose/" in told[0].text


def test_the_address_is_good_whatever_a_relay_does_to_its_letters(reminder):
    inbox.take(mail(reminder.reply_to.upper()), DUE)

    assert len(kept()) == 1


def test_a_mail_that_comes_twice_is_kept_once(reminder):
    inbox.take(mail(reminder.reply_to), DUE)

    assert inbox.take(mail(reminder.reply_to), DUE).startswith("Kept already")
    assert len(kept()) == 1


@pytest.mark.parametrize("spoil", [lambda to: to.replace("r-", "r-0"), lambda to: "bounces+x@bounce.example.com"])
def test_an_address_that_we_did_not_write_is_refused(reminder, spoil):
    with pytest.raises(Refused, match="not addressed"):
        inbox.take(mail(spoil(reminder.reply_to)), DUE)

    assert kept() == []


@pytest.mark.parametrize("sender", ["stranger@example.com", "", "a@x.example, comms-lead@candor.example", "odd"])
def test_who_is_no_colleague_changes_nothing(reminder, sender):
    with pytest.raises(Refused, match="Nothing was kept"):
        inbox.take(mail(reminder.reply_to, sender=sender), DUE)

    assert kept() == []


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"Return_Path": "<>"}, {"X_Autoreply": "yes"}],
)
def test_an_automatic_answer_is_nobodys_words(reminder, headers):
    with pytest.raises(Refused, match="automatic"):
        inbox.take(mail(reminder.reply_to, **headers), DUE)

    assert kept() == []


def test_an_answer_without_words_keeps_nothing(reminder):
    with pytest.raises(Refused, match="no words"):
        inbox.take(mail(reminder.reply_to, body=QUOTE), DUE)


def test_an_answer_to_what_is_over_is_refused(reminder, page):
    publishing.post_update(publishing.find_incident(page, _incident()), said("Over.", IncidentStatus.RESOLVED), BY, DUE)

    with pytest.raises(Refused, match="is over"):
        inbox.take(mail(reminder.reply_to), DUE)


def _incident():
    return db.session.query(IncidentUpdate).first().incident.public_id


def test_an_answer_in_html_is_read_without_what_it_quotes(reminder):
    quote = '<div class="gmail_quote">On Monday<blockquote>Update due</blockquote></div>'
    html = f"<div>Still <b>working</b> on it.</div>{quote}"
    inbox.take(mail(reminder.reply_to, html=html), DUE)

    assert kept()[0][0] == WORDS


def test_without_an_address_for_what_comes_back_no_answer_is_asked_for(app, colleague, open_incident):
    colleague()
    open_incident()
    reminders.remind_due(DUE)
    sent = letters.personal(ledger(channel="email")[0])

    assert sent.reply_to is None
    assert "Or answer this mail" not in sent.text
    assert replyaddresses.address("aaaaaaaaaaaa") == ""


def test_the_mail_says_that_it_can_be_answered(reminder):
    assert "Or answer this mail" in reminder.text


@pytest.mark.parametrize("junk", [b"", b"\x00" * 50, b"To: \xff\xfe\r\n\r\n", b"x" * 100])
def test_junk_is_refused(reminder, junk):
    with pytest.raises(Refused):
        inbox.take(junk, DUE)


def test_a_body_that_cannot_be_read_is_refused(reminder):
    raw = mail(reminder.reply_to).replace(b'charset="utf-8"', b'charset="no-such-one"')

    with pytest.raises(Refused, match="cannot be read"):
        inbox.take(raw, DUE)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Yes.\n\n-- \nAda\nComms", "Yes."),
        ("Yes.\n--\nAda", "Yes."),
        ("Yes." + QUOTE, "Yes."),
        ("Yes.\n\nOn Mon, 2 Mar 2026 at 13:00, A Very Long Name\nIndeed <status@example.com>\nwrote:\n\n> Old", "Yes."),
        ("Ja.\n\nAm 02.03.2026 um 13:00 schrieb Status:\n> Alt", "Ja."),
        ("Yes.\n\n-----Original Message-----\nFrom: Status\nOld", "Yes."),
        ("Yes.\n\nFrom: Status <s@example.com>\nSent: Monday\nTo: Ada\nSubject: Due\n\nOld", "Yes."),
        ("Yes.\n\nSent from my iPhone", "Yes."),
        ("> When?\nIn an hour.\n> Why?\nA full disk.", "In an hour.\nA full disk."),
        ("On Monday the vendor wrote: it is fixed.\nWe check.", "On Monday the vendor wrote: it is fixed.\nWe check."),
        ("From: here on we watch.\nMore soon.", "From: here on we watch.\nMore soon."),
        ("On Mon, 2 Mar 2026, Status wrote:\n> When?\nSoon.", "On Mon, 2 Mar 2026, Status wrote:\nSoon."),
        ("- first\n- second\n\nAnd a line -- with dashes.", "- first\n- second\n\nAnd a line -- with dashes."),
    ],
)
def test_only_what_is_surely_quoted_or_signed_is_left_away(body, words):
    assert newest_words(body) == words
