"""The page that `candor cadence replay --html` writes, opened from the disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, sync_playwright

from statuspage.cli import cli
from tests import histories
from tests.browsers import chromium
from tests.tour import SCHEMES
from wsgi import create_app

OPEN_ALL = "document.querySelectorAll('details').forEach(each => each.open = true)"
MARKS = "[...document.querySelectorAll('svg rect.late')].some(each => each.getBoundingClientRect().height > 20)"


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CANDOR_INSTANCE_DIR", str(tmp_path / "instance"))
    file, out = tmp_path / "history.jsonl", tmp_path / "report.html"
    file.write_text("\n".join(histories.raw()[1]), encoding="utf-8")
    result = CliRunner().invoke(cli, ["cadence", "replay", str(file), "--html", str(out)], obj=create_app)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


def _violations(page: Page) -> list[str]:
    return [f"{found['id']}: {found['nodes'][0]['html'][:120]}" for found in Axe().run(page).response["violations"]]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_replay_reads_well_everywhere(browser: Browser, report: Path, width: int, scheme: str):
    # The page forbids every script, so that the checker needs a way round.
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
        bypass_csp=True,
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))

    page.goto(report.as_uri())
    closed = _violations(page)
    page.evaluate(OPEN_ALL)
    opened = _violations(page)
    overflow = page.evaluate("document.documentElement.scrollWidth") - width
    has_marks = page.evaluate(MARKS)
    context.close()

    assert (closed, opened, overflow, complaints) == ([], [], 0, [])
    assert has_marks


def test_replay_on_paper_is_light_and_has_its_tables(browser: Browser, report: Path):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()

    page.goto(report.as_uri())
    page.emulate_media(media="print")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    table = page.get_by_role("cell", name="606", exact=True).or_(page.locator("tbody td").first)
    is_there = table.first.evaluate("each => each.getBoundingClientRect().height > 0")
    context.close()

    assert paper == "rgb(255, 255, 255)"
    assert is_there
