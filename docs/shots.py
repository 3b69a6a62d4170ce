"""The screenshots of the README, taken from a fresh demo: `make shots`."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402 - the project's root must be known first

from tests.browsers import chromium  # noqa: E402
from tests.tour import SCHEMES, WIDTHS, running_demo, signed_in, stops  # noqa: E402

SHOWN = ("page", "incident", "subscribe", "panel", "composer")
TARGET = ROOT / "docs/screenshots"


def main() -> None:
    """Take every picture anew."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder)) as demo, sync_playwright() as playwright:
        browser = chromium(playwright)
        state = signed_in(browser, demo)
        paths = stops(browser, demo, state)
        storage = state.storage_state()
        for width, (across, down) in WIDTHS.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": across, "height": down},
                    color_scheme=scheme,  # type: ignore[arg-type]
                    storage_state=storage,
                    device_scale_factor=1,
                )
                page = context.new_page()
                for name in SHOWN:
                    page.goto(demo.url + paths[name])
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=TARGET / f"{name}-{width}-{scheme}.png")
                context.close()
        browser.close()
    print(f"{len(list(TARGET.glob('*.png')))} pictures in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
