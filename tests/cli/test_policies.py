"""`candor policy`."""

from .conftest import Shell


def _of(candor: Shell, severity: str) -> dict[str, object]:
    policies = {policy["severity"]: policy for policy in reversed(candor.tells("policy", "list"))}
    found: dict[str, object] = policies[severity]
    return found


def test_a_policy_is_set_in_seconds(candor: Shell) -> None:
    candor.says("policy", "set", "--severity", "sev1", "--first", "10s", "--interval", "20s", "--lead", "5s")

    assert _of(candor, "sev1").items() >= {"severity": "sev1", "first": 10, "interval": 20, "lead": 5}.items()


def test_a_span_that_is_left_out_stays(candor: Shell) -> None:
    candor.says("policy", "set", "--severity", "sev2", "--interval", "1h30m")

    assert _of(candor, "sev2").items() >= {"severity": "sev2", "first": 1800, "interval": 5400, "lead": 600}.items()


def test_a_type_of_incident_may_have_its_own(candor: Shell) -> None:
    candor.says("policy", "set", "--severity", "sev2", "--type", "security", "--interval", "45m")

    own = next(policy for policy in candor.tells("policy", "list") if policy["type"] == "security")
    assert (own["severity"], own["first"], own["interval"]) == ("sev2", 1800, 2700)


def test_a_reminder_before_the_last_update_makes_no_sense(candor: Shell) -> None:
    assert candor.refuses("policy", "set", "--severity", "sev1", "--lead", "2h").startswith("--lead: ")


def test_a_span_that_cannot_be_read_is_wrong_usage(candor: Shell) -> None:
    assert candor("policy", "set", "--severity", "sev1", "--lead", "soon").exit_code == 2


def test_nothing_to_set_is_wrong_usage(candor: Shell) -> None:
    assert candor("policy", "set", "--severity", "sev1").exit_code == 2


def test_the_list_is_for_people_too(candor: Shell) -> None:
    assert candor.says("policy", "list").splitlines()[0] == "sev1  first 15m  interval 30m  lead 5m"
