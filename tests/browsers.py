"""Debian's Chromium, driven by Playwright, quiet and without a network of its own."""

import shutil

from playwright.sync_api import Browser, Playwright

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium(playwright: Playwright) -> Browser:
    """A fresh browser; fails with a sentence where none is installed."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "No browser: install the package chromium (make test does it on Debian)."
    return playwright.chromium.launch(executable_path=found, args=QUIET)
