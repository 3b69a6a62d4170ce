"""What is in the database after an import equals the files, however often they are read."""

import html
import json
import re
from datetime import UTC, datetime

import feedparser
from sqlalchemy import select

from statuspage import publishing, text
from statuspage.db import db
from statuspage.drafts import UpdateDraft
from statuspage.importing.weighing import Fate
from statuspage.models import Component, Incident, Page
from statuspage.vocabulary import IncidentStatus
from tests.conftest import BY, NOON

from . import samples
from .conftest import Import, counts


def stamp(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def words(body: str) -> str:
    return " ".join(body.split())


def find(public_id: str) -> Incident:
    return db.session.scalars(select(Incident).filter_by(public_id=public_id)).one()


def test_the_api_documents_are_kept_key_by_key(bring: Import, page: Page, tmp_path) -> None:
    source, paths = samples.files(tmp_path)
    print(f"\nImported {source}")
    report = bring(*paths[:2])

    assert report.is_whole
    incidents = json.loads(paths[0].read_text())["incidents"]
    for given in incidents:
        kept = find(given["id"])
        times = {name: stamp(getattr(kept, name)) for name in
                 ("created_at", "started_at", "updated_at", "monitoring_at", "resolved_at")}  # fmt: skip
        assert times == {name: given[name] for name in times}
        assert (kept.title, kept.status, kept.impact) == (given["name"], given["status"], given["impact"])
        assert [
            {
                "id": update.public_id,
                "status": update.status.value,
                "body": update.body,
                "created_at": stamp(update.created_at),
                "deliver_notifications": update.is_notified,
                "affected_components": {
                    each.component.public_id: (each.old_status.value, each.new_status.value)
                    for each in update.components
                },
            }
            for update in reversed(kept.updates)
        ] == [
            {name: update[name] for name in ("id", "status", "body", "created_at", "deliver_notifications")}
            | {
                "affected_components": {
                    each["code"]: (each["old_status"], each["new_status"])
                    for each in update["affected_components"] or []
                }
            }
            for update in given["incident_updates"]
        ]
    listed = json.loads(paths[1].read_text())["components"] + [each for one in incidents for each in one["components"]]
    for given in listed:
        kept_component = db.session.scalars(select(Component).filter_by(public_id=given["id"])).one()
        assert (kept_component.name, kept_component.status.value, kept_component.position) == (
            given["name"], given["status"], given["position"],
        )  # fmt: skip
        assert kept_component.description == given["description"]
        assert stamp(kept_component.updated_at) == given["updated_at"]
    assert counts()["incident"] == len(incidents)
    assert counts()["component"] == len({each["id"] for each in listed})


def test_the_feed_is_kept_word_by_word(bring: Import, tmp_path) -> None:
    _source, paths = samples.files(tmp_path)
    feed = feedparser.parse(paths[2].read_bytes(), sanitize_html=False)
    report = bring(paths[2])

    assert report.is_whole
    assert counts()["incident"] == len(feed.entries)
    for given in feed.entries:
        kept = find(given.link.rpartition("/")[2])
        paragraphs = re.findall(r"<strong>(.*?)</strong> - (.*?)</p>", given.content[0].value, re.DOTALL)
        times = re.findall(r"(\d\d:\d\d)</var>", given.content[0].value)
        assert kept.title == given.title
        assert [words(text.plain(update.body)) for update in reversed(kept.updates)] == [
            words(html.unescape(re.sub(r"<[^>]+>", " ", said))) for _label, said in paragraphs
        ]
        assert [f"{update.created_at:%H:%M}" for update in reversed(kept.updates)] == times
        assert kept.resolved_at == datetime.fromisoformat(given.published)
        assert kept.updates == sorted(kept.updates, key=lambda update: update.created_at)


def test_twice_is_once_and_tells_nobody(bring: Import, subscribe, tmp_path) -> None:
    subscribe("reader@example.com")
    _source, paths = samples.files(tmp_path)
    bring(*paths)
    once = counts()
    again = bring(*paths)

    assert counts() == once
    assert once["announcement"] == once["reminder"] == 0
    assert {each.verdict.fate for each in again.weighed} == {Fate.SAME}


def test_a_preview_changes_nothing(bring: Import, tmp_path) -> None:
    before = counts()
    report = bring(*samples.files(tmp_path)[1], applies=False)
    db.session.rollback()

    assert counts() == before
    assert report.counts()["incident"]["new"] == len(report.weighed) - report.counts()["component"]["new"]


def test_old_links_live_on(bring: Import, client) -> None:
    bring(samples.v2(incidents=[samples.incident()]))

    answer = client.get("/incidents/incident0001")

    assert answer.status_code == 200
    assert "We see failures.<br" in answer.text
    assert "&lt;br" not in answer.text


def test_what_changed_in_the_file_is_changed_here(bring: Import) -> None:
    bring(samples.v2(incidents=[samples.incident()]))
    changed = samples.incident(name="Better words")
    changed["incident_updates"][0]["body"] = "It is over."
    report = bring(samples.v2(incidents=[changed]))

    assert report.counts()["incident"]["changed"] == 1
    assert find("incident0001").title == "Better words"
    assert find("incident0001").updates[-1].body == "It is over."
    assert counts()["incident_update"] == 2


def test_what_changed_here_too_stays(bring: Import) -> None:
    bring(samples.v2(incidents=[samples.incident()]))
    publishing.correct(find("incident0001").updates[0], "Our own words.", BY, NOON)
    report = bring(samples.v2(incidents=[samples.incident(name="Better words")]))

    assert [(each.verdict.fate, each.verdict.reason) for each in report.weighed if each.kind == "incident"] == [
        (Fate.LEFT, "It has changed in the file and here since it was imported; what is here stays.")
    ]
    assert find("incident0001").updates[0].body == "Our own words."


def test_an_open_incident_goes_on_here(bring: Import, page: Page, subscribe) -> None:
    still_open = samples.incident(status="investigating", resolved_at=None)
    del still_open["incident_updates"][0]
    report = bring(samples.v2(incidents=[still_open]))
    kept = find("incident0001")

    assert kept.next_update_due_at is None
    assert "still open" in report.notes[-1]
    subscribe("reader@example.com")
    publishing.post_update(kept, UpdateDraft(IncidentStatus.MONITORING, "A fix is out."), BY, NOON)
    assert [update.sequence for update in kept.updates] == [1, 2]
    assert kept.next_update_due_at is not None


def test_the_api_knows_better_than_the_feed(bring: Import) -> None:
    feed = samples.feed(
        samples.entry(
            "incident0001",
            "Trouble",
            "2024-09-16T22:08:39Z",
            samples.said("Sep 16 22:08 UTC", "Resolved", "This incident has been resolved."),
            samples.said("Sep 16 21:31 UTC", "Investigating", "We see failures."),
        )
    )
    bring(feed)
    assert find("incident0001").impact.value == "none"

    later = bring(samples.v2(incidents=[samples.incident()]))
    assert later.counts()["incident"]["changed"] == 1
    assert find("incident0001").impact.value == "major"

    again = bring(feed)
    assert again.weighed[0].verdict.reason == "It is known more exactly from incidents.json."
    assert find("incident0001").updates[0].public_id == samples.incident()["incident_updates"][1]["id"]


def test_a_component_made_here_is_taken_for_its_namesake(bring: Import, api: Component) -> None:
    named = samples.component(id="componentapi", name="API")
    moved = {"code": "componentapi", "name": "Platform - API", "old_status": "operational",
             "new_status": "major_outage"}  # fmt: skip
    given = samples.incident(components=[named])
    for update in given["incident_updates"]:
        update["affected_components"] = [moved]
    bring(samples.v2(incidents=[given]))

    assert counts()["component"] == 1
    assert [each.component for each in find("incident0001").updates[0].components] == [api]


def test_a_component_that_only_history_names_is_kept_there(bring: Import, client) -> None:
    bring(samples.v2(incidents=[samples.incident(components=[])]))

    gone = db.session.scalars(select(Component).filter_by(public_id="component001")).one()
    assert gone.archived_at is not None
    assert "Actions" in client.get("/incidents/incident0001").text
    assert "Actions" not in client.get("/").text.partition("<main")[2].partition("incident0001")[0]


def test_groups_come_with_their_components(bring: Import) -> None:
    group = samples.component(id="group0000001", name="Platform", group=True, components=["component001"])
    bring(samples.v2(components=[samples.component(group_id="group0000001"), group]))

    [kept] = db.session.scalars(select(Component))
    assert kept.group is not None
    assert (kept.group.name, kept.group.public_id) == ("Platform", "group0000001")


def test_feed_times_find_their_year_and_zone(bring: Import) -> None:
    bring(
        samples.feed(
            samples.entry(
                "newyear00001",
                "Over the year's end",
                "2026-01-01T07:50:11Z",
                samples.said("Dec 31 23:50 PST", "Resolved", "Over."),
                samples.said("Dec 31 22:00 PST", "Identified", "Found."),
                samples.said("Jan 2 08:00 PST", "Investigating", "Looking."),
            )
        )
    )

    assert [stamp(update.created_at) for update in find("newyear00001").updates] == [
        "2025-01-02T16:00:00.000Z",
        "2026-01-01T06:00:00.000Z",
        "2026-01-01T07:50:11.000Z",
    ]
