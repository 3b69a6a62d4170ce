"""The public documents: key by key like the vendor's own."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from statuspage import components, publishing, subscriptions
from statuspage.api import answers, v2
from statuspage.db import db
from statuspage.models import Announcement, Subscriber
from statuspage.vocabulary import Audience, ComponentStatus, Impact, IncidentStatus, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

DOWN, OK = ComponentStatus.MAJOR_OUTAGE, ComponentStatus.OPERATIONAL
CAPTURES = Path(__file__).parents[3] / "shared/data"
PAGE_KEYS = ["id", "name", "url", "time_zone", "updated_at"]
COMPONENT_KEYS = ["id", "name", "status", "created_at", "updated_at", "position", "description", "showcase",
                  "start_date", "group_id", "page_id", "group", "only_show_if_degraded"]  # fmt: skip
INCIDENT_KEYS = ["id", "name", "status", "created_at", "updated_at", "monitoring_at", "resolved_at", "impact",
                 "shortlink", "started_at", "page_id", "incident_updates", "components",
                 "reminder_intervals"]  # fmt: skip
UPDATE_KEYS = ["id", "status", "body", "incident_id", "created_at", "updated_at", "display_at", "affected_components",
               "deliver_notifications", "custom_tweet", "tweet_id"]  # fmt: skip


@pytest.fixture
def read(client):
    """Reads a public document."""

    def document(name: str) -> Any:
        answer = client.get(f"/api/v2/{name}")
        assert answer.status_code == 200, answer.text
        return json.loads(answer.data)

    return document


@pytest.fixture
def story(page, api, web, open_incident):
    """An incident that is over, and one that is going on."""
    over = open_incident(title="It was down", components={api: DOWN})
    end = said(status=IncidentStatus.RESOLVED, body="All good.", components={api: OK})
    publishing.post_update(over, end, BY, NOON + timedelta(hours=1))
    return over, open_incident(title="It is slow", components={web: ComponentStatus.DEGRADED_PERFORMANCE})


def test_every_document_has_its_shape(read, story):
    for document in v2.DOCUMENTS:
        found = read(document.path)

        document.answer.model_validate(found)
        assert list(found["page"]) == PAGE_KEYS


def test_keys_are_the_vendors_in_the_vendors_order(read, story):
    summary = read("summary.json")
    group, row = summary["components"][:2]
    incident = summary["incidents"][0]

    assert list(summary) == ["page", "components", "incidents", "scheduled_maintenances", "status"]
    assert (list(row), list(group)) == (COMPONENT_KEYS, [*COMPONENT_KEYS, "components"])
    assert (list(incident), list(incident["incident_updates"][0])) == (INCIDENT_KEYS, UPDATE_KEYS)
    assert list(incident["incident_updates"][0]["affected_components"][0]) == [
        "code",
        "name",
        "old_status",
        "new_status",
    ]


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the vendor's captures are not at hand")
def test_keys_and_kinds_are_those_of_a_real_page(read, story):
    for name in ("incidents", "components"):
        real = json.loads((CAPTURES / f"github-v2-{name}.json").read_text())
        ours = read(f"{name}.json")

        assert list(ours) == list(real)
        assert set(paths(ours)) <= set(paths(real)) | EXTRA


# Ours has a group, an open incident and a name in full; the captures happen to have none.
EXTRA = {f"components[].{rest}" for rest in ("components[]:str", "group_id:str", "components:list")} | {
    "incidents[].resolved_at:NoneType", "components[].description:NoneType",
    "incidents[].components[].description:NoneType", "incidents[].components[].group_id:str",
    "components[].components:list",
}  # fmt: skip


def paths(node: Any, path: str = "") -> Iterator[str]:
    """Every path in a document with the kind of thing at its end."""
    match node:
        case dict():
            for name, value in node.items():
                yield from paths(value, f"{path}.{name}" if path else name)
        case list():
            yield f"{path}:list"
            for value in node:
                yield from paths(value, f"{path}[]")
        case _:
            yield f"{path}:{type(node).__name__}"


def test_lists_hold_what_their_names_say(read, story):
    over, going = story

    assert [each["id"] for each in read("incidents.json")["incidents"]] == [going.public_id, over.public_id]
    for name in ("summary.json", "incidents/unresolved.json"):
        assert [each["id"] for each in read(name)["incidents"]] == [going.public_id]
    for name in ("", "/active", "/upcoming"):
        assert read(f"scheduled-maintenances{name}.json")["scheduled_maintenances"] == []


def test_components_alone_decide_the_status(read, api, open_incident):
    open_incident(impact_override=Impact.CRITICAL)
    fine = read("status.json")["status"]
    components.set_status(api, DOWN, BY, NOON)

    assert fine == {"indicator": "none", "description": "All Systems Operational"}
    assert read("status.json")["status"] == {"indicator": "critical", "description": "Major System Outage"}


def test_update_says_what_moved_in_full_names(read, story, api):
    over = read("incidents.json")["incidents"][1]

    assert [each["affected_components"] for each in over["incident_updates"]] == [
        [{"code": api.public_id, "name": "Platform - API", "old_status": "major_outage", "new_status": "operational"}],
        [{"code": api.public_id, "name": "Platform - API", "old_status": "operational", "new_status": "major_outage"}],
    ]
    assert over["components"][0]["status"] == "operational"
    assert (over["impact"], over["resolved_at"]) == ("critical", "2026-03-02T13:00:00.000Z")


def test_incident_without_components_has_none(read, open_incident):
    open_incident()
    incident = read("incidents.json")["incidents"][0]

    assert (incident["components"], incident["incident_updates"][0]["affected_components"]) == ([], None)
    assert incident["shortlink"] == f"http://127.0.0.1:8000/incidents/{incident['id']}"


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("Etc/UTC", "2026-03-02T12:00:00.000Z"),
        ("America/New_York", "2026-03-02T07:00:00.000-05:00"),
        ("Europe/London", "2026-03-02T12:00:00.000+00:00"),
    ],
)
def test_times_are_in_the_zone_of_the_page(read, page, open_incident, zone, written):
    page.time_zone = zone
    open_incident()

    assert read("incidents.json")["incidents"][0]["started_at"] == written


def test_no_more_than_fifty_incidents(read, open_incident):
    for number in range(52):
        open_incident(title=f"Number {number}")

    assert len(read("incidents.json")["incidents"]) == 50


def test_what_is_kept_inside_is_not_told(client, page, api, open_incident):
    secret = components.add(page, "zebrafish", BY, NOON, group="zebra group", audience=Audience.INTERNAL)
    open_incident(title="zebra incident", audience=Audience.INTERNAL)
    shown = open_incident(title="Outside", components={api: DOWN, secret: DOWN})
    publishing.post_update(shown, said(status=IncidentStatus.INVESTIGATING, body="zebra note",
                                       audience=Audience.INTERNAL), BY, NOON + timedelta(hours=1))  # fmt: skip

    for document in v2.DOCUMENTS:
        answer = client.get(f"/api/v2/{document.path}")
        assert "zebra" not in answer.text
        assert "13:00:00" not in answer.text.replace(answer.json["page"]["updated_at"], "")


def test_everybody_may_read_from_everywhere_and_again_for_free(client, story):
    answer = client.get("/api/v2/summary.json", headers={"Origin": "https://shop.example"})
    again = client.get("/api/v2/summary.json", headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "stale-if-error=86400" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers
    assert (again.status_code, again.data) == (304, b"")


def test_unknown_document_is_404(client):
    assert client.get("/api/v2/nothing.json").status_code == 404


@pytest.mark.parametrize("how", ["form", "json"])
def test_signing_up_asks_the_owner(client, page, api, how):
    wish = {"email": "reader@example.com", "component_id": api.public_id}
    answer = (
        client.post("/api/v2/subscribers.json", json={"subscriber": wish})
        if how == "json"
        else client.post("/api/v2/subscribers.json", data={f"subscriber[{name}]": it for name, it in wish.items()})
    )
    subscriber = db.session.query(Subscriber).one()

    assert answer.status_code == 201
    assert answers.Subscribed.model_validate(answer.json)
    assert subscriber.state is SubscriberState.PENDING
    assert [row.component for row in subscriber.subscriptions] == [api]
    assert db.session.query(Announcement).one().kind == "confirmation"


def test_known_and_unknown_addresses_are_answered_alike(client, page, subscribe):
    subscribe("known@example.com")
    left = subscribe("left@example.com")
    subscriptions.unsubscribe(left, "link", BY, NOON)
    told = []
    for name in ("known", "other", "left", "known"):
        answer = client.post("/api/v2/subscribers.json", json={"subscriber": {"email": f"{name}@example.com"}})
        body = answer.json
        body["subscriber"]["created_at"] = body["subscriber"]["id"] = body["page"]["updated_at"] = ""
        told.append((answer.status_code, json.dumps(body).replace(name, "name")))

    assert len(set(told)) == 1


def test_nobody_unsubscribes_another_by_an_id(client, page, subscribe):
    known = subscribe("known@example.com")
    given = client.post("/api/v2/subscribers.json", json={"subscriber": {"email": "known@example.com"}}).json
    for public_id in (given["subscriber"]["id"], known.public_id, "aaaaaaaaaaaa"):
        answer = client.delete(f"/api/v2/subscribers/{public_id}.json")
        assert (answer.status_code, answer.json) == (200, True)
    db.session.refresh(known)

    assert given["subscriber"]["id"] != known.public_id
    assert known.state is SubscriberState.CONFIRMED


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "subscriber"),
        ({"email": "nobody"}, "subscriber.email"),
        ({"email": "a@example.com", "component_id": "aaaaaaaaaaaa"}, "subscriber.component_ids"),
        ({"email": "a@example.com", "incident": "aaaaaaaaaaaa"}, "subscriber.incident"),
        ({"endpoint": "https://hook.example/"}, "subscriber.email"),
        ({"endpoint": "ftp://hook.example/", "email": "a@example.com"}, "subscriber.endpoint"),
        ({"email": "a\x00@example.com"}, "subscriber.email"),
    ],
)
def test_what_is_wrong_is_named(client, page, wish, field):
    answer = client.post("/api/v2/subscribers.json", json={"subscriber": wish})

    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])


def test_page_says_on_which_channels_one_may_sign_up(client, page):
    page.public_channels = ["email"]
    db.session.commit()
    wish = {"endpoint": "https://hook.example/", "email": "a@example.com"}
    answer = client.post("/api/v2/subscribers.json", json={"subscriber": wish})

    assert (answer.status_code, list(answer.json["errors"])) == (422, ["subscriber"])


def test_signing_up_has_its_limit(client, page):
    codes = [
        client.post("/api/v2/subscribers.json", json={"subscriber": {"email": f"a{n}@example.com"}}).status_code
        for n in range(11)
    ]

    assert codes == [201] * 10 + [429]
