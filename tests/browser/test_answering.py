"""The reminder's link on a phone of 390 pixels: with a passkey, on a remembered device, and without either."""

import json
import re
import urllib.request
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.browsers import add_passkey, by_name, chromium, phone_with_finger
from tests.running import Running, wait_until

LEAD = "lead@example.com"
SECONDS = {"first": "4s", "interval": "8s", "lead": "7s"}


@pytest.fixture(scope="module")
def candor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Candor with promises of seconds, so that somebody is reminded at once; every message is captured."""
    with Running(tmp_path_factory.mktemp("answering"), CANDOR_DATABASE_URL="") as candor:
        candor.command("component", "add", "Website")
        candor.command("user", "add", "--email", LEAD, "--role", "comms_lead", "--phone", "+4915112345671")
        candor.command("policy", "set", "--severity", "sev1", *(f"--{name}={span}" for name, span in SECONDS.items()))
        yield candor


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def phone(candor: Running, browser: Browser) -> Iterator[Page]:
    """The comms lead's phone, with a passkey, signed in; nothing complains on its console."""
    candor.command("user", "reset", "--email", LEAD, "--second-factor")
    page = phone_with_finger(browser)
    complaints: list[str] = []
    # A refusal with its page is a refusal all the same, and browsers say so.
    page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    add_passkey(page, candor.command("user", "reset", "--email", LEAD))
    yield page
    page.context.close()
    assert complaints == []


def _is_complaint(said: ConsoleMessage) -> bool:
    return said.type in ("error", "warning") and "409" not in said.text


def incident(candor: Running, title: str) -> str:
    """The one open incident: what was open before is over, so that a reminder is about this one alone."""
    for before in json.loads(candor.command("incident", "list", "--json")):
        if before["status"] != "resolved":
            over = ("--status", "resolved", "--body", "It works again.", "--component", "Website=operational")
            candor.command("incident", "update", before["id"], *over)
    return candor.command(
        "incident", "open", "--title", title, "--severity", "sev1", "--status", "investigating",
        "--body", "We are looking into it.", "--component", "Website=partial_outage",
    )  # fmt: skip


def newest_link(candor: Running, page: Page, title: str) -> str:
    """The link in the last reminder of this incident, as the captured messages show it."""
    found: list[str] = []

    def look() -> bool:
        page.goto(by_name(candor.url) + "/admin/messages?channel=sms")
        paths = [each.get_attribute("href") or "" for each in page.locator("a[href*='/admin/messages/']").all()]
        for path in paths[:4]:
            page.goto(by_name(candor.url) + path)
            words = page.locator("main").inner_text()
            # A message may name several incidents; the link of each stands right behind its title.
            behind = rf"{re.escape(title)}(?:\..{{0,120}}?Post it:)?\s+(http://\S+/admin/compose/[\w.]+)"
            found[:] = re.findall(behind, words)
            if found:
                return True
        return False

    wait_until(look, "nobody was reminded")
    return by_name(found[-1])


def violations(page: Page) -> list[str]:
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in Axe().run(page).response["violations"]]


def test_a_touch_publishes_and_the_device_is_remembered(candor: Running, phone: Page):
    made = incident(candor, "Logins fail")
    link = newest_link(candor, phone, "Logins fail")
    phone.context.clear_cookies()
    phone.goto(link)
    expect(phone.get_by_text("Same status")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(phone) == []

    phone.locator("#status-monitoring").check()
    expect(phone.get_by_label("Your words")).to_have_value(re.compile("The fix is in place"))
    phone.get_by_label("Your words").fill("A fix is out. We watch the logins.")
    phone.get_by_role("button", name="Publish with passkey").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Posted")

    wait_until(lambda: "A fix is out. We watch the logins." in candor.get(f"/incidents/{made}"), "it is not shown")
    assert {each["name"] for each in phone.context.cookies()} == {"sid", "device"}

    phone.context.clear_cookies(name="sid")
    second = incident(candor, "Search is slow")
    phone.context.clear_cookies(name="sid")
    link = _link_by_password_free_sign_in(candor, phone, "Search is slow")
    phone.goto(link)
    expect(phone.get_by_role("button", name=re.compile("^Publish$"))).to_be_visible()
    phone.get_by_role("button", name=re.compile("^Publish$")).tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Posted")
    wait_until(lambda: "Nothing has changed since our update" in candor.get(f"/incidents/{second}"), "it is not shown")


def _link_by_password_free_sign_in(candor: Running, phone: Page, title: str) -> str:
    """The newest link, found by signing in with the passkey alone; then signed out again."""
    phone.goto(by_name(candor.url) + "/admin/login")
    phone.get_by_role("button", name="Sign in with a passkey").tap()
    phone.wait_for_url(re.compile("/admin/$"))
    link = newest_link(candor, phone, title)
    phone.context.clear_cookies(name="sid")
    return link


def test_a_scanner_burns_nothing_and_publishes_nothing(candor: Running, phone: Page):
    made = incident(candor, "Mails are late")
    link = newest_link(candor, phone, "Mails are late")
    before = len(candor.incident(made)["updates"])
    for _ in range(10):
        for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Sec-Purpose": "prefetch", "Purpose": "prefetch"})):
            request = urllib.request.Request(link, method=method, headers=headers)
            with urllib.request.urlopen(request) as answer:
                assert answer.status == 200

    assert len(candor.incident(made)["updates"]) == before
    phone.goto(link)
    phone.get_by_role("button", name="Publish").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Posted")
    assert len(candor.incident(made)["updates"]) == before + 1


def test_a_draft_is_kept_without_a_touch_and_released_with_one_tap(candor: Running, phone: Page):
    made = incident(candor, "Payments wait")
    link = newest_link(candor, phone, "Payments wait")
    cookies = phone.context.cookies()
    phone.context.clear_cookies()
    phone.goto(link)
    phone.get_by_label("Your words").fill("We know why, and are mending it.")
    phone.get_by_role("button", name="Draft").tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Draft kept")
    assert violations(phone) == []
    assert "We know why" not in candor.get(f"/incidents/{made}")

    phone.context.add_cookies(cookies)  # type: ignore[arg-type]
    phone.goto(by_name(candor.url) + f"/admin/incidents/{made}")
    assert violations(phone) == []
    phone.get_by_role("button", name="Release").tap()
    expect(phone.get_by_text("The draft is published.")).to_be_visible()
    wait_until(lambda: "We know why, and are mending it." in candor.get(f"/incidents/{made}"), "it is not shown")


def test_words_behind_a_used_link_come_along_to_the_panel(candor: Running, phone: Page):
    made = incident(candor, "Images are missing")
    link = newest_link(candor, phone, "Images are missing")
    phone.goto(link)
    candor.command("incident", "update", made, "--status", "identified", "--body", "A colleague was faster.")
    phone.get_by_label("Your words").fill("Words that must not be lost.")
    phone.get_by_role("button", name=re.compile("^Publish")).tap()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Already answered")
    expect(phone.locator("#kept")).to_have_value("Words that must not be lost.")
    phone.get_by_role("link", name="Sign in to say more").tap()

    phone.wait_for_url(re.compile(f"/admin/incidents/{made}"))
    expect(phone.locator("textarea[name=body]")).to_have_value("Words that must not be lost.")
