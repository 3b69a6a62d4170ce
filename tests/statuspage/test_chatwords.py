"""Cards and events: what machines and chats are told, in whose shape, and what they are never told."""

import json
from datetime import timedelta

import pytest

from statuspage import components, publishing
from statuspage.models import Announcement
from statuspage.vocabulary import Audience, ComponentStatus, IncidentStatus
from tests.conftest import BY, NOON
from tests.statuspage.fakes import announcements, said

MAJOR, GREEN = ComponentStatus.MAJOR_OUTAGE, ComponentStatus.OPERATIONAL

# Keys of Statuspage's webhook payload, as captured from it.
INCIDENT_KEYS = {
    "name",
    "status",
    "created_at",
    "updated_at",
    "monitoring_at",
    "resolved_at",
    "impact",
    "shortlink",
    "postmortem_ignored",
    "postmortem_body",
    "postmortem_body_last_updated_at",
    "postmortem_published_at",
    "postmortem_notified_subscribers",
    "postmortem_notified_twitter",
    "backfilled",
    "scheduled_for",
    "scheduled_until",
    "scheduled_remind_prior",
    "scheduled_reminded_at",
    "impact_override",
    "scheduled_auto_in_progress",
    "scheduled_auto_completed",
    "id",
    "page_id",
    "incident_updates",
    "components",
}
UPDATE_KEYS = {
    "status",
    "body",
    "created_at",
    "wants_twitter_update",
    "twitter_updated_at",
    "updated_at",
    "display_at",
    "affected_components",
    "custom_tweet",
    "deliver_notifications",
    "id",
    "incident_id",
}
COMPONENT_KEYS = {
    "status",
    "name",
    "created_at",
    "updated_at",
    "position",
    "description",
    "showcase",
    "id",
    "page_id",
    "group_id",
}


def latest(kind="webhook"):
    return json.loads(words(announcements()[-1], kind))


def words(announcement: Announcement, kind: str) -> str:
    return str(announcement.words[kind]["text"])


@pytest.fixture
def incident(open_incident, api):
    return open_incident(components={api: MAJOR})


def test_event_has_every_key_of_statuspages(incident):
    event = latest()

    assert set(event["incident"]) >= INCIDENT_KEYS
    assert set(event["incident"]["incident_updates"][0]) == UPDATE_KEYS
    assert set(event["incident"]["components"][0]) == COMPONENT_KEYS
    assert {"unsubscribe", "documentation", "generated_at"} <= set(event["meta"])
    assert {"id", "status_indicator", "status_description"} <= set(event["page"])


def test_event_of_an_incident_is_never_taken_for_one_of_a_component(incident):
    assert "component" not in latest()
    assert "component_update" not in latest()


def test_event_says_how_things_stand(incident, api):
    event = latest()

    assert event["type"] == "incident.created"
    assert event["page"]["status_indicator"] == "critical"
    assert event["incident"]["status"] == "investigating"
    assert event["incident"]["incident_updates"][0]["affected_components"] == [
        {"code": api.public_id, "name": "API", "old_status": "operational", "new_status": "major_outage"}
    ]
    assert event["incident"]["next_update_due_at"] is not None


def test_updates_are_newest_first_and_name_their_kind(incident, api):
    publishing.post_update(incident, said("A full disk."), BY, NOON + timedelta(minutes=5))
    middle = latest()
    over = said("It works again.", IncidentStatus.RESOLVED, components={api: GREEN})
    publishing.post_update(incident, over, BY, NOON + timedelta(minutes=9))

    assert middle["type"] == "incident.updated"
    assert [each["body"] for each in middle["incident"]["incident_updates"]] == [
        "A full disk.",
        "We are looking into it.",
    ]
    assert latest()["type"] == "incident.resolved"
    assert latest()["incident"]["resolved_at"].startswith("2026-03-02T12:09:00.000")
    assert latest()["page"]["status_indicator"] == "none"


def test_what_is_internal_is_in_no_event_and_on_no_card(page, open_incident, api):
    inner = components.add(page, "Secret backend", BY, NOON, audience=Audience.INTERNAL)
    incident = open_incident(components={api: MAJOR, inner: MAJOR})
    note = said("The DBA is asleep.", IncidentStatus.INVESTIGATING, audience=Audience.INTERNAL, is_notified=False)
    publishing.post_update(incident, note, BY, NOON + timedelta(minutes=1))
    publishing.post_update(incident, said("We know more."), BY, NOON + timedelta(minutes=2))

    for kind in ("webhook", "slack", "teams"):
        for announcement in announcements():
            assert "Secret backend" not in words(announcement, kind)
            assert "asleep" not in words(announcement, kind)


def test_what_differs_per_recipient_is_a_placeholder_until_it_leaves(incident):
    (announcement,) = announcements()

    assert latest()["meta"]["unsubscribe"] == f"__{announcement.public_id}_unsubscribe__"
    assert latest("slack")["card"]["links"][0]["url"] == f"__{announcement.public_id}_manage__"


def test_card_says_what_matters(incident):
    card = latest("teams")["card"]

    assert (card["title"], card["status"], card["tone"]) == ("Payments fail", "Investigating", "major")
    assert card["components"] == [{"name": "API", "status": "Major outage"}]
    assert card["promise"].startswith("Next update by ")
    assert card["url"].endswith(f"/incidents/{incident.public_id}")


def test_card_of_the_end_is_green_and_promises_nothing(incident, api):
    over = said("It works again.", IncidentStatus.RESOLVED, components={api: GREEN})
    publishing.post_update(incident, over, BY, NOON + timedelta(minutes=9))

    card = latest("slack")["card"]
    assert (card["tone"], card["promise"]) == ("ok", "")


@pytest.mark.parametrize("body", ['Quotes " and \\ and \u00e4', "{{ 7*7 }} ${X} %(y)s", '"},"injected":{"x":"'])
def test_words_cannot_break_out_of_their_json(open_incident, body):
    open_incident(body=body, title='Title "quoted" \\')

    assert latest()["incident"]["incident_updates"][0]["body"] == body
    assert latest()["incident"]["name"] == 'Title "quoted" \\'
    assert "injected" not in latest()["incident"]
    assert "card" in latest("slack")
