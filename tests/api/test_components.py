import json

import pytest

from statuspage import components as verbs
from statuspage.api.answers import Component, GroupComponent, Page as PageAnswer
from statuspage.db import db
from statuspage.models import Announcement
from statuspage.vocabulary import Audience, ComponentStatus, Scope
from tests.conftest import BY, NOON
from tests.statuspage.fakes import acts


def test_component_is_made_read_changed_and_removed(robot, client):
    made = robot.send("POST", "/components", {"component": {"name": "Queue", "description": "Jobs", "showcase": False,
                                                            "start_date": "2024-05-06"}})  # fmt: skip
    public_id = made.json["id"]

    assert (made.status_code, made.json["status"], made.json["start_date"]) == (201, "operational", "2024-05-06")
    assert Component.model_validate(robot.get(f"/components/{public_id}.json"))
    changed = robot.send("PUT", f"/components/{public_id}", {"component": {"name": "Jobs", "status": "partial_outage"}})
    assert (changed.status_code, changed.json["name"], changed.json["status"]) == (200, "Jobs", "partial_outage")
    assert changed.json["description"] == "Jobs"
    assert "Jobs" in client.get("/").text
    gone = robot.ask("DELETE", f"/components/{public_id}")
    assert (gone.status_code, gone.data, "Content-Type" in gone.headers) == (204, b"", False)
    assert robot.ask("GET", f"/components/{public_id}").status_code == 404
    assert "Jobs" not in client.get("/").text


def test_name_is_free_again_once_its_component_is_gone(robot, api):
    taken = robot.send("POST", "/components", {"component": {"name": "API"}})
    robot.ask("DELETE", f"/components/{api.public_id}")
    free = robot.send("POST", "/components", {"component": {"name": "API"}})

    assert (taken.status_code, free.status_code) == (409, 201)


def test_state_changes_without_telling_anybody(robot, api):
    robot.send("PATCH", f"/components/{api.public_id}", {"component": {"status": "major_outage"}})

    assert acts().count("component.set_status") == 1
    assert db.session.query(Announcement).count() == 0


def test_empty_status_leaves_the_state_alone(robot, api):
    verbs.set_status(api, ComponentStatus.MAJOR_OUTAGE, BY, NOON)
    answer = robot.send("PATCH", f"/components/{api.public_id}", {"component": {"status": ""}})

    assert answer.json["status"] == "major_outage"


@pytest.mark.parametrize(
    ("scope", "change", "code"),
    [
        (Scope.READ, {}, 403),
        (Scope.READ, {"status": "major_outage"}, 403),
        (Scope.SUBSCRIBERS, {"name": "B"}, 403),
        (Scope.PUBLISH, {"status": "major_outage"}, 200),
        (Scope.PUBLISH, {"name": "B"}, 403),
        (Scope.PUBLISH, {"name": "API", "status": "major_outage"}, 200),
        (Scope.CONFIG, {"name": "B"}, 200),
        (Scope.CONFIG, {"name": "B", "status": "operational"}, 200),
        (Scope.CONFIG, {"status": "major_outage"}, 403),
    ],
)
def test_state_takes_one_scope_and_facts_another(program, api, scope, change, code):
    assert program(scope).send("PATCH", f"/components/{api.public_id}", {"component": change}).status_code == code


def test_list_holds_groups_and_components_in_the_order_of_the_page(robot, api, web):
    rows = robot.get("/components")

    assert [(row["name"], row["group"]) for row in rows] == [("Platform", True), ("API", False), ("Website", False)]
    assert all(Component.model_validate(row) for row in rows)
    assert robot.get("/components", per_page=2, page=2) == rows[2:]
    assert robot.get("/components", page=9) == []
    assert robot.get(f"/components/{rows[0]['id']}") == rows[0]


def test_what_is_kept_inside_is_not_there(robot, api):
    inside = verbs.add(api.page, "Secret", BY, NOON, group="Vault", audience=Audience.INTERNAL)

    assert [row["name"] for row in robot.get("/components")] == ["Platform", "API"]
    assert [row["name"] for row in robot.get("/component-groups")] == ["Platform"]
    assert robot.ask("GET", f"/components/{inside.public_id}").status_code == 404
    assert robot.ask("GET", f"/component-groups/{inside.group.public_id}").status_code == 404
    assert robot.send("PATCH", f"/components/{inside.public_id}", {"component": {"name": "x"}}).status_code == 404


def test_component_of_an_open_incident_stays(robot, api, open_incident):
    open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    answer = robot.ask("DELETE", f"/components/{api.public_id}")

    assert (answer.status_code, "Payments fail" in answer.json["message"]) == (409, True)


def test_component_that_shows_only_when_degraded(robot, api, client):
    robot.send("PATCH", f"/components/{api.public_id}", {"component": {"only_show_if_degraded": True}})
    quiet = client.get("/").text
    robot.send("PATCH", f"/components/{api.public_id}", {"component": {"status": "degraded_performance"}})

    assert ("API" in quiet, "API" in client.get("/").text) == (False, True)
    assert "API" in client.get("/subscribe").text


def test_group_is_made_read_changed_and_removed(robot, api, web):
    made = robot.send("POST", "/component-groups", {"component_group": {"name": "Edge", "components": [web.public_id],
                                                                        "description": "inside"}})  # fmt: skip
    group = made.json

    assert (made.status_code, group["components"], group["description"]) == (201, [web.public_id], "inside")
    assert GroupComponent.model_validate(group)
    both = {"component_group": {"components": [api.public_id, web.public_id]}, "description": "beside"}
    changed = robot.send("PATCH", f"/component-groups/{group['id']}", both)
    assert (changed.status_code, set(changed.json["components"])) == (200, {api.public_id, web.public_id})
    assert (changed.json["name"], changed.json["description"]) == ("Edge", "beside")
    gone = robot.ask("DELETE", f"/component-groups/{group['id']}")
    assert (gone.status_code, gone.json["id"]) == (200, group["id"])
    assert robot.ask("GET", f"/component-groups/{group['id']}").status_code == 404
    assert robot.get(f"/components/{api.public_id}")["group_id"] is None
    assert [act for act in acts() if act.startswith("component_group")] == [
        "component_group.add", "component_group.edit", "component_group.remove"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("group", "field"),
    [
        ({"name": "Edge", "components": []}, "components"),
        ({"name": "Edge"}, "components"),
        ({"name": "Edge", "components": ["aaaaaaaaaaaa"]}, "components"),
        ({"components": "x"}, "name"),
    ],
)
def test_group_needs_a_name_and_components(robot, group, field):
    answer = robot.send("POST", "/component-groups", {"component_group": group})

    assert answer.status_code == 422
    assert f"component_group.{field}" in answer.json["errors"]


def test_group_that_is_not_of_this_page_is_named(robot, api):
    answer = robot.send("PATCH", f"/components/{api.public_id}", {"component": {"group_id": "aaaaaaaaaaaa"}})

    assert (answer.status_code, list(answer.json["errors"])) == (422, ["component.group_id"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/components", {"component": {"name": "Queue"}}),
        ("/component-groups", {"component_group": {"name": "Edge", "components": ["the API"]}}),
    ],
)
def test_repeated_request_makes_one(robot, api, path, body):
    text = json.dumps(body).replace("the API", api.public_id)
    first, second = (robot.send("POST", path, json.loads(text), Idempotency_Key="k") for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["id"] == second.json["id"]


def test_page_is_read_and_changed(robot, page, client):
    shown = robot.get("/v1/pages")[0]
    body = {
        "page": {
            "name": "Acme",
            "time_zone": "Europe/Vienna",
            "css_greens": "00ff00",
            "notifications_email_footer": "Bye",
        }
    }
    changed = robot.send("PATCH", "", body)

    assert PageAnswer.model_validate(shown)
    assert (changed.status_code, changed.json["name"], changed.json["time_zone"]) == (200, "Acme", "Europe/Vienna")
    assert (changed.json["css_greens"], changed.json["notifications_email_footer"]) == (None, "Bye")
    assert "Acme" in client.get("/").text
    assert acts().count("page.edit") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Base"},
        {"viewers_must_be_team_members": True},
        {"support_url": "javascript:alert(1)"},
        {"hidden_from_search": True},
    ],
)
def test_what_would_be_dangerous_to_believe_is_refused(robot, wrong):
    answer = robot.send("PATCH", "", {"page": wrong})

    assert (answer.status_code, list(answer.json["errors"])) == (422, [f"page.{next(iter(wrong))}"])
