"""Histories to replay: files in three forms, whole or broken, and what was said on our own page."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from statuspage import publishing
from statuspage.audit import Actor
from statuspage.cadence import histories
from statuspage.cadence.replaying import History
from statuspage.db import db
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.errors import Conflict
from statuspage.models import Page
from statuspage.vocabulary import Audience, Impact, IncidentStatus, IncidentType, Severity
from tests.importing import samples

BY = Actor(None, "test")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def line(*said: tuple[str, str], **other: Any) -> str:
    """One incident as a line; `said` are (time, status) on the first of March."""
    updates = [{"at": f"2024-03-01T{at}", "status": status, "message": "Words."} for at, status in said]
    return json.dumps({"id": "1", "title": "Trouble", "impact": "minor", "updates": updates} | other)


def read(folder: Path, *lines: str, name: str = "history.jsonl") -> History:
    file = folder / name
    file.write_text("\n".join(lines), encoding="utf-8")
    return histories.read(file)


def refusal(folder: Path, content: str | bytes, name: str = "history.jsonl") -> str:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Conflict) as raised:
        histories.read(file)
    return str(raised.value)


WHOLE = line(("10:00:00Z", "Investigating"), ("10:40:00Z", "Update"), ("11:00:00Z", "Resolved"))


def test_line_tells_its_updates_and_where_the_incident_stood(tmp_path: Path):
    [story] = read(tmp_path, WHOLE).stories

    assert [(each.at.hour, each.at.minute, each.status.value) for each in story.statements] == [
        (10, 0, "investigating"),
        (10, 40, "investigating"),
        (11, 0, "resolved"),
    ]
    assert story.known_at is None


def test_earlier_beginning_is_on_record(tmp_path: Path):
    [story] = read(tmp_path, line(("10:00:00Z", "Investigating"), started_at="2024-03-01T09:48:00Z")).stories

    assert story.known_at == datetime(2024, 3, 1, 9, 48, tzinfo=UTC)


def test_newest_first_is_turned_round_without_a_word(tmp_path: Path):
    history = read(tmp_path, line(("11:00:00Z", "Resolved"), ("10:40:00Z", "Update"), ("10:00:00Z", "Monitoring")))

    assert [each.status.value for each in history.stories[0].statements] == ["monitoring", "monitoring", "resolved"]
    assert history.notes == ()


def test_times_out_of_order_are_put_in_order_and_said(tmp_path: Path):
    history = read(tmp_path, line(("10:00:00Z", "Investigating"), ("10:40:00Z", "Update"), ("10:20:00Z", "Update")))

    assert [each.at.minute for each in history.stories[0].statements] == [0, 20, 40]
    assert history.notes == ("1 incident has updates out of the order of time; they were put in order.",)


def test_times_without_a_zone_are_utc_and_said(tmp_path: Path):
    history = read(tmp_path, line(("10:00:00", "Investigating"), ("12:40:00+02:00", "Resolved")))

    assert [each.at.hour for each in history.stories[0].statements] == [10, 10]
    assert history.notes == ("1 time has no zone, which is taken as UTC.",)


def test_maintenance_is_left_out_and_counted(tmp_path: Path):
    planned = line(("10:00:00Z", "Scheduled"), ("11:00:00Z", "In progress"), ("12:00:00Z", "Completed"))
    history = read(tmp_path, WHOLE, planned, line(("10:00:00Z", "Resolved"), impact="maintenance"))

    assert (len(history.stories), history.maintenance) == (1, 2)


def test_broken_lines_are_named_and_the_rest_is_measured(tmp_path: Path):
    history = read(
        tmp_path,
        WHOLE,
        '{"id": "2", "updates": [',
        "[]",
        line(),
        line(("10:00:00Z", "Exploded")),
        line(("yesterday", "Resolved")),
        line(("10:00:00Z", "Resolved"), updates="none"),
        line(("10:00:00Z", "Resolved"), id=None),
        "",
        line(("10:00:00Z", "Resolved"), id="9"),
    )

    assert [story.id for story in history.stories] == ["1", "9"]
    assert [(each.line, each.reason) for each in history.broken] == [
        (2, "is no JSON: Expecting value at character 25."),
        (3, "is not an object."),
        (4, "updates is empty: nothing was said."),
        (5, "an update's status is “exploded”, which is no status of an incident."),
        (6, "at is not a time like 2024-09-16T21:31:02.719Z."),
        (7, "updates is not a list."),
        (8, "id is empty."),
    ]
    assert histories.broken_lines(history, most=1) == [
        "history.jsonl line 2: incident cannot be read: is no JSON: Expecting value at character 25.",
        "… and 6 more that cannot be read.",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "history.jsonl is empty. Nothing was measured."),
        (" \n\n", "history.jsonl is empty. Nothing was measured."),
        ("email,components\nana@example.com,\n", "is no history that can be measured"),
        (b"\x89PNG\0\0", "is no text"),
        ('{"id": 1}\n{"id": 2}\n', "line 2 goes on after its end"),
        ('{"id": 1}', "is no incidents.json and no components.json"),
        ("<html><body>Hello</body></html>", "line 1 is no Atom feed"),
        (samples.v2(components=[samples.component()]), "has no incident that can be measured"),
        (line(("10:00:00Z", "Resolved"), impact="maintenance"), "tells of maintenance alone (1)"),
    ],
)
def test_empty_or_foreign_file_is_a_sentence(tmp_path: Path, content: str, sentence: str):
    said = refusal(tmp_path, content)

    assert sentence in said
    assert said.endswith("Nothing was measured.") or "Give JSON lines" in said


def test_file_of_broken_lines_alone_names_them(tmp_path: Path):
    said = refusal(tmp_path, line() + "\n" + line(("soon", "Resolved")))

    assert said.splitlines() == [
        "history.jsonl line 1: incident cannot be read: updates is empty: nothing was said.",
        "history.jsonl line 2: incident cannot be read: at is not a time like 2024-09-16T21:31:02.719Z.",
        "history.jsonl has no incident that can be measured. Nothing was measured.",
    ]


def test_file_that_is_not_there_is_a_sentence(tmp_path: Path):
    with pytest.raises(Conflict, match=r"^nowhere\.json cannot be read \(No such file or directory\)"):
        histories.read(tmp_path / "nowhere.json")


def test_documents_of_the_api_and_the_feed_are_read_as_the_import_reads_them(tmp_path: Path):
    _, (incidents, _, feed) = samples.files(tmp_path)

    of_api, of_feed = histories.read(incidents), histories.read(feed)

    assert len(of_api.stories) == 2
    assert all(story.known_at is None for story in of_api.stories)
    assert len(of_feed.stories) == 25
    assert of_feed.notes == (histories.NO_SECONDS,)


def test_broken_incident_of_the_api_is_named_with_its_line(tmp_path: Path):
    planned = samples.incident(id="incident0009", status="scheduled")
    content = samples.v2(incidents=[samples.incident(), {"id": "x"}, planned])
    (tmp_path / "incidents.json").write_text(content)

    history = histories.read(tmp_path / "incidents.json")

    assert (len(history.stories), history.maintenance) == (1, 1)
    [broken] = history.broken
    assert (broken.item, broken.reason) == ("incident 2 (x)", "created_at is missing.")
    assert content.splitlines()[broken.line - 1].strip() == "{"


def _open(page: Page, at: datetime, audience: Audience = Audience.PUBLIC, **other: Any) -> Any:
    first = UpdateDraft(status=IncidentStatus.INVESTIGATING, body="We look into it.", audience=audience, **other)
    return publishing.open_incident(
        page, IncidentDraft("Trouble", IncidentType.OUTAGE, Severity.SEV2, first), BY, at, f"open-{at}"
    )


def _say(incident: Any, at: datetime, status: IncidentStatus, audience: Audience = Audience.PUBLIC) -> None:
    publishing.post_update(incident, UpdateDraft(status=status, body="Words.", audience=audience), BY, at, f"say-{at}")


def test_our_own_history_is_what_the_public_heard(page: Page):
    incident = _open(page, NOON, Audience.INTERNAL)
    _say(incident, NOON + HOUR, IncidentStatus.IDENTIFIED)
    _say(incident, NOON + 2 * HOUR, IncidentStatus.IDENTIFIED, Audience.INTERNAL)
    _say(incident, NOON + 3 * HOUR, IncidentStatus.RESOLVED)
    _open(page, NOON + 4 * HOUR, Audience.INTERNAL)
    hidden = _open(page, NOON + 5 * HOUR)
    hidden.hidden_at = NOON + 6 * HOUR
    planned = _open(page, NOON + 7 * HOUR)
    planned.impact = Impact.MAINTENANCE
    db.session.commit()

    history = histories.of_page(page)

    [story] = history.stories
    assert [each.at for each in story.statements] == [NOON + HOUR, NOON + 3 * HOUR]
    assert (story.known_at, story.severity) == (NOON, Severity.SEV2)
    assert history.maintenance == 1


def test_page_without_incidents_is_a_sentence(page: Page):
    with pytest.raises(Conflict, match="There is no incident on this page yet"):
        histories.of_page(page)
