"""The figures for other programs: one JSON document, or CSV with a line for each. Unrecorded is null, or empty."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..clock import iso_text
from ..delivery.exporting import cell, csv_line
from ..uptime import DEFINITION as UPTIME_DEFINITION, PARTIAL_SHARE
from .arithmetic import DEFINITION, Spread
from .compliance import Group, Tally
from .facts import ChannelFacts
from .figures import Figures
from .incidents import Measure
from .people import Tide
from .targets import Standing

SECTIONS = (
    "incidents", "first_public_update", "mttd", "mtta", "mttr", "promises", "uptime", "messages", "subscribers",
)  # fmt: skip
HEADER = ("section", "group", "figure", "value", "unit")
# What a figure is counted in, by its name; spans are in seconds.
_COUNTS = {
    "kept", "late", "overdue", "pending", "withdrawn", "replaced", "count", "recorded", "of", "incidents", "owed",
    "reached", "waiting", "lost", "spared", "won", "stopped", "total", "unrecorded", "inside", "caused", "classified",
    "announcements", "measured",
}  # fmt: skip

# And what is neither counted nor a span.
_UNITS = {
    "share": "share", "uptime": "share", "budget_used": "share", "partial_outage_weight": "share",
    "target_percent": "percent", "is_met": "", "known_since": "", "definition": "",
}  # fmt: skip

Document = dict[str, Any]


def document(figures: Figures) -> Document:
    """Everything, spans in seconds and shares from 0 to 1."""
    first, frequency, promises = figures.first_words, figures.frequency, figures.promises
    return {
        "period": {
            "name": figures.period.value,
            "since": iso_text(figures.since),
            "until": iso_text(figures.until),
            "time_zone": figures.zone,
        },
        "percentiles": DEFINITION,
        "incidents": {
            "total": frequency.total,
            "per_week": _rounded(frequency.per_week),
            "per_month": _rounded(frequency.per_month),
            "by_week": {week.isoformat(): count for week, count in frequency.weeks},
            "by_month": {f"{month:%Y-%m}": count for month, count in frequency.months},
            "caused_by_deployments": {
                "share": _rounded(figures.changes.share),
                "caused": figures.changes.caused,
                "classified": figures.changes.classified,
            },
        },
        "first_public_update": {
            "all": _spread(first.all),
            **{f"from_{origin.value}": _spread(found) for origin, found in first.by_origin},
            "unrecorded": first.unrecorded,
            "inside": first.inside,
        },
        "mttd": _measure(figures.detecting),
        "mtta": _measure(figures.acknowledging),
        "mttr": _measure(figures.repairing),
        "promises": {
            "all": _tally(promises.tally) | {"lateness": _spread(promises.lateness)},
            "lateness_buckets": dict(promises.buckets),
            "by_severity": _groups(promises.by_severity),
            "by_component": _groups(promises.by_component),
            "by_comms_lead": _groups(promises.by_lead),
            "by_hour": [{"name": f"{hour:02}:00", **_tally(each)} for hour, each in enumerate(promises.by_hour)],
        },
        "uptime": {
            "definition": UPTIME_DEFINITION,
            "partial_outage_weight": PARTIAL_SHARE,
            "components": [_uptime(each) for each in figures.uptimes],
        },
        "messages": {
            "announcements": figures.announcements,
            "measured": figures.measured,
            "channels": [_channel(each) for each in figures.channels],
        },
        "subscribers": {
            "all": _moves(figures.tide if figures.tides else None),
            "by_incident": [
                {"name": incident.title, "id": incident.public_id, **_moves(tide)} for incident, tide in figures.tides
            ],
        },
    }


def as_json(figures: Figures) -> str:
    """Everything as one JSON document."""
    return json.dumps(document(figures), indent=2, ensure_ascii=False) + "\n"


def as_csv(figures: Figures) -> Iterator[str]:
    """A line for each figure: section, what it is of, its name, value and unit."""
    yield csv_line(HEADER)
    known = document(figures)
    for name in ("since", "until", "time_zone"):
        yield _line("period", known["period"]["name"], name, known["period"][name], "")
    for section in SECTIONS:
        yield from _section(section, known[section])


def _section(section: str, known: Document, group: str = "") -> Iterator[str]:
    for name, value in known.items():
        match value:
            case dict():
                yield from _section(f"{section}.{name}", value, group)
            case list():
                for each in value:
                    rest = {key: figure for key, figure in each.items() if key not in ("name", "id")}
                    yield from _section(f"{section}.{name}", rest, each["name"])
            case _:
                yield _line(section, group, name, value, _unit(section, name))


def _line(*cells: object) -> str:
    return csv_line([cell(each) for each in cells])


def _unit(section: str, name: str) -> str:
    if name in _UNITS:
        return _UNITS[name]
    is_count = name in _COUNTS or section.endswith(("by_week", "by_month", "lateness_buckets"))
    return "" if is_count or name.startswith("per_") else "seconds"


def _tally(tally: Tally) -> Document:
    return {
        "share": _rounded(tally.share),
        "kept": tally.kept,
        "late": tally.late,
        "overdue": tally.overdue,
        "pending": tally.pending,
        "withdrawn": tally.withdrawn,
        "replaced": tally.replaced,
    }


def _groups(groups: Iterable[Group]) -> list[Document]:
    return [
        {"name": each.name, "incidents": each.incidents, **_tally(each.tally), "lateness": _spread(each.lateness)}
        for each in groups
    ]


def _channel(each: ChannelFacts) -> Document:
    curve = each.curve
    times = {name: curve.until(part) for name, part in (("p50", 0.5), ("p95", 0.95))} if curve.total else {}
    return {
        "name": each.channel,
        "owed": each.owed,
        "reached": each.reached,
        "waiting": each.waiting,
        "lost": each.lost,
        "spared": each.spared,
        "p50": times.get("p50"),
        "p95": times.get("p95"),
    }


def _uptime(each: Standing) -> Document:
    """Spans in seconds; without enough history there is no uptime, and no verdict."""
    spent = each.uptime
    return {
        "name": each.name,
        "id": each.component.public_id,
        "known_since": iso_text(each.component.known_since),
        "uptime": None if each.share is None else round(each.share, 7),
        "target_percent": each.component.target,
        "is_met": each.is_met,
        "budget": None if each.budget is None else round(each.budget.total_seconds(), 3),
        "budget_used": _rounded(each.used),
        "down": spent.down.total_seconds(),
        "major_outage": spent.major.total_seconds(),
        "partial_outage": spent.partial.total_seconds(),
        "under_maintenance": spent.maintenance.total_seconds(),
        "counted": spent.counted.total_seconds(),
    }


def _moves(tide: Tide | None) -> Document:
    return {name: getattr(tide, name) if tide else None for name in ("won", "lost", "stopped")}


def _measure(measure: Measure) -> Document:
    return {"recorded": measure.recorded, "of": measure.of, "spread": _spread(measure.spread)}


def _spread(found: Spread | None) -> Document:
    """All names are there, whether anything is recorded or not."""
    return {
        "count": found.count if found else 0,
        "mean": _rounded(found.mean) if found else None,
        "median": found.median if found else None,
        "p95": found.p95 if found else None,
        "longest": found.longest if found else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
