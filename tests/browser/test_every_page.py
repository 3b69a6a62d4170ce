"""Every page in a real browser: accessible, within its width, silent on the console, readable without script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browsers import chromium
from tests.tour import SCHEMES, WIDTHS, Demo, running_demo, signed_in, stops


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def admin(browser: Browser, demo: Demo) -> BrowserContext:
    return signed_in(browser, demo, "admin")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_has_a_violation_an_overflow_or_a_complaint(
    browser: Browser, demo: Demo, admin: BrowserContext, width: str, scheme: str
):
    across, down = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": across, "height": down},
        color_scheme=scheme,  # type: ignore[arg-type]
        storage_state=admin.storage_state(),
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    troubles = {}

    for name, path in stops(browser, demo, admin).items():
        page.goto(demo.url + path)
        expect(page.locator(".htmx-request")).to_have_count(0)
        violations = [
            f"{found['id']}: {found['nodes'][0]['html'][:120]}" for found in Axe().run(page).response["violations"]
        ]
        overflow = page.evaluate("document.documentElement.scrollWidth") - across
        if violations or overflow > 0 or complaints:
            troubles[name] = (violations, overflow, complaints[:])
        complaints.clear()
    context.close()

    assert troubles == {}


def test_the_public_page_needs_no_script_and_fits_320_pixels(browser: Browser, demo: Demo, admin: BrowserContext):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    page = context.new_page()
    paths = stops(browser, demo, admin)

    page.goto(demo.url + paths["page"])
    promise = page.locator("time").filter(has_text="CE").first.text_content() or ""
    heading = page.get_by_role("heading", level=1).text_content()
    with_script = browser.new_context(viewport={"width": 320, "height": 640}).new_page()
    widths = []
    for name in ("page", "incident", "history", "subscribe"):
        with_script.goto(demo.url + paths[name])
        widths.append(with_script.evaluate("document.documentElement.scrollWidth"))

    assert heading
    assert "in " not in promise
    assert widths == [320] * 4


def test_screenshot_folder_is_where_the_readme_looks():
    readme = Path(__file__).resolve().parents[2] / "README.md"
    pictures = {
        line.split("(")[1].split(")")[0]
        for line in readme.read_text().splitlines()
        if "docs/screenshots/" in line and "(" in line
    }

    assert pictures
    assert all((readme.parent / picture).exists() for picture in pictures)
