"""The promise and the chase, from end to end: declared inside, chased, spoken, chased further, answered, over.

Real processes and promises of seconds; the reminders come by mail and SMS, and the answers from a phone.
"""

import csv
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from statuspage import pages, settings
from statuspage.audit import COMMAND_LINE
from statuspage.cadence import policies
from statuspage.cadence.policy import Cadence
from statuspage.cadence.steps import COMMANDER, COMMS_LEAD, MANAGERS, LadderStep
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.vocabulary import Phase, ReminderStep, Severity
from tests.browsers import add_passkey, by_name, chromium, phone_with_finger
from tests.doubles import SmtpSink, TwilioDouble
from tests.journeys.test_journey import body, link
from tests.running import Running, wait_until
from wsgi import create_app

LEAD, PHONE = "lead@example.com", "+4915112345671"
COMMANDING, BOSS, READER = "commander@example.com", "boss@example.com", "reader@example.com"
NUMBERS = {COMMANDING: "+4915112345672", BOSS: "+4915112345673"}
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FIRST, SECOND_WORDS, LAST = "Payments fail. We look into it.", "A full disk, we make room.", "It is over."
# Three steps with a person each; once the cause is known there is an hour to the next word.
HASTY = Cadence(
    first=3 * SECOND,
    interval=6 * SECOND,
    lead=2 * SECOND,
    phases={Phase.IDENTIFIED: HOUR},
    ladder=(
        LadderStep(ReminderStep.DUE_SOON, -2 * SECOND, COMMS_LEAD),
        LadderStep(ReminderStep.DUE, 0 * SECOND, COMMANDER),
        LadderStep(ReminderStep.OVERDUE, 2 * SECOND, MANAGERS),
    ),
    repeat=HOUR,
)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


def test_declared_chased_spoken_slipped_climbed_answered_and_over(
    tmp_path: Path, browser: Browser, empty_database: str
):
    with SmtpSink() as mail, TwilioDouble() as twilio:
        settings = {
            "CANDOR_SMTP_URL": mail.url,
            "CANDOR_MAIL_FROM": "status@example.com",
            "CANDOR_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "CANDOR_TWILIO_AUTH_TOKEN": twilio.auth_token,
            "CANDOR_TWILIO_FROM": "+15005550006",
            "CANDOR_TWILIO_API_URL": twilio.url,
        }
        with Running(tmp_path, **settings) as candor:
            phone = _prepare(candor, browser)
            incident = _declare(candor, mail)
            _the_first_word_by_the_mails_link(candor, phone, mail, incident)
            _the_next_promise_slips_and_the_ladder_is_climbed(candor, mail, twilio, incident)
            _an_answer_by_sms_is_a_draft_until_it_is_released(candor, phone, twilio, incident)
            candor.command("incident", "update", incident, "--status", "resolved", "--body", LAST)
            _outcomes_and_figures_are_right(candor, incident)
            _page_and_readers_have_it_all(candor, mail, incident)


def _prepare(candor: Running, browser: Browser) -> Page:
    for email, role in ((COMMANDING, "responder"), (BOSS, "admin")):
        candor.command("user", "add", "--email", email, "--role", role, "--phone", NUMBERS[email])
    candor.command("subscriber", "add", "--email", READER)
    _promise_hastily(candor)
    phone = phone_with_finger(browser)
    add_passkey(phone, candor.command("user", "add", "--email", LEAD, "--role", "comms_lead", "--phone", PHONE))
    phone.context.clear_cookies()
    return phone


def _promise_hastily(candor: Running) -> None:
    """SEV1's policy is the one above; spans alone could be set by a command."""
    given = {name: candor.environment[f"CANDOR_{name.upper()}"] for name in ("instance_dir", "database_url")}
    app = create_app(settings.load(**{name: value for name, value in given.items() if value}, log_level="error"))
    with app.app_context():
        policies.set_policy(pages.first(), Severity.SEV1, HASTY, COMMAND_LINE, utcnow())
        db.session.remove()
        db.engine.dispose()


def _declare(candor: Running, mail: SmtpSink) -> str:
    """Nothing is said outside, and the one who speaks is chased all the same; unheard, the next one is as well."""
    incident = candor.command(
        "incident", "open", "--title", "Payments fail", "--severity", "sev1", "--internal", "--body", "Alerts fire.",
        "--role", f"comms-lead={LEAD}", "--role", f"commander={COMMANDING}",
    )  # fmt: skip
    wait_until(lambda: bool(mail.mails(COMMANDING)), "the commander was not told that nobody speaks")

    assert str(mail.mails(LEAD)[0]["Subject"]).startswith("First update")
    assert "Payments fail" not in candor.get("/")
    assert mail.mails(READER) == []
    return incident


def _the_first_word_by_the_mails_link(candor: Running, phone: Page, mail: SmtpSink, incident: str) -> None:
    phone.goto(by_name(link(body(mail.mails(LEAD)[0]), "/admin/compose/")))
    expect(phone.get_by_role("heading", level=1)).to_have_text("Payments fail")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.locator("textarea[name=body]").fill(FIRST)
    phone.get_by_role("button", name="Publish with passkey").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Posted")

    assert FIRST in candor.get(f"/incidents/{incident}")
    asked = [
        each for each in candor.incident(incident)["reminders"] if each["promise_due_at"] == _due(candor, incident, 0)
    ]
    assert asked
    assert all(each["cancelled_at"] or each["used_at"] for each in asked)


def _the_next_promise_slips_and_the_ladder_is_climbed(
    candor: Running, mail: SmtpSink, twilio: TwilioDouble, incident: str
) -> None:
    due = _due(candor, incident, 1)

    def climbed() -> list[dict[str, str]]:
        return [each for each in candor.incident(incident)["reminders"] if each["promise_due_at"] == due]

    wait_until(lambda: len(climbed()) >= 3, "the ladder was not climbed to its third step", lambda: str(climbed()))
    wait_until(lambda: bool(twilio.texts(NUMBERS[BOSS])), "the third step did not come by SMS")

    assert [(each["to"], each["step"]) for each in climbed()] == [
        (LEAD, "due_soon"), (COMMANDING, "due"), (BOSS, "overdue"),
    ]  # fmt: skip
    assert "late by" in str(mail.mails(BOSS)[-1]["Subject"])


def _an_answer_by_sms_is_a_draft_until_it_is_released(
    candor: Running, phone: Page, twilio: TwilioDouble, incident: str
) -> None:
    code = re.search(r"answer (\d{4}) and your words", twilio.texts(PHONE)[-1])
    assert code
    inbound = f"{candor.url}/inbound/twilio/sms"
    answers = [twilio.text_in(inbound, PHONE, f"{code[1]} {SECOND_WORDS}") for _ in range(3)]
    wait_until(lambda: any("Kept as a draft" in text for text in twilio.texts(PHONE)), "nothing was confirmed")
    confirmed = [text for text in twilio.texts(PHONE) if "Kept as a draft" in text]

    assert answers == [200, 200, 200]
    assert len(confirmed) == 1
    assert SECOND_WORDS not in candor.get(f"/incidents/{incident}")

    phone.goto(by_name(link(confirmed[0], "/admin/compose/")))
    expect(phone.get_by_label("Your words")).to_have_value(SECOND_WORDS)
    phone.locator("input[name=status][value=identified]").check(force=True)
    # The phone has shown by its passkey whose it is, a minute ago.
    phone.get_by_role("button", name=re.compile("^Publish")).tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Posted")
    assert SECOND_WORDS in candor.get(f"/incidents/{incident}")


def _outcomes_and_figures_are_right(candor: Running, incident: str) -> None:
    shown = candor.incident(incident)
    promises, updates = shown["promises"], shown["updates"]
    lateness = [each["late_by"] for each in promises[:2]]

    assert [(each["outcome"], each["is_first"]) for each in promises] == [
        ("late", True), ("late", False), ("kept", False),
    ]  # fmt: skip
    assert promises[2]["late_by"] is None
    for late, promise, answer in zip(lateness, promises, updates[1:], strict=False):
        assert late == pytest.approx(_seconds(promise["due_at"], answer["created_at"]), abs=1.1)

    told = json.loads(candor.command("analytics", "--json"))
    assert {name: told["promises"]["all"][name] for name in ("kept", "late", "overdue", "pending")} == {
        "kept": 1, "late": 2, "overdue": 0, "pending": 0,
    }  # fmt: skip
    assert told["promises"]["all"]["share"] == pytest.approx(1 / 3, abs=0.001)
    assert told["promises"]["all"]["lateness"]["longest"] == pytest.approx(max(lateness), abs=0.1)
    waited = _seconds(updates[0]["created_at"], updates[1]["created_at"])
    assert told["first_public_update"]["all"]["median"] == pytest.approx(waited, abs=1.1)

    rows = {tuple(row[:3]): row[3] for row in csv.reader(candor.command("analytics", "--csv").splitlines())}
    assert rows["promises.all", "", "kept"] == "1"
    assert rows["promises.all", "", "late"] == "2"
    assert rows["incidents", "", "total"] == "1"


def _page_and_readers_have_it_all(candor: Running, mail: SmtpSink, incident: str) -> None:
    shown = candor.get(f"/incidents/{incident}")

    assert all(words in shown for words in (FIRST, SECOND_WORDS, LAST))
    assert "Alerts fire." not in shown
    assert "Next update by" not in shown
    assert "No known incidents" in candor.get("/")
    wait_until(lambda: len(mail.mails(READER)) >= 3, "not every mail came", lambda: str(mail.recipients))
    said = [body(each) for each in mail.mails(READER)]
    assert [words in text for words, text in zip((FIRST, SECOND_WORDS, LAST), said, strict=True)] == [True] * 3
    assert not any("Alerts fire." in text for text in said)


def _due(candor: Running, incident: str, number: int) -> str:
    due: str = candor.incident(incident)["promises"][number]["due_at"]
    return due


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
