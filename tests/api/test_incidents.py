from datetime import UTC, datetime, timedelta

import pytest

from statuspage import publishing
from statuspage.api.answers import Incident as IncidentAnswer
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import Announcement, Incident
from statuspage.vocabulary import Audience, ComponentStatus, Impact, IncidentStatus, IncidentType, Scope, Severity
from tests.conftest import BY, NOON
from tests.statuspage.fakes import acts, ledger, said

DOWN, OK = "major_outage", "operational"


def make(robot, **incident):
    answer = robot.send("POST", "/incidents", {"incident": {"name": "Payments fail", **incident}})
    assert answer.status_code == 201, answer.text
    return answer.json


def change(robot, made, **incident):
    return robot.send("PATCH", f"/incidents/{made['id']}", {"incident": incident})


def test_incident_is_opened_said_and_owed(robot, api, client):
    made = make(robot, body="We are looking.", components={api.public_id: DOWN})
    incident = db.session.query(Incident).one()

    assert (made["status"], made["impact"], made["components"][0]["status"]) == ("investigating", "critical", DOWN)
    assert made["incident_updates"][0]["affected_components"] == [
        {"code": api.public_id, "name": "Platform - API", "old_status": OK, "new_status": DOWN}
    ]
    assert (incident.type, incident.severity) == (IncidentType.DEGRADATION, Severity.SEV3)
    assert db.session.query(Announcement).one().held_until is None
    assert "We are looking." in client.get(f"/incidents/{made['id']}").text
    assert IncidentAnswer.model_validate(made)


def test_story_is_told_by_patching(robot, api):
    made = make(robot, components={api.public_id: DOWN})
    change(robot, made, status="identified", body="A full disk.")
    change(robot, made, status="monitoring", body="It is emptied.", components={api.public_id: OK})
    last = change(robot, made, status="resolved").json

    assert [each["status"] for each in last["incident_updates"]] == [
        "resolved", "monitoring", "identified", "investigating"
    ]  # fmt: skip
    assert last["incident_updates"][0]["body"] == "This incident has been resolved."
    assert (last["impact"], last["monitoring_at"] is None, last["resolved_at"] is None) == ("critical", False, False)


def test_put_means_the_same_as_patch(robot, api):
    made = make(robot)
    answer = robot.send("PUT", f"/incidents/{made['id']}.json", {"incident": {"status": "resolved"}})

    assert (answer.status_code, answer.json["status"]) == (200, "resolved")


def test_resolving_leaves_components_that_are_not_named(robot, api):
    made = make(robot, components={api.public_id: DOWN})

    assert change(robot, made, status="resolved").status_code == 200
    assert robot.get(f"/components/{api.public_id}")["status"] == DOWN


def test_facts_change_without_saying_anything(robot, api):
    made = make(robot, components={api.public_id: "degraded_performance"})
    after = change(robot, made, name="Cards fail", impact_override="major", metadata={"jira": {"id": "A-1"}},
                   reminder_intervals="[1, 5]", status="investigating").json  # fmt: skip

    assert (after["name"], after["impact"], after["impact_override"]) == ("Cards fail", "major", "major")
    assert (after["metadata"], after["reminder_intervals"]) == ({"jira": {"id": "A-1"}}, "[1, 5]")
    assert len(after["incident_updates"]) == 1
    assert acts().count("incident.edit") == 1


def test_override_that_is_taken_back_gives_way_to_the_components(robot, api):
    made = make(robot, components={api.public_id: "degraded_performance"}, impact_override="critical")
    after = change(robot, made, impact_override=None).json

    assert (after["impact"], after["impact_override"]) == ("minor", None)


def test_components_may_be_named_in_three_ways(robot, api, web):
    made = make(robot, component_ids=[api.public_id], components={web.public_id: ""})
    listed = make(robot, name="Another", components=[api.public_id, web.public_id])

    for each in (made, listed):
        assert {row["id"] for row in each["components"]} == {api.public_id, web.public_id}
        assert {row["status"] for row in each["components"]} == {OK}


def test_state_alone_makes_an_update(robot, api):
    made = make(robot, component_ids=[api.public_id])
    after = change(robot, made, components={api.public_id: DOWN}).json

    assert len(after["incident_updates"]) == 2
    assert after["incident_updates"][0]["body"] == "The state of the components concerned has changed."


def test_nobody_is_told_unless_wanted(robot):
    made = make(robot, deliver_notifications=False)

    assert made["incident_updates"][0]["deliver_notifications"] is False
    assert db.session.query(Announcement).count() == 0


def test_old_name_of_the_body_is_understood(robot):
    assert make(robot, message="From an old client.")["incident_updates"][0]["body"] == "From an old client."


def test_resolved_incident_is_reopened_by_another_status(robot):
    made = make(robot, status="resolved")
    refused = change(robot, made, body="One more thing.")
    after = change(robot, made, status="investigating", body="It is back.")

    assert (refused.status_code, after.json["status"], after.json["resolved_at"]) == (409, "investigating", None)


def test_refused_statement_leaves_the_facts_alone(robot):
    made = make(robot, status="resolved")
    change(robot, made, name="Another name", body="One more thing.")

    assert robot.get(f"/incidents/{made['id']}")["name"] == "Payments fail"


def test_history_is_written_down_without_telling(robot, client):
    made = make(robot, backfilled=True, backfill_date="2025-02-03T04:05:06Z", body="It was down for an hour.")

    assert (made["status"], made["started_at"], made["resolved_at"]) == (
        "resolved", "2025-02-03T04:05:06.000Z", "2025-02-03T04:05:06.000Z"
    )  # fmt: skip
    assert db.session.query(Announcement).count() == 0
    assert "Payments fail" in client.get("/history?month=2025-02").text


@pytest.mark.parametrize("wrong", [{"components": {"api": DOWN}}, {"backfill_date": "2999-01-01"}])
def test_history_lies_in_the_past_and_moves_nothing(robot, api, wrong):
    if "components" in wrong:
        wrong = {"components": {api.public_id: DOWN}}
    body = {"name": "x", "backfilled": True, "backfill_date": "2025-02-03", **wrong}

    assert robot.send("POST", "/incidents", {"incident": body}).status_code == 409


@pytest.mark.parametrize(
    "planned", [{"status": "scheduled"}, {"scheduled_for": "2030-01-01T00:00:00Z"}, {"scheduled_until": "2030-01-01"}]
)
def test_maintenance_is_refused_in_a_sentence(robot, stored, planned):
    before = stored()
    answer = robot.send("POST", "/incidents", {"incident": {"name": "Upgrade", **planned}})

    assert (answer.status_code, list(answer.json["errors"])) == (422, [f"incident.{next(iter(planned))}"])
    assert "cannot be scheduled here yet" in answer.json["message"]
    assert stored() == before


def test_deleted_incident_is_gone_in_public_and_stays_on_record(robot, api, client, page):
    made = make(robot, body="zebrafish", components={api.public_id: DOWN})
    answer = robot.ask("DELETE", f"/incidents/{made['id']}")
    incident = db.session.query(Incident).one()

    assert (answer.status_code, answer.json["id"]) == (200, made["id"])
    for path in ("/", "/history", "/history.atom", "/history.rss", "/api/v2/summary.json", "/api/v2/incidents.json"):
        assert made["id"] not in client.get(path).text
    assert client.get(f"/incidents/{made['id']}").status_code == 404
    assert robot.ask("GET", f"/incidents/{made['id']}").status_code == 404
    assert robot.ask("DELETE", f"/incidents/{made['id']}").status_code == 404
    assert change(robot, made, status="resolved").status_code == 404
    assert (incident.updates[0].body, acts().count("incident.hide")) == ("zebrafish", 1)


def test_nobody_is_chased_for_what_was_deleted(robot, page):
    made = make(robot)
    robot.ask("DELETE", f"/incidents/{made['id']}")
    incident = db.session.query(Incident).one()

    assert incident.next_update_due_at is None
    assert incident.updates[0].promise.outcome == "withdrawn"


def test_nobody_else_is_told_of_what_was_deleted(robot, subscribe, dispatch):
    subscribe("reader@example.com")
    made = make(robot)
    robot.ask("DELETE", f"/incidents/{made['id']}")
    dispatch(utcnow())

    assert [row.state for row in ledger() if row.state in ("sent", "captured")] == []


def test_hidden_incident_holds_no_component_and_can_be_shown_again(robot, api, client, page):
    made = make(robot, components={api.public_id: DOWN})
    robot.ask("DELETE", f"/incidents/{made['id']}")
    incident = publishing.find_incident(page, made["id"])
    publishing.show_again(incident, BY, NOON)

    assert client.get(f"/incidents/{made['id']}").status_code == 200
    publishing.hide(incident, BY, NOON)
    assert robot.ask("DELETE", f"/components/{api.public_id}").status_code == 204


def test_what_is_kept_inside_is_not_told(robot, open_incident, api):
    hidden = open_incident(title="Inside", audience=Audience.INTERNAL)
    shown = open_incident(title="Outside")
    publishing.post_update(shown, said(status=IncidentStatus.INVESTIGATING, body="zebrafish",
                                       audience=Audience.INTERNAL), BY, NOON + timedelta(hours=1))  # fmt: skip
    told = robot.get("/incidents")

    assert [each["id"] for each in told] == [shown.public_id]
    assert "zebrafish" not in str(told)
    assert told[0]["updated_at"] == "2026-03-02T12:00:00.000Z"
    assert robot.ask("GET", f"/incidents/{hidden.public_id}").status_code == 404
    assert change(robot, {"id": hidden.public_id}, status="resolved").status_code == 404


def test_lists_hold_what_their_names_say(robot, api):
    over, going = make(robot, status="resolved"), make(robot, name="Still going on")

    assert [each["id"] for each in robot.get("/incidents")] == [going["id"], over["id"]]
    assert [each["id"] for each in robot.get("/incidents/unresolved")] == [going["id"]]
    for name in ("scheduled", "upcoming", "active_maintenance"):
        assert robot.get(f"/incidents/{name}.json") == []


def test_incidents_are_searched_by_name_status_and_words(robot):
    over = make(robot, status="resolved", body="A 100% full disk")
    make(robot, name="Another")

    for words in ("payments", "RESOLVED", "0% full"):
        assert [each["id"] for each in robot.get("/incidents", q=words)] == [over["id"]]
    assert robot.get("/incidents", q="_ayments") == []


def test_lists_come_in_pages_counted_from_one(robot):
    made = [make(robot, name=f"Number {number}")["id"] for number in range(5)][::-1]

    assert [each["id"] for each in robot.get("/incidents", limit=2)] == made[:2]
    assert [each["id"] for each in robot.get("/incidents", limit=2, page=2)] == made[2:4]
    assert [each["id"] for each in robot.get("/incidents", limit=2, page=3)] == made[4:]
    assert robot.get("/incidents", limit=100, page=100_000_000) == []
    assert len(robot.get("/incidents", limit=5000)) == 5
    assert len(robot.get("/incidents/unresolved", per_page=2, page=3)) == 1


@pytest.mark.parametrize("query", [{"page": "x"}, {"page": -1}, {"limit": 0}, {"limit": "9" * 30}, {"q": "x" * 501}])
def test_nonsense_in_the_query_is_named(robot, query):
    answer = robot.ask("GET", "/incidents", query_string=query)

    assert (answer.status_code, list(answer.json["errors"])) == (400, list(query))


def test_unknown_query_parameters_mean_nothing(robot):
    assert robot.get("/incidents", page_id="x", id=7, foo="\x00") == []


def test_repeated_request_opens_one_incident(robot, program):
    body = {"incident": {"name": "Payments fail"}}
    first, second = (robot.send("POST", "/incidents", body, Idempotency_Key="k1") for _ in range(2))
    dotted = robot.send("POST", "/incidents.json", body, Idempotency_Key="k1")
    other = program(Scope.PUBLISH).send("POST", "/incidents", body | {"incident": {"name": "B"}}, Idempotency_Key="k1")

    assert first.json["id"] == second.json["id"] == dotted.json["id"] != other.json["id"]
    assert db.session.query(Incident).count() == 2


def test_repeated_change_is_said_once_and_its_key_belongs_to_one_incident(robot):
    one, two = make(robot), make(robot, name="Another")
    for made in (one, one, two):
        answer = robot.send("PATCH", f"/incidents/{made['id']}", {"incident": {"body": "News."}}, Idempotency_Key="k")

        assert (answer.status_code, len(answer.json["incident_updates"])) == (200, 2)


def test_same_words_twice_without_a_key_are_taken_for_a_second_click(robot):
    body = {"incident": {"name": "Payments fail", "body": "We are looking."}}
    codes = [robot.send("POST", "/incidents", body).status_code for _ in range(2)]

    assert codes == [201, 409]


def test_bad_idempotency_key_is_refused(robot):
    answer = robot.send("POST", "/incidents", {"incident": {"name": "x"}}, Idempotency_Key="x" * 256)

    assert answer.status_code == 400


def test_who_did_it_is_on_record(robot, page):
    make(robot)
    opened = db.session.execute(db.text("SELECT via FROM audit_entry WHERE act = 'incident.open'")).scalar_one()

    assert opened.startswith("API key ")


def test_limits_are_those_of_the_specification(robot):
    made = make(robot, name="n" * 255, body="b" * 25_000)
    answer = robot.send("POST", "/incidents", {"incident": {"name": "n" * 256, "body": "b" * 25_001}})

    assert len(made["name"]) == 255
    assert set(answer.json["errors"]) == {"incident.name", "incident.body"}


def test_documented_attributes_without_meaning_here_are_accepted(robot):
    flags = ("scheduled_remind_prior", "scheduled_auto_in_progress", "auto_tweet_on_creation",
             "auto_transition_to_operational_state", "scheduled_auto_transition")  # fmt: skip
    made = make(robot, **dict.fromkeys(flags, True), wants_twitter_update=True, unheard_of=[1])

    assert (made["scheduled_auto_in_progress"], made["auto_transition_to_operational_state"]) == (False, None)


def test_times_are_utc_with_milliseconds(robot, page):
    page.time_zone = "America/New_York"
    db.session.commit()
    made = make(robot)

    assert datetime.fromisoformat(made["created_at"]).tzinfo is UTC
    assert made["created_at"].endswith("Z")


def test_impact_override_wins_at_once(robot, api):
    made = make(robot, components={api.public_id: DOWN}, impact_override="none")

    assert (made["impact"], db.session.query(Incident).one().impact) == ("none", Impact.NONE)


def test_component_state_is_dated(robot, api):
    make(robot, components={api.public_id: DOWN})
    db.session.refresh(api)

    assert (api.status, api.status_changed_at > NOON) == (ComponentStatus.MAJOR_OUTAGE, True)
