"""`candor analytics`."""

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
