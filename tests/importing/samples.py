"""A Statuspage page's files: real ones where they are at hand, else generated ones of the same shape."""

import html
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

REAL = Path(__file__).resolve().parent.parent.parent.parent / "shared/data"
FILES = ("github-v2-incidents.json", "github-v2-components.json", "github-history.atom")


def files(folder: Path) -> tuple[str, list[Path]]:
    """Where they come from, and incidents.json, components.json and history.atom, in this order."""
    if all((REAL / name).exists() for name in FILES):
        return "the real files of a page's API and feed", [REAL / name for name in FILES]
    made = [folder / name for name in FILES]
    made[0].write_text(json.dumps({"page": PAGE, "incidents": _incidents()}))
    made[1].write_text(json.dumps({"page": PAGE, "components": COMPONENTS[2:]}))
    made[2].write_text(_feed())
    return "generated files of the same shape", made


def v2(**lists: list[dict[str, Any]]) -> str:
    """A document of the public API with these lists."""
    return json.dumps({"page": PAGE, **lists}, indent=1)


def component(**other: Any) -> dict[str, Any]:
    """One component as the API serves it."""
    return COMPONENTS[0] | other


def incident(**other: Any) -> dict[str, Any]:
    """One incident as the API serves it, with two updates, newest first."""
    return _incidents()[0] | other


def feed(*entries: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    """A feed of these entries."""
    return (
        f'{head}\n<feed xml:lang="en-US" xmlns="http://www.w3.org/2005/Atom"><title>Incident History</title>\n'
        + "\n".join(entries)
        + "</feed>"
    )


def entry(public_id: str, title: str, published: str, *said: str, tail: str = "") -> str:
    """One incident in a feed; `said` are its updates as HTML, newest first."""
    content = html.escape("".join(said), quote=False)
    return (
        f"<entry>\n<id>tag:status.example.com,2005:Incident/1</id><published>{published}</published>"
        f'<updated>{published}</updated><link rel="alternate" href="https://status.example.com/incidents/{public_id}"/>'
        f'<title>{html.escape(title)}</title><content type="html">{content}</content>{tail}</entry>'
    )


def said(when: str, label: str, words: str) -> str:
    """One update as the vendor's feed writes it; `when` is like "Aug 21 00:37 UTC"."""
    month, day, clock, zone = when.split()
    return (
        f"<p><small>{month} <var data-var='date'>{day:>2}</var>, <var data-var='time'>{clock}</var> {zone}</small><br>"
        f"<strong>{label}</strong> - {words}</p>"
    )


PAGE = {
    "id": "kctbh9vrtdwd",
    "name": "Example",
    "url": "https://status.example.com",
    "time_zone": "Etc/UTC",
    "updated_at": "2024-09-17T08:08:17.044Z",
}
COMPONENTS = [
    {
        "id": f"component{number:03d}",
        "name": name,
        "status": "operational",
        "created_at": "2019-11-13T18:02:19.432Z",
        "updated_at": "2024-09-16T22:08:39.305Z",
        "position": number,
        "description": f"What {name} does",
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": PAGE["id"],
        "group": False,
        "only_show_if_degraded": False,
    }
    for number, name in enumerate(["Actions", "Pages", "Git Operations", "Webhooks"], 1)
]


def _incidents() -> list[dict[str, Any]]:
    touched = [{"code": each["id"], "name": each["name"]} for each in COMPONENTS[:2]]
    begun = [each | {"old_status": "operational", "new_status": "partial_outage"} for each in touched]
    ended = [each | {"old_status": "partial_outage", "new_status": "operational"} for each in touched]
    return [
        _incident("incident0001", "2024-09-16T21:31:02", "22:08:39", "major", (begun, ended), COMPONENTS[:2]),
        _incident("incident0002", "2024-09-16T13:29:47", "14:28:03", "minor", (None, None), []),
    ]


def _incident(public_id: str, begin: str, end: str, impact: str, changes: Any, components: Any) -> dict[str, Any]:
    until = f"{begin[:11]}{end}"
    said = [
        ("resolved", f"{until}.333Z", "This incident has been resolved.", changes[1]),
        ("investigating", f"{begin}.798Z", "We see failures.<br />\r\nMore soon.", changes[0]),
    ]
    return {
        "id": public_id,
        "name": f"Trouble of {impact} weight",
        "status": "resolved",
        "created_at": f"{begin}.719Z",
        "updated_at": f"{until}.349Z",
        "monitoring_at": None,
        "resolved_at": f"{until}.333Z",
        "impact": impact,
        "shortlink": "https://stspg.io/mc6sr407p78b",
        "started_at": f"{begin}.713Z",
        "page_id": PAGE["id"],
        "incident_updates": [
            {
                "id": f"{public_id[:8]}{number}{public_id[-3:]}",
                "status": status,
                "body": body,
                "incident_id": public_id,
                "created_at": at,
                "updated_at": at,
                "display_at": at,
                "affected_components": moved,
                "deliver_notifications": True,
                "custom_tweet": None,
                "tweet_id": None,
            }
            for number, (status, at, body, moved) in enumerate(said)
        ],
        "components": components,
        "reminder_intervals": None,
    }


def _feed() -> str:
    chance, at, entries = random.Random(25), datetime(2026, 8, 21, 0, 37, 20, tzinfo=UTC), []
    for number in range(25):
        published = at
        updates: list[str] = []
        for left in range(chance.randrange(2, 12), -1, -1):
            label = "Investigating" if not left else "Update" if updates else "Resolved"
            updates.append(said(f"{at:%b %d %H:%M} UTC", label, f" Words {number}.{left}, <br />and more. "))
            at -= timedelta(minutes=chance.randrange(1, 90))
        entries.append(entry(f"feed{number:08d}", f"Trouble {number}", f"{published:%Y-%m-%dT%H:%M:%SZ}", *updates))
        at -= timedelta(hours=chance.randrange(1, 60))
    return feed(*entries)
