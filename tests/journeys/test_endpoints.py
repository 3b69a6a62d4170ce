"""An endpoint's life, with real processes: typed into the form, proven by itself, told, and stopped when it is gone."""

import json
import re
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browsers import chromium
from tests.doubles import HookAnswer, HookDouble, SmtpSink
from tests.running import Running, wait_until


def test_an_endpoint_proves_itself_hears_everything_once_and_is_stopped_when_it_is_gone(tmp_path: Path):
    with HookDouble(echoes=True) as hook, SmtpSink() as mail, sync_playwright() as playwright:
        settings = {"CANDOR_SMTP_URL": mail.url, "CANDOR_WEBHOOK_ALLOW_PRIVATE": "1"}
        with Running(tmp_path, **settings) as candor:
            browser = chromium(playwright)
            visitor = browser.new_page()
            visitor.goto(f"{candor.url}/subscribe")
            visitor.get_by_role("radio", name="Webhook").check()
            visitor.get_by_label("Webhook address", exact=True).fill(f"{hook.url}/status")
            visitor.get_by_label("Contact by email").fill("ops@example.org")
            visitor.get_by_label(re.compile("I agree")).check()
            visitor.get_by_role("button", name="Subscribe").click()
            expect(visitor.get_by_role("heading", level=1)).to_contain_text("asking your endpoint")
            hook.wait_for(1)
            mail.wait_for(1)

            incident = candor.command(
                "incident", "open", "--title", "Requests fail", "--severity", "sev1", "--status", "investigating",
                "--body", "We are looking into it.",
            )  # fmt: skip
            hook.wait_for(2)
            words = mail.mails()[0].get_body(("plain",))
            assert words is not None
            ready = re.search(r"http://\S+/manage/\S+", words.get_content())
            assert ready
            visitor.goto(ready[0])
            secret = visitor.locator(".secret").text_content() or ""
            hook.on("/status", HookAnswer(410))
            candor.command("incident", "update", incident, "--status", "identified", "--body", "A full disk.")
            mail.wait_for(2)
            visitor.reload()
            expect(visitor.get_by_role("heading", level=1)).to_contain_text("We stopped sending")
            candor.command("incident", "update", incident, "--status", "monitoring", "--body", "It is better.")
            wait_until(
                lambda: json.loads(candor.command("subscriber", "list", "--json"))[0]["state"] == "quarantined",
                "the endpoint was not stopped",
            )
            browser.close()

        verify, opened, gone = hook.received
        assert [verify.json["type"], opened.json["type"], gone.json["type"]] == [
            "endpoint.verify", "incident.created", "incident.updated",
        ]  # fmt: skip
        assert len({sent.headers["webhook-id"] for sent in hook.received}) == 3
        assert secret.startswith("whsec_")
        assert [to for to, _ in mail.received] == ["ops@example.org"] * 2
