"""The screenshots of the README, taken from a fresh demo: `make shots`."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402 - the project's root must be known

from tests.browsers import chromium  # noqa: E402
from tests.tour import SCHEMES, WIDTHS, Demo, running_demo, signed_in, stops  # noqa: E402

SHOWN = (
    "page", "incident", "subscribe", "panel", "composer", "receipt", "told", "health", "api-keys", "policies", "drill",
    "analytics",
)  # fmt: skip
KEYS = {"Deploy pipeline": ("publish",), "Uptime monitor": ("read", "publish"), "Customer import": ("subscribers",)}
TARGET = ROOT / "docs/screenshots"


def main() -> None:
    """Take every picture anew."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder)) as demo, sync_playwright() as playwright:
        browser = chromium(playwright)
        admin = signed_in(browser, demo, "admin")
        paths, desk = stops(browser, demo, admin), admin.new_page()
        add_keys(desk, demo)
        end_drill(desk, demo, paths["drill"])
        address = somebody_told(desk, demo, paths["receipt"])
        for width, (across, down) in WIDTHS.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": across, "height": down},
                    color_scheme=scheme,  # type: ignore[arg-type]
                    storage_state=admin.storage_state(),
                    device_scale_factor=1,
                )
                page = context.new_page()
                for name in SHOWN:
                    page.goto(demo.url + paths[name])
                    if name == "told":
                        look_up(page, address)
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=TARGET / f"{name}-{width}-{scheme}.png")
                context.close()
        browser.close()
    print(f"{len(list(TARGET.glob('*.png')))} pictures in {TARGET.relative_to(ROOT)}")


def add_keys(page: Page, demo: Demo) -> None:
    """A few programs have keys."""
    for name, scopes in KEYS.items():
        page.goto(f"{demo.url}/admin/api-keys/new")
        page.locator("input[name=name]").fill(name)
        for scope in scopes:
            page.locator(f"input[name=scope_{scope}]").check(force=True)
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()


def end_drill(page: Page, demo: Demo, drill: str) -> None:
    """The rehearsal is over, and has its score sheet."""
    page.goto(demo.url + drill)
    page.get_by_role("button", name="Stop the drill").click()
    expect(page.get_by_text("What was said")).to_be_visible()


def somebody_told(page: Page, demo: Demo, receipt: str) -> str:
    """The address of somebody who was told."""
    page.goto(demo.url + receipt)
    return page.locator("#deliveries tbody tr th").filter(has_text="@").first.inner_text().strip()


def look_up(page: Page, address: str) -> None:
    """Ask whether this address was told."""
    page.get_by_label("Address or number").fill(address)
    page.get_by_role("button", name="Look it up").click()
    expect(page.get_by_role("heading", level=2)).to_be_visible()


if __name__ == "__main__":
    main()
