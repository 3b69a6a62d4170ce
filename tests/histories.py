"""Incident histories to replay: a real one where it is at hand, else a generated one of the same shape."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

REAL = Path(__file__).resolve().parent.parent.parent / "shared/data/github-incidents-2022-2024.jsonl"
COMPONENTS = [
    "Actions", "API Requests", "Codespaces", "Copilot", "Git Operations", "Issues",
    "Packages", "Pages", "Pull Requests", "Visit www", "Webhooks",
]  # fmt: skip
INCIDENTS, UPDATES = 399, 2165


@dataclass(frozen=True)
class Said:
    """One update of one incident."""

    incident: str
    title: str
    at: datetime
    status: str
    body: str
    components: tuple[str, ...]
    impact: str
    is_first: bool


def history() -> tuple[str, list[Said]]:
    """Where the history comes from, and all its updates in the order of time."""
    source, rows = incidents()
    return source, _in_order(rows)


def incidents() -> tuple[str, list[dict[str, Any]]]:
    """Where the history comes from, and its incidents as the file has them."""
    source, lines = raw()
    return source, [json.loads(line) for line in lines]


def raw() -> tuple[str, list[str]]:
    """Where the history comes from, and its lines as they stand in the file: one incident each."""
    if REAL.exists():
        return f"the real history of {REAL.name}", REAL.read_text(encoding="utf-8").splitlines()
    return "a generated history of the same shape", [json.dumps(row) for row in _generated()]


def _in_order(rows: list[dict[str, Any]]) -> list[Said]:
    said = [
        Said(
            incident=row["id"],
            title=row["title"],
            at=datetime.fromisoformat(update["at"]),
            status=update["status"],
            body=update["message"],
            components=tuple(row["components"] or ()),
            impact=row["impact"],
            is_first=number == 0,
        )
        for row in rows
        for number, update in enumerate(row["updates"])
    ]
    return sorted(said, key=lambda each: each.at)


def _generated() -> list[dict[str, Any]]:
    """As many incidents and updates as the real history has, with its proportions."""
    chance = random.Random(2022)
    counts = [1] * 4 + [max(2, round(chance.lognormvariate(1.55, 0.5))) for _ in range(INCIDENTS - 4)]
    while sum(counts) != UPDATES:
        place = chance.randrange(4, INCIDENTS)
        counts[place] += 1 if sum(counts) < UPDATES else -(counts[place] > 2)
    start = datetime(2022, 3, 24, tzinfo=UTC)
    rows: list[dict[str, Any]] = []
    for number, count in enumerate(counts):
        at = start + timedelta(hours=60 * number + chance.random() * 20)
        statuses = (["Investigating"] + ["Update"] * (count - 2) if count > 1 else []) + ["Resolved"]
        updates = []
        for place, status in enumerate(statuses):
            updates.append({"at": at.isoformat(), "status": status, "message": f"Generated words {number}.{place}."})
            at += timedelta(minutes=chance.choice([0, 1, 10, 20, 30, 45, 60, 90]))
        rows.append(
            {
                "id": str(number),
                "title": f"Incident with {chance.choice(COMPONENTS)}",
                "started_at": updates[0]["at"],
                "resolved_at": updates[-1]["at"],
                "updates": updates,
                "impact": chance.choices(["minor", "major", "none", "critical", "maintenance"], [310, 65, 13, 1, 10])[
                    0
                ],
                "components": chance.sample(COMPONENTS, chance.choice([1, 1, 1, 2, 3]))
                if chance.random() > 0.12
                else None,
            }
        )
    return rows
