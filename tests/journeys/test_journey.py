"""The first half of the product's sentence, from end to end: publish once, everyone hears.

That silence raises an alarm is told in `test_promise.py`.

Real processes started as a user starts them, a real SMTP server, the real twilio client against its double, a
real browser, real feed parsers.
"""

import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import feedparser
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browsers import chromium
from tests.doubles import SmtpSink, TwilioDouble
from tests.running import Running, wait_until

LEAD, LEAD_PHONE = "lead@example.com", "+4915112345671"


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


def body(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link(text: str, path: str) -> str:
    found = re.search(rf"http://[^\s]+{path}[^\s]+", text)
    assert found, f"no link to {path} in: {text}"
    return found[0]


def sign_up(visitor: Page, url: str, email: str, component: str = "") -> None:
    visitor.goto(f"{url}/subscribe")
    visitor.get_by_label("Email address").fill(email)
    if component:
        visitor.get_by_label("Chosen components").check()
        visitor.get_by_label(component, exact=True).check()
    visitor.get_by_label(re.compile("I agree")).check()
    visitor.get_by_role("button", name="Subscribe").click()
    expect(visitor.get_by_role("heading", level=1)).to_contain_text("Check your inbox")


def test_publish_once_everyone_hears(tmp_path: Path, browser: Browser, empty_database: str):
    with SmtpSink() as mail, TwilioDouble() as twilio:
        settings = {
            "CANDOR_SMTP_URL": mail.url,
            "CANDOR_MAIL_FROM": "status@example.com",
            "CANDOR_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "CANDOR_TWILIO_AUTH_TOKEN": "example-token",
            "CANDOR_TWILIO_FROM": "+15005550006",
            "CANDOR_TWILIO_API_URL": twilio.url,
        }
        with Running(tmp_path, **settings) as candor:
            _prepare(candor)
            _sign_up_by_form(candor, browser, mail)
            panel = _sign_in(candor, browser)
            incident = _open_update_resolve(candor, panel)
            _everyone_heard_once(mail, twilio)
            _all_surfaces_agree(candor, incident)


def _prepare(candor: Running) -> None:
    candor.command("component", "add", "API", "--group", "Platform")
    candor.command("component", "add", "Website")
    candor.command("subscriber", "add", "--phone", "+4915198765430")
    candor.command("subscriber", "add", "--email", "web-only@example.com", "--component", "Website")


def _sign_up_by_form(candor: Running, browser: Browser, mail: SmtpSink) -> None:
    visitor = browser.new_page()
    sign_up(visitor, candor.url, "all@example.com")
    sign_up(visitor, candor.url, "api@example.com", "API")
    mail.wait_for(2)
    for address in ("all@example.com", "api@example.com"):
        visitor.goto(link(body(mail.mails(address)[0]), "/subscribe/confirm/"))
        visitor.get_by_role("button", name=re.compile("Confirm")).click()
        expect(visitor.get_by_role("heading", level=1)).to_contain_text("You are subscribed")
    visitor.close()


def _sign_in(candor: Running, browser: Browser) -> Page:
    url = candor.command("user", "add", "--email", LEAD, "--role", "comms_lead", "--phone", LEAD_PHONE)
    panel = browser.new_page()
    panel.goto(url)
    panel.get_by_role("button", name=re.compile("Sign in")).click()
    panel.goto(f"{candor.url}/admin/")
    expect(panel.get_by_role("heading", level=1)).to_be_visible()
    return panel


def _open_update_resolve(candor: Running, panel: Page) -> str:
    panel.goto(f"{candor.url}/admin/incidents/new")
    panel.get_by_label("Title").fill("Requests fail")
    panel.locator("textarea[name=body]").fill("Requests to the API fail. We are looking into it.")
    _set_component(panel, "API", "major_outage")
    _publish(panel)
    found = re.search(r"/admin/incidents/([a-z0-9]{12})", panel.url)
    assert found, panel.url
    for status, words in (
        ("identified", "A full disk is the cause. We are making room."),
        ("identified", "Half of the requests succeed again."),
        ("monitoring", "All requests succeed. We keep watching."),
    ):
        _say(panel, candor, found[1], status, words)
    _set_component_and_say(panel, candor, found[1], "API", "operational", "It is over. The disk has room again.")
    return found[1]


def _say(panel: Page, candor: Running, incident: str, status: str, words: str) -> None:
    panel.goto(f"{candor.url}/admin/incidents/{incident}")
    panel.locator(f"input[name=status][value={status}]").check(force=True)
    panel.locator("textarea[name=body]").fill(words)
    _publish(panel)
    expect(panel.get_by_text(words).first).to_be_visible()


def _set_component_and_say(panel: Page, candor: Running, incident: str, component: str, state: str, words: str) -> None:
    panel.goto(f"{candor.url}/admin/incidents/{incident}")
    panel.locator("input[name=status][value=resolved]").check(force=True)
    _set_component(panel, component, state)
    panel.locator("textarea[name=body]").fill(words)
    _publish(panel)
    expect(panel.get_by_text(words).first).to_be_visible()


def _set_component(panel: Page, component: str, state: str) -> None:
    panel.get_by_label(component, exact=True).select_option(state)


def _publish(panel: Page) -> None:
    with panel.expect_navigation():
        panel.get_by_role("button", name=re.compile("^Publish")).click()


def _everyone_heard_once(mail: SmtpSink, twilio: TwilioDouble) -> None:
    """Five mails about the API to those who asked for it, begin and resolve by SMS; nothing twice, nothing else."""
    wait_until(lambda: len(mail.received) >= 12, "not every mail came", lambda: str(mail.recipients))
    for address in ("all@example.com", "api@example.com"):
        said = [body(each) for each in mail.mails(address)[1:]]
        assert [text.split(":")[0].strip() for text in said] == [
            "Investigating", "Identified", "Identified", "Monitoring", "Resolved",
        ]  # fmt: skip
        assert len({each["References"] for each in mail.mails(address)[1:]}) == 1
    assert mail.mails("web-only@example.com") == []
    wait_until(lambda: len(twilio.texts("+4915198765430")) >= 2, "not every SMS came")
    begun, ended = twilio.texts("+4915198765430")
    assert ": Investigating - " in begun
    assert ": Resolved - " in ended
    assert len(mail.received) == 12


def _all_surfaces_agree(candor: Running, incident: str) -> None:
    words = "It is over. The disk has room again."
    atom, rss = (feedparser.parse(candor.get(f"/history.{kind}")) for kind in ("atom", "rss"))

    assert "No known incidents" in candor.get("/")
    assert words in candor.get(f"/incidents/{incident}")
    assert not atom.bozo
    assert not rss.bozo
    assert atom.entries[0].id == rss.entries[0].id == f"{candor.url}/incidents/{incident}"
    assert words in atom.entries[0].content[0].value
    assert words in (rss.entries[0].get("content") or [{"value": rss.entries[0].summary}])[0]["value"]
