import re

import pytest

from notifiers import load
from statuspage import pages, publishing
from statuspage.delivery import messages
from statuspage.drafts import Promise
from statuspage.pages import PageFacts
from statuspage.vocabulary import ComponentStatus, IncidentStatus
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, Worker, said

DOWN = ComponentStatus.MAJOR_OUTAGE


@pytest.fixture
def delivered(subscribe):
    """What one subscriber by mail and one by SMS get of everything that is owed."""
    subscribe("ada@example.com")
    subscribe("+4915112345678", channel="sms")

    def deliver():
        mail, sms = FakeChannel(), FakeChannel(kind="sms")
        Worker({"email": mail, "sms": sms}).run()
        return mail.messages[-1], sms.messages[-1]

    return deliver


def test_mail_says_the_same_in_text_and_in_html(delivered, open_incident, api):
    open_incident(components={api: DOWN}, body="**Cards** fail.\n\n- use cash")
    mail, _ = delivered()

    shown = re.sub(r"<[^>]+>", "", mail.html)
    for words in (
        "Payments fail",
        "Investigating",
        "Cards fail.",
        "use cash",
        "API: ",
        "Major outage",
        "Next update by 13:00 UTC",
    ):
        assert words in mail.text, words
        assert words in shown, words


def test_each_link_of_a_mail_is_in_both_parts(delivered, open_incident):
    incident = open_incident()
    mail, _ = delivered()

    for path in (f"/incidents/{incident.public_id}", "/manage/", "/unsubscribe/"):
        assert path in mail.text
        assert path in mail.html


def test_sms_says_who_how_it_stands_and_where_to_read_on(delivered, open_incident):
    incident = open_incident()
    _, sms = delivered()

    assert sms.text == (
        "Status: Investigating - Payments fail. We are looking into it. Next update by 13:00 UTC. "
        f"http://127.0.0.1:8000/incidents/{incident.public_id}"
    )


@pytest.mark.parametrize("body", ["word " * 400, "x" * 3000, "**bold** " * 300, "[l](https://example.com/a) " * 90])
def test_sms_stays_within_two_segments(delivered, open_incident, body):
    open_incident(title="T" * 200, body=body)
    _, sms = delivered()

    assert load({})["sms"].preview(sms, "").segments <= 2


def test_resolved_sms_promises_nothing(delivered, open_incident):
    publishing.post_update(open_incident(), said("All good.", IncidentStatus.RESOLVED), BY, NOON)
    _, sms = delivered()

    assert "Next update" not in sms.text


def test_no_promise_is_said_with_its_reason(delivered, open_incident):
    open_incident(promise=Promise(none_because="The vendor has it."))
    mail, sms = delivered()

    assert "No further update is planned: The vendor has it." in mail.text
    assert "No further update is planned: The vendor has it." in sms.text


def test_mail_is_signed_as_the_page_says(page, delivered, open_incident):
    facts = {name: getattr(page, name) for name in PageFacts.__dataclass_fields__}
    signed = {
        "mail_from_name": "Acme Status",
        "mail_reply_to": "help@example.com",
        "mail_footer": "Acme, Main Street 1",
    }
    pages.edit(page, PageFacts(**facts | signed), BY, NOON)
    open_incident()
    mail, _ = delivered()

    assert (mail.from_name, mail.reply_to) == ("Acme Status", "help@example.com")
    assert "Acme, Main Street 1" in mail.text
    assert "Acme, Main Street 1" in mail.html


def test_mails_of_one_incident_hang_together(delivered, open_incident):
    incident = open_incident()
    first, _ = delivered()
    publishing.post_update(publishing.find_incident(incident.page, incident.public_id), said(), BY, NOON)
    second, _ = delivered()

    assert first.thread == second.thread
    assert (first.is_thread_start, second.is_thread_start) == (True, False)
    assert first.subject == second.subject


def test_words_are_frozen_as_they_were_said(delivered, open_incident):
    incident = open_incident(body="As said.")
    publishing.correct(incident.updates[0], "Corrected.", BY, NOON)
    mail, _ = delivered()

    assert "As said." in mail.text


def test_nobody_can_write_a_placeholder_that_is_filled_in(delivered, open_incident):
    open_incident(body="My link: `__aaaaaaaaaaaa_unsubscribe__`")
    mail, _ = delivered()

    assert "My link: __aaaaaaaaaaaa_unsubscribe__" in mail.text
    assert mail.text.count("/unsubscribe/") == 1


@pytest.mark.parametrize("attack", ["<script>alert(1)</script>", "{{7*7}}", "<img src=x onerror=alert(1)>"])
def test_attack_in_a_title_is_text_in_a_mail(delivered, open_incident, attack):
    open_incident(title=attack)
    mail, _ = delivered()

    assert attack in mail.subject
    assert not re.search(r"<script|<img", mail.html)
    assert "49" not in mail.subject


def test_every_person_has_links_of_their_own(subscribe, open_incident):
    subscribe("ada@example.com")
    subscribe("bo@example.com")
    open_incident()
    mail = FakeChannel()
    Worker({"email": mail}).run()

    assert len({message.unsubscribe_url for message in mail.messages}) == 2
    assert len({message.reference for message in mail.messages}) == 2


def test_promise_words_end_with_one_full_stop():
    assert messages.promise_words(None, "The vendor has it.", "Etc/UTC", NOON).endswith("it.")
    assert messages.promise_words(None, "", "Etc/UTC", NOON) == ""


def test_a_mail_is_dated_when_its_words_were_said_whenever_it_is_looked_at(open_incident, subscribe):
    subscribe("ada@example.com")
    open_incident()
    mail = FakeChannel()
    Worker({"email": mail}).run()

    preview = load({})["email"].preview(mail.messages[0], "ada@example.com")

    assert dict(preview.headers)["Date"] == "Mon, 02 Mar 2026 12:00:00 +0000"
