"""An answer to a reminder by SMS, from end to end: draft, confirmation, one touch on the phone, public."""

import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from twilio.request_validator import RequestValidator

from tests.browsers import add_passkey, by_name, chromium, phone_with_finger
from tests.doubles import TwilioDouble
from tests.running import Running, wait_until

LEAD, PHONE, TOKEN = "lead@example.com", "+4915112345671", "example-token"


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


def write_back(candor: Running, words: str, sid: str) -> str:
    """An SMS to our number, as Twilio passes it on; what we answer."""
    form = {"From": PHONE, "Body": words, "MessageSid": sid}
    url = f"{candor.url}/inbound/twilio/sms"
    signature = RequestValidator(TOKEN).compute_signature(url, form)
    request = urllib.request.Request(
        url, urllib.parse.urlencode(form).encode(), {"X-Twilio-Signature": signature}, method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        return str(answer.read().decode())


def test_an_answer_by_sms_becomes_a_draft_that_one_touch_publishes(
    tmp_path: Path, browser: Browser, empty_database: str
):
    with TwilioDouble() as twilio:
        settings = {
            "CANDOR_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "CANDOR_TWILIO_AUTH_TOKEN": TOKEN,
            "CANDOR_TWILIO_FROM": "+15005550006",
            "CANDOR_TWILIO_API_URL": twilio.url,
        }
        with Running(tmp_path, **settings) as candor:
            candor.command("component", "add", "Website")
            link = candor.command("user", "add", "--email", LEAD, "--role", "comms_lead", "--phone", PHONE)
            candor.command("policy", "set", "--severity", "sev1", "--first", "4s", "--interval", "8s", "--lead", "7s")
            phone = phone_with_finger(browser)
            add_passkey(phone, link)
            phone.context.clear_cookies()
            incident = candor.command(
                "incident", "open", "--title", "Silence", "--severity", "sev1", "--status", "investigating",
                "--body", "We are looking into it.", "--component", "Website=partial_outage",
            )  # fmt: skip
            wait_until(lambda: bool(twilio.texts(PHONE)), "nobody was reminded by SMS")
            found = re.search(r"answer (\d{4}) and your words", twilio.texts(PHONE)[-1])
            assert found

            answers = [write_back(candor, f"{found[1]} By SMS: a full disk, we make room.", "SM1") for _ in range(3)]
            wait_until(lambda: any("Kept as a draft" in text for text in twilio.texts(PHONE)), "nothing was confirmed")
            confirmed = [text for text in twilio.texts(PHONE) if "Kept as a draft" in text]
            assert "a full disk" not in candor.get(f"/incidents/{incident}")
            assert all("<Message>" not in answer for answer in answers)
            assert len(confirmed) == 1

            phone.goto(by_name(re.findall(r"http://\S+", confirmed[0])[0]))
            expect(phone.get_by_label("Your words")).to_have_value("By SMS: a full disk, we make room.")
            phone.get_by_role("button", name="Publish with passkey").tap()
            expect(phone.get_by_role("heading", level=1)).to_have_text("Posted")
            assert "a full disk" in candor.get(f"/incidents/{incident}")
