"""The figures of 399 imported incidents, against the same worked out from the file itself."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import mean
from typing import Any

import pytest

from statuspage.analytics import reading
from statuspage.analytics.figures import Figures, figures
from statuspage.analytics.periods import Period
from statuspage.db import db, reading as only_reading
from statuspage.importing.keeping import Attestation
from statuspage.importing.statuspage import import_files
from tests import histories
from tests.conftest import BY, NOON

PAGE = {"id": "kctbh9vrtdwd", "name": "GitHub", "url": "https://www.githubstatus.com", "time_zone": "Etc/UTC"}
STATUSES = {"Investigating": "investigating", "Identified": "identified", "Monitoring": "monitoring",
            "Resolved": "resolved", "Completed": "resolved"}  # fmt: skip


def as_v2(row: dict[str, Any]) -> dict[str, Any]:
    """One incident as the page's API would have served it."""
    updates, status = [], "investigating"
    for number, said in enumerate(row["updates"]):
        status = STATUSES.get(said["status"], status)
        updates.append(
            {
                "id": f"u{int(row['id']):08}{number:03}",
                "status": status,
                "body": said["message"] or "…",
                "created_at": said["at"],
                "updated_at": said["at"],
                "display_at": said["at"],
                "affected_components": None,
            }
        )
    return {
        "id": f"i{int(row['id']):011}",
        "name": row["title"],
        "status": "resolved",
        "impact": row["impact"],
        "created_at": row["updates"][0]["at"],
        "updated_at": row["updates"][-1]["at"],
        "started_at": row["started_at"],
        "resolved_at": row["resolved_at"],
        "monitoring_at": None,
        "incident_updates": updates[::-1],
        "components": [component(name) for name in row["components"] or () if name in histories.COMPONENTS],
    }


def component(name: str) -> dict[str, Any]:
    """One component as the API would have served it."""
    number = histories.COMPONENTS.index(name)
    long_ago = "2020-01-01T00:00:00Z"
    return {"id": f"c{number:011}", "name": name, "status": "operational", "position": number,
            "created_at": long_ago, "updated_at": long_ago}  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.fixture
def imported(page, tmp_path) -> tuple[list[dict[str, Any]], Figures]:
    """The rows of the file, and the figures of what the import made of them."""
    source, found = histories.incidents()
    print(f"\nFigures of {source}")
    components = [component(name) for name in histories.COMPONENTS]
    file, parts = tmp_path / "incidents.json", tmp_path / "components.json"
    file.write_text(json.dumps({"page": PAGE, "incidents": [as_v2(row) for row in found]}))
    parts.write_text(json.dumps({"page": PAGE, "components": components}))
    report = import_files(page, [parts, file], BY, Attestation("Ana"), NOON, applies=True)
    assert report.is_whole, report.refused[:3]
    db.session.rollback()
    with only_reading():
        return found, figures(reading.history(page, Period.ALL, NOON))


@pytest.mark.sqlite
def test_the_figures_of_a_long_imported_history_are_those_of_the_file(imported):
    found, figured = imported
    starts = [at(row["started_at"]) for row in found]
    spans = [at(row["resolved_at"]) - at(row["started_at"]) for row in found if row["resolved_at"]]
    seconds = sorted(span.total_seconds() for span in spans if span > timedelta())
    months = Counter(f"{start:%Y-%m}" for start in starts)
    weeks = Counter((start.date() - timedelta(days=start.weekday())) for start in starts)

    assert figured.frequency.total == len(found) == histories.INCIDENTS
    assert {f"{month:%Y-%m}": count for month, count in figured.frequency.months if count} == months
    assert {week: count for week, count in figured.frequency.weeks if count} == weeks
    assert figured.repairing.spread is not None
    assert figured.repairing.recorded == len(seconds)
    assert figured.repairing.spread.mean == pytest.approx(mean(seconds))
    assert figured.repairing.spread.median == seconds[(len(seconds) + 1) // 2 - 1]
    assert figured.repairing.spread.longest == seconds[-1]
    waits = [at(row["updates"][0]["at"]) - at(row["started_at"]) for row in found]
    assert figured.first_words.unrecorded == sum(wait <= timedelta() for wait in waits)
    named = Counter(name for row in found for name in row["components"] or () if name in histories.COMPONENTS)
    assert {group.name: group.incidents for group in figured.promises.by_component if group.name in named} == named

    # It made no promise and told nobody, and nobody here chose its types: no share of nothing.
    assert (figured.promises.tally.made, figured.promises.tally.share, figured.promises.lateness) == (0, None, None)
    assert figured.detecting.spread is figured.acknowledging.spread is None
    assert (figured.channels, figured.tides, figured.changes.share) == ((), (), None)
