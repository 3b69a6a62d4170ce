"""The same in brackets: what old clients and `curl -d` send."""

import pytest

from statuspage.db import db
from statuspage.models import Incident


def test_incident_in_brackets(robot, api, web):
    answer = robot.ask("POST", "/incidents.json", data={
        "incident[name]": "Payments fail",
        "incident[component_ids][]": [api.public_id, web.public_id],
        f"incident[components][{api.public_id}]": "major_outage",
        "incident[deliver_notifications]": "false",
        "incident[wants_twitter_update]": "f",
        "incident[impact_override]": "",
        "incident[metadata][jira][id]": "A-1",
    })  # fmt: skip

    assert answer.status_code == 201, answer.text
    assert {row["name"]: row["status"] for row in answer.json["components"]} == {
        "API": "major_outage", "Website": "operational"
    }  # fmt: skip
    assert answer.json["metadata"] == {"jira": {"id": "A-1"}}
    assert answer.json["incident_updates"][0]["deliver_notifications"] is False


@pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded", "application/json; charset=utf-8",
                                  "application/vnd.api+json"])  # fmt: skip
def test_json_is_known_by_its_brace(robot, kind):
    assert robot.raw("POST", "/incidents", ' {"incident": {"name": "x"}}', kind).status_code == 201


def test_form_in_parts_is_read_too(robot):
    answer = robot.ask("POST", "/incidents", data={"incident[name]": "x"}, content_type="multipart/form-data")

    assert answer.status_code == 201


@pytest.mark.parametrize(("typed", "is_told"), [("true", True), ("1", True), ("t", True), ("0", False), ("off", False)])
def test_yes_and_no_in_a_form(robot, typed, is_told):
    robot.ask("POST", "/incidents", data={"incident[name]": "x", "incident[deliver_notifications]": typed})

    assert db.session.query(Incident).one().updates[0].is_notified is is_told


def test_group_is_left_by_an_empty_field_and_by_the_word_null(robot, api):
    for empty in ("", "null"):
        group = robot.get("/component-groups")[0]["id"] if robot.get("/component-groups") else None
        robot.ask("PATCH", f"/components/{api.public_id}", data={"component[group_id]": group or ""})
        left = robot.ask("PATCH", f"/components/{api.public_id}", data={"component[group_id]": empty})

        assert left.json["group_id"] is None


def test_wrong_word_in_a_form_is_named(robot):
    answer = robot.ask("POST", "/incidents", data={"incident[name]": "x", "incident[status]": "broken"})

    assert (answer.status_code, list(answer.json["errors"])) == (422, ["incident.status"])
