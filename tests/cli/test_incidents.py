"""`candor incident`: the same verbs as the panel."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from .conftest import Shell

OPEN = ("incident", "open", "--title", "Payments fail", "--severity", "sev2", "--body", "We are looking into it.")


@pytest.fixture
def incident(candor: Shell) -> str:
    """The id of an open incident that has taken the API down."""
    candor.says("component", "add", "API")
    candor.says("component", "add", "Website")
    return candor.says(*OPEN, "--status", "investigating", "--component", "API=major_outage")


def _show(candor: Shell, incident_id: str) -> Any:
    return candor.tells("incident", "show", incident_id)


def _instant(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def test_an_incident_is_opened_and_its_id_printed_alone(candor: Shell, incident: str) -> None:
    shown = _show(candor, incident)

    assert (shown["id"], shown["title"], shown["status"], shown["severity"]) == (
        incident,
        "Payments fail",
        "investigating",
        "sev2",
    )
    assert [(each["name"], each["status"]) for each in shown["components"]] == [("API", "major_outage")]
    assert shown["impact"] == "critical"
    assert shown["url"] == f"http://127.0.0.1:8000/incidents/{incident}"


def test_an_incident_promises_its_next_update_by_policy(candor: Shell, incident: str) -> None:
    shown = _show(candor, incident)

    promised = _instant(shown["next_update_due_at"]) - _instant(shown["started_at"])
    assert promised == timedelta(hours=1)


def test_the_type_the_roles_and_the_promise_may_be_given(candor: Shell) -> None:
    for email in ("mara@example.com", "jonas@example.com"):
        candor.says("user", "add", "--email", email, "--role", "responder")

    incident_id = candor.says(
        *(*OPEN, "--type", "third-party", "--next-update", "20m"),
        *("--role", "comms-lead=mara@example.com", "--role", "incident_commander=jonas@example.com"),
    )

    shown = _show(candor, incident_id)
    assert shown["type"] == "third_party"
    assert [(each["role"], each["email"]) for each in shown["roles"]] == [
        ("communications_lead", "mara@example.com"),
        ("incident_commander", "jonas@example.com"),
    ]
    assert _instant(shown["next_update_due_at"]) - _instant(shown["started_at"]) == timedelta(minutes=20)


def test_no_promise_needs_a_reason(candor: Shell) -> None:
    without = candor.refuses(*OPEN, "--no-promise", " ")
    incident_id = candor.says(*OPEN, "--no-promise", "The provider works through the night")

    shown = _show(candor, incident_id)
    assert without.startswith("--no-promise: ")
    assert (shown["next_update_due_at"], shown["no_promise_reason"]) == (None, "The provider works through the night")


def test_a_promise_and_none_at_once_is_wrong_usage(candor: Shell) -> None:
    assert candor(*OPEN, "--next-update", "20m", "--no-promise", "why").exit_code == 2


def test_the_words_may_come_from_a_pipe(candor: Shell, incident: str) -> None:
    candor.says("incident", "update", incident, "--body", "-", typed="One line.\n\nAnother *line*.\n")

    assert _show(candor, incident)["updates"][-1]["body"] == "One line.\n\nAnother *line*."


def test_without_a_status_it_is_the_same_status_with_new_words(candor: Shell, incident: str) -> None:
    candor.says("incident", "update", incident, "--status", "identified", "--body", "It is the database.")

    update_id = candor.says("incident", "update", incident, "--body", "It is still the database.")

    last = _show(candor, incident)["updates"][-1]
    assert (last["id"], last["sequence"], last["status"]) == (update_id, 3, "identified")


def test_a_new_update_settles_the_promise(candor: Shell, incident: str) -> None:
    candor.says("incident", "update", incident, "--body", "It is the database.")

    assert [each["promise_outcome"] for each in _show(candor, incident)["updates"]] == ["kept", None]


def test_resolving_leaves_the_components_and_says_so(candor: Shell, incident: str) -> None:
    result = candor("incident", "update", incident, "--status", "resolved", "--body", "It is over.")

    assert result.exit_code == 0
    assert result.stderr == "Still not operational: API (major outage).\n"
    assert _show(candor, incident)["components"][0]["status"] == "major_outage"


def test_resolving_with_its_components_is_silent(candor: Shell, incident: str) -> None:
    green = ("--component", "API=operational")
    result = candor("incident", "update", incident, "--status", "resolved", "--body", "It is over.", *green)

    shown = _show(candor, incident)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (shown["status"], shown["next_update_due_at"]) == ("resolved", None)
    assert _instant(shown["resolved_at"]) >= _instant(shown["started_at"])


def test_a_resolved_incident_is_updated_only_after_reopening(candor: Shell, incident: str) -> None:
    candor.says("incident", "update", incident, "--status", "resolved", "--body", "It is over.")

    refused = candor.refuses("incident", "update", incident, "--body", "Not quite.")
    candor.says("incident", "reopen", incident, "--body", "It is back.")

    assert "Reopen" in refused
    assert _show(candor, incident)["status"] == "investigating"


def test_the_same_key_opens_one_incident(candor: Shell) -> None:
    first = candor.says(*OPEN, "--key", "deploy-42")
    second = candor.says(*OPEN, "--key", "deploy-42")

    assert first == second
    assert len(candor.tells("incident", "list")) == 1


def test_an_internal_incident_is_nobody_elses_business(candor: Shell) -> None:
    incident_id = candor.says(*OPEN, "--internal")

    shown = _show(candor, incident_id)
    assert (shown["audience"], shown["updates"][0]["announcement"]) == ("internal", None)


def test_the_ledger_of_an_update_adds_up(candor: Shell, inside: Callable[[], Flask]) -> None:
    candor.says("subscriber", "add", "--email", "ada@example.com")
    candor.says("subscriber", "add", "--phone", "+12025550143")
    incident_id = candor.says(*OPEN)

    from statuspage.delivery.dispatcher import Dispatcher

    Dispatcher(inside().extensions["candor.channels"]).run_until_idle()

    announcement = _show(candor, incident_id)["updates"][0]["announcement"]
    assert (announcement["is_expanded"], announcement["owed"], announcement["states"]) == (True, 2, {"captured": 2})


def test_an_update_may_be_said_without_telling_anyone(candor: Shell) -> None:
    incident_id = candor.says(*OPEN, "--no-notify")

    assert _show(candor, incident_id)["updates"][0]["announcement"] is None


def test_reminders_are_shown_with_whom_they_reached(candor: Shell, inside: Callable[[], Flask]) -> None:
    candor.says("user", "add", "--email", "mara@example.com", "--role", "comms-lead", "--phone", "+12025550143")
    candor.says("policy", "set", "--severity", "sev2", "--interval", "1h", "--lead", "1h")
    incident_id = candor.says(*OPEN)

    from statuspage.cadence import reminders
    from statuspage.clock import utcnow

    inside()
    reminders.remind_due(utcnow())

    reminder = _show(candor, incident_id)["reminders"][0]
    assert (reminder["step"], reminder["role"], reminder["to"]) == (
        "due_soon",
        "communications_lead",
        "mara@example.com",
    )
    assert reminder["deliveries"] == {"email": "pending", "sms": "pending"}


def test_open_incidents_can_be_listed_alone(candor: Shell, incident: str) -> None:
    other = candor.says(*OPEN[:3], "Search is slow", *OPEN[4:])
    candor.says("incident", "update", incident, "--status", "resolved", "--body", "It is over.")

    assert [each["id"] for each in candor.tells("incident", "list")] == [other, incident]
    assert [each["id"] for each in candor.tells("incident", "list", "--open")] == [other]


def test_an_incident_can_be_read_by_people(candor: Shell, incident: str) -> None:
    said = candor.says("incident", "show", incident)

    assert said.splitlines()[:2] == ["Payments fail", "investigating · sev2 · degradation · impact critical · public"]
    assert said.endswith("We are looking into it.")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*OPEN[:7], " "), "--body: "),
        ((*OPEN, "--component", "Shop=major_outage"), "“Shop”"),
        ((*OPEN, "--role", "commander=nobody@example.com"), "nobody@example.com"),
        ((*OPEN, "--next-update", "200h"), "--next-update: "),
        (("incident", "show", "abcdefghijkl"), "no such incident"),
        (("incident", "update", "abcdefghijkl", "--body", "Hello."), "no such incident"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(candor: Shell, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in candor.refuses(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("--component", "API"),
        ("--component", "API=broken"),
        ("--status", "finished"),
        ("--severity", "sev9"),
        ("--role", "king=mara@example.com"),
    ],
)
def test_words_outside_the_vocabulary_are_wrong_usage(candor: Shell, words: tuple[str, ...]) -> None:
    assert candor(*OPEN, *words).exit_code == 2


def test_a_promise_is_moved_and_then_withdrawn(candor: Shell, incident: str) -> None:
    verb = ("incident", "promise", incident)
    moved = candor.says(*verb, "--next-update", "45m", "--because", "The vendor needs longer.")
    candor.says(*verb, "--because", "The vendor has it.")

    promises = _show(candor, incident)["promises"]
    assert [(each["outcome"], each["reason"]) for each in promises] == [
        ("replaced", "The vendor needs longer."),
        ("withdrawn", "The vendor has it."),
    ]
    assert promises[1]["due_at"] == moved.strip()
    assert candor.refuses(*verb, "--because", "Again.").startswith("No next update is promised")
