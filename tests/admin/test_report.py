"""The monthly report in the panel, who gets it, and the targets it holds components against."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from statuspage.clock import utcnow
from statuspage.components import find
from statuspage.db import db
from statuspage.models import Component, Page, StaffUser
from statuspage.vocabulary import StaffRole

from .desk import Desk


class TestPreview:
    def test_the_last_month_is_shown_with_its_text(self, lead: Desk, page: Page) -> None:
        shown = lead.get("/admin/analytics/report")
        month = utcnow().replace(day=1)

        assert shown.status_code == 200
        assert "As text" in shown.text
        assert "frame-src 'self'" in shown.headers["Content-Security-Policy"]
        assert f"month={month:%Y-%m}" not in shown.text

    def test_the_mail_itself_can_do_nothing(self, lead: Desk) -> None:
        mail = lead.get("/admin/analytics/report/mail?month=2026-03")

        assert "March 2026 in figures" in mail.text
        assert "sandbox" in mail.headers["Content-Security-Policy"]

    @pytest.mark.parametrize("month", ["2999-01", "1999-01", "x", "2026-13"])
    def test_a_month_without_a_report_is_refused_in_a_sentence(self, lead: Desk, month: str) -> None:
        answer = lead.get(f"/admin/analytics/report?month={month}")

        assert answer.status_code == 422
        assert "There is no such report." in answer.text
        assert lead.get(f"/admin/analytics/report/mail?month={month}").status_code == 422

    def test_a_page_of_this_month_says_when_the_first_one_comes(self, lead: Desk, page: Page) -> None:
        page.created_at = utcnow()
        db.session.commit()

        assert "No month is over yet" in lead.get("/admin/analytics/report").text

    def test_strangers_see_none(self, client: FlaskClient) -> None:
        paths = ("/admin/analytics/report", "/admin/analytics/report/mail?month=2026-03")
        assert [client.get(path).status_code for path in paths] == [303, 303]


class TestChoice:
    def test_whoever_asks_gets_it_and_may_stop_it(self, at_desk: Callable[..., Desk]) -> None:
        desk = at_desk(StaffRole.VIEWER)
        desk.post("/admin/account/report", report="yes")
        assert "checked" in desk.get("/admin/account").text
        assert db.session.get_one(StaffUser, desk.user.id).wants_report

        desk.post("/admin/account/report")
        db.session.expire_all()
        assert not db.session.get_one(StaffUser, desk.user.id).wants_report


class TestTarget:
    def save(self, desk: Desk, component: Component, target: str) -> int:
        path = f"/admin/components/{component.public_id}"
        return desk.post(path, name=component.name, audience="public", target=target).status_code

    @pytest.mark.parametrize(
        ("typed", "kept"), [("99.9", 99.9), ("99,95", 99.95), (" 99 % ", 99.0), ("50%", 50.0), ("99.999", 99.999)]
    )
    def test_a_target_is_kept_as_it_was_typed(
        self, lead: Desk, api: Component, page: Page, typed: str, kept: float
    ) -> None:
        assert self.save(lead, api, typed) == 303
        db.session.expire_all()
        assert find(page, api.public_id).uptime_target == kept
        assert f'value="{kept:g}"' in lead.get(f"/admin/components/{api.public_id}").text

    @pytest.mark.parametrize(
        "typed", ["100", "100.0", "101", "0", "-1", "nan", "1e2", "99.9999", "much", "٩٩", "9" * 400]
    )
    def test_what_cannot_be_a_target_changes_nothing(self, lead: Desk, api: Component, page: Page, typed: str) -> None:
        assert self.save(lead, api, "99.5") == 303
        assert self.save(lead, api, typed) == 422
        db.session.expire_all()
        assert find(page, api.public_id).uptime_target == 99.5

    def test_an_empty_field_takes_it_away(self, lead: Desk, api: Component, page: Page) -> None:
        self.save(lead, api, "99.5")
        self.save(lead, api, "")
        db.session.expire_all()

        assert find(page, api.public_id).uptime_target is None
