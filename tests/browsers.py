"""Debian's Chromium, driven by Playwright, quiet and without a network of its own."""

import shutil

from playwright.sync_api import Browser, Page, Playwright, expect

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def phone_with_finger(browser: Browser) -> Page:
    """A page on a phone of 390 pixels that makes passkeys and answers with them as if its owner touched it."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return page


def by_name(url: str) -> str:
    """The same address by this machine's name: browsers make no passkeys at a bare number."""
    return url.replace("//127.0.0.1:", "//localhost:")


def add_passkey(page: Page, sign_in_link: str) -> None:
    """Sign in with the one-time link and add a passkey of this phone."""
    page.goto(by_name(sign_in_link))
    page.get_by_role("button", name="Sign in as").click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")


def chromium(playwright: Playwright) -> Browser:
    """A fresh browser; fails with a sentence where none is installed."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "No browser: install the package chromium (make test does it on Debian)."
    return playwright.chromium.launch(executable_path=found, args=QUIET)
