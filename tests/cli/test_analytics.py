"""`candor analytics`."""

from datetime import timedelta
from pathlib import Path

from statuspage import pages
from statuspage.clock import utcnow
from statuspage.db import db

from .conftest import Shell


def test_an_empty_installation_has_nothing_to_say(candor: Shell) -> None:
    assert candor.says("analytics") == "Nothing yet: no incident began in this period."


def test_figures_for_people_and_for_programs(candor: Shell) -> None:
    opened = candor.says(
        "incident", "open", "--title", "Down", "--severity", "sev1", "--body", "We look.", "--next-update", "1h"
    )
    candor.says("incident", "update", opened, "--status", "resolved", "--body", "Over.")

    lines = candor.says("analytics").splitlines()

    assert lines[0].startswith("Incidents: 1 (")
    assert lines[1] == "Promises kept: 1 of 1 that fell due, 0 overdue now"
    assert "Time to acknowledge: not recorded" in candor.says("analytics", "--period", "all")
    assert candor.tells("analytics", "--period", "30")["promises"]["all"]["share"] == 1
    assert "promises.all,,kept,1," in candor.says("analytics", "--csv").splitlines()


def test_a_period_that_is_none_is_wrong_usage(candor: Shell) -> None:
    assert candor("analytics", "--period", "7").exit_code == 2


def test_the_report_of_a_month_is_what_the_mail_says(candor: Shell, tmp_path: Path) -> None:
    candor.says("component", "add", "API", "--target", "99.9")
    last = utcnow().replace(day=1) - timedelta(days=1)
    with candor.app().app_context():
        page = pages.first()
        page.created_at = utcnow() - timedelta(days=100)
        db.session.commit()
    text = candor.says("analytics", "report")
    file = tmp_path / "report.html"
    candor.says("analytics", "report", "--month", f"{last:%Y-%m}", "--html", str(file))

    assert f"No incident began in {last:%B %Y}." in text
    assert f"No incident began in {last:%B %Y}." in file.read_text()
    assert "@media print" in file.read_text()


def test_a_month_that_is_not_over_is_refused(candor: Shell) -> None:
    refused = candor("analytics", "report", "--month", f"{utcnow():%Y-%m}")

    assert refused.exit_code == 1
    assert "is not over" in refused.stderr
    assert candor("analytics", "report", "--month", "x").stderr == "--month: Write the month like 2026-10.\n"


def test_a_target_is_set_and_taken_away(candor: Shell) -> None:
    candor.says("component", "add", "API")
    candor.says("component", "target", "api", "99.95")
    assert candor.tells("component", "list")[0]["uptime_target"] == 99.95
    assert candor.tells("analytics")["uptime"]["components"][0]["target_percent"] == 99.95

    candor.says("component", "target", "api")
    assert candor.tells("component", "list")[0]["uptime_target"] is None
    assert candor("component", "target", "api", "100").exit_code == 1
