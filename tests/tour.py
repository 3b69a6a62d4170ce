"""A walk through the demo with a browser: the pages that screenshots show and accessibility is checked on."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext

from tests.doubles import free_port
from tests.running import wait_until

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Demo:
    """A running demo: where it is, and the one-time ways in."""

    url: str
    links: dict[str, str]


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """`candor demo` on a free port, until the end of the block."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    environment |= {"CANDOR_INSTANCE_DIR": str(folder / "instance"), "CANDOR_PORT": str(port)}
    environment |= {"CANDOR_WEB_WORKERS": "1", "CANDOR_LOG_LEVEL": "warning", "PYTHONUNBUFFERED": "1"}
    log = folder / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "wsgi", "demo"],
            env=environment,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        wait_until(
            lambda: "/admin/sign-in/" in log.read_text() or process.poll() is not None,
            "the demo did not start",
            log.read_text,
            patience=90,
        )
        text = log.read_text()
        links = {
            found[1].strip().lower(): found[2]
            for found in re.finditer(r"^(\w[\w ]*?) +(http\S+/admin/sign-in/\S+)$", text, re.MULTILINE)
        }
        assert links, text
        yield Demo(f"http://127.0.0.1:{port}", links)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def signed_in(browser: Browser, demo: Demo, role: str = "comms lead") -> BrowserContext:
    """A browser whose owner has used the one-time link of this role."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.links[role])
    page.get_by_role("button", name=re.compile("Sign in")).click()
    page.wait_for_url(re.compile("/admin/(?!sign-in)"))
    page.close()
    return context


def stops(browser: Browser, demo: Demo, state: BrowserContext) -> dict[str, str]:
    """The pages worth looking at, by name: the path of each."""
    page = state.new_page()
    page.goto(f"{demo.url}/")
    incident = page.locator("a[href*='/incidents/']").first.get_attribute("href") or ""
    public_id = incident.rstrip("/").rsplit("/", 1)[-1].split("#")[0]
    page.goto(f"{demo.url}/admin/announcements")
    announcement = page.locator("a[href*='/admin/announcements/']").first.get_attribute("href") or ""
    page.goto(f"{demo.url}/admin/drills")
    if page.get_by_role("link", name="Go there").count():
        page.get_by_role("link", name="Go there").click()
    else:
        page.goto(f"{demo.url}/admin/drills/scripts/ready-checkout/start")
        page.get_by_role("button", name="Start the drill").click()
    page.wait_for_url(re.compile("/admin/drills/(?!scripts)[a-z0-9]"))
    drill = page.url.removeprefix(demo.url)
    played = page.get_by_role("link", name="Go to the composer").get_attribute("href") or ""
    page.close()
    return {
        "page": "/",
        "incident": f"/incidents/{public_id}",
        "history": "/history",
        "subscribe": "/subscribe",
        "panel": "/admin/",
        "composer": f"/admin/incidents/{public_id}",
        "new-incident": "/admin/incidents/new",
        "ledger": "/admin/announcements",
        "told": "/admin/told",
        "api-keys": "/admin/api-keys",
        "receipt": announcement,
        "health": "/admin/health",
        "analytics": "/admin/analytics",
        "report": "/admin/analytics/report",
        "account": "/admin/account",
        "messages": "/admin/messages",
        "components": "/admin/components",
        "subscribers": "/admin/subscribers",
        "on-call": "/admin/on-call",
        "policies": "/admin/policies",
        "drills": "/admin/drills",
        "drill-script": "/admin/drills/scripts/new",
        "drill-start": "/admin/drills/scripts/ready-provider/start",
        "drill": drill,
        "drill-composer": played,
        "policy": "/admin/policies/sev1",
        "authenticator": "/admin/account/authenticators/new",
        "page-settings": "/admin/page",
    }
