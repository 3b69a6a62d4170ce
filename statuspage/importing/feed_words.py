"""One entry of a vendor's feed: its HTML says when which status was reached, newest first, in the page's own zone."""

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar

from ..vocabulary import Impact, IncidentStatus
from . import shapes
from .facts import IncidentFacts, Unreadable, UpdateFacts, derived_id
from .html_words import markdown
from .v2 import TITLE_MOST

_BEGIN = re.compile(r"(?=<p>\s*<small>)")
_PARAGRAPH = re.compile(
    r"<p>\s*<small>(?P<when>.*?)</small>\s*<br\s*/?>\s*<strong>(?P<label>.*?)</strong>\s*-(?P<words>.*)</p>\s*",
    re.DOTALL,
)
_WHEN = re.compile(r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<hour>\d\d):(?P<minute>\d\d) (?P<zone>[A-Z+\-\d:]+)")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_PLANNED = {"scheduled", "in progress", "verifying", "completed"}
_SAME, _POSTMORTEM = "update", "postmortem"
# Abbreviations that mean one thing in a status page's feed; any other is measured against the entry's own time.
_ZONES = {
    "UTC": 0, "GMT": 0, "BST": 60, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "EET": 120, "EEST": 180,
    "EST": -300, "EDT": -240, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
    "JST": 540, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
}  # fmt: skip


@dataclass
class Entry:
    """What the feed says of one incident, unread."""

    SAID: ClassVar = ("title", "published", "updated", "content")

    line: int
    link: str = ""
    title: str = ""
    published: str = ""
    updated: str = ""
    content: str = ""


@dataclass(frozen=True)
class _Said:
    when: re.Match[str]
    label: str
    html: str


def incident(entry: Entry) -> IncidentFacts | None:
    """The incident that an entry tells of; None for a scheduled maintenance."""
    item = {"id": entry.link.rstrip("/").rpartition("/")[2], "title": entry.title}
    public_id, title = shapes.identity(item), shapes.line(item, "title", TITLE_MOST)
    if "THIS IS A SCHEDULED EVENT" in entry.content:
        return None
    said = _paragraphs(entry.content)
    if any(each.label.lower() in _PLANNED for each in said):
        return None
    if not said:
        raise Unreadable("its content names no update in the form that Statuspage writes.")
    published = shapes.read_instant(entry.published, "published")
    times = _times([each.when for each in said], published)
    updates = _updates(public_id, said[::-1], times[::-1])
    status, first = updates[-1].status, updates[0].at
    is_over = status == IncidentStatus.RESOLVED
    return IncidentFacts(
        id=public_id,
        title=title,
        status=status,
        impact=Impact.NONE.value,
        created_at=first,
        started_at=first,
        updated_at=max(shapes.read_instant(entry.updated, "updated"), updates[-1].at),
        monitoring_at=next((each.at for each in updates if each.status == IncidentStatus.MONITORING), None),
        resolved_at=_end(updates) if is_over else None,
        updates=tuple(updates),
        is_exact=False,
    )


def _end(updates: list[UpdateFacts]) -> datetime:
    """When it was resolved for the last time; a postmortem may follow."""
    end = updates[-1].at
    for update in reversed(updates):
        if update.status != IncidentStatus.RESOLVED:
            break
        end = update.at
    return end


def _paragraphs(content: str) -> list[_Said]:
    before, *parts = _BEGIN.split(content)
    found = []
    for part in parts:
        match = _PARAGRAPH.fullmatch(part)
        if before.strip() or not match:
            raise Unreadable("its content has a part in a form that Statuspage does not write.")
        when = _WHEN.search(" ".join(html.unescape(re.sub(r"<[^>]*>", "", match["when"])).split()))
        if not when or when["month"] not in _MONTHS:
            raise Unreadable("an update's time cannot be read.")
        found.append(_Said(when, " ".join(html.unescape(match["label"]).split()), match["words"]))
    return found


def _updates(public_id: str, said: list[_Said], times: list[datetime]) -> list[UpdateFacts]:
    """The updates, oldest first. "Update" means the status before it; a postmortem follows what is over."""
    updates: list[UpdateFacts] = []
    for number, (each, at) in enumerate(zip(said, times, strict=True), 1):
        label = each.label.lower()
        if label == _SAME:
            status = updates[-1].status if updates else IncidentStatus.INVESTIGATING.value
        elif label == _POSTMORTEM:
            status = IncidentStatus.RESOLVED.value
        else:
            status = shapes.word({"an update's status": label}, "an update's status", tuple(IncidentStatus))
        body = shapes.body({"body": markdown(each.html)}, "body")
        updates.append(UpdateFacts(derived_id("atom", public_id, number), status, body, at))
    return updates


def _times(whens: list[re.Match[str]], published: datetime) -> list[datetime]:
    """The instants of the updates, newest first. The feed leaves out the year: the latest one that fits is meant."""
    times: list[datetime] = []
    for when in whens:
        zone = _zone(when["zone"], whens[0], published)
        newest = times[-1] if times else published + timedelta(days=183)
        times.append(_latest(when, zone, newest))
    if times[0].replace(second=0) == published.replace(second=0, microsecond=0):
        times[0] = published
    return times


def _latest(when: re.Match[str], zone: timezone, not_after: datetime) -> datetime:
    month = _MONTHS.index(when["month"]) + 1
    for year in range(not_after.year + 1, not_after.year - 9, -1):
        try:
            at = datetime(year, month, int(when["day"]), int(when["hour"]), int(when["minute"]), tzinfo=zone)
        except ValueError:  # 29 February of another year
            continue
        if at <= not_after:
            return at.astimezone(UTC)
    raise Unreadable("an update's time is on no calendar.")


def _zone(name: str, newest: re.Match[str], published: datetime) -> timezone:
    if name in _ZONES:
        return timezone(timedelta(minutes=_ZONES[name]))
    if name != newest["zone"]:
        raise Unreadable(f"the time zone {name} is not known.")
    month = _MONTHS.index(newest["month"]) + 1
    for year in (published.year, published.year - 1, published.year + 1):
        local = datetime(year, month, int(newest["day"]), int(newest["hour"]), int(newest["minute"]), tzinfo=UTC)
        offset = local - published.replace(second=0, microsecond=0)
        if abs(offset) <= timedelta(hours=14) and offset % timedelta(minutes=15) == timedelta():
            return timezone(offset)
    raise Unreadable(f"the time zone {name} is not known.")
