"""The public API's documents: `incidents.json`, `components.json`, `summary.json`, as anyone can download them."""

from datetime import datetime
from itertools import count
from typing import Any

from .. import text
from ..vocabulary import ComponentStatus, Impact, IncidentStatus
from . import shapes
from .facts import (
    Change,
    ComponentFacts,
    Contents,
    Found,
    GroupFacts,
    IncidentFacts,
    Place,
    Refused,
    Unreadable,
    UpdateFacts,
)
from .html_words import has_markup, markdown
from .json_items import items

NOT_YET = "is a scheduled maintenance. Candor does not keep these yet."
POSTMORTEM = "postmortem"
TITLE_MOST, NAME_MOST, DESCRIPTION_MOST = 255, 120, 500
_STATUSES = (*IncidentStatus, POSTMORTEM)
_PLANNED = ("scheduled", "in_progress", "verifying", "completed")
_LISTS = {"incidents", "components", "scheduled_maintenances"}


def read(file: str, said: str) -> Contents:
    """What a document of the public API says."""
    contents, numbers, known = Contents(), {name: count(1) for name in _LISTS}, False
    for name, line, item in items(said):
        if name == "page" and isinstance(item, dict):
            zone = item.get("time_zone")
            contents.notes.append(f"{file} is of the page “{item.get('name')}”, whose time zone is {zone}.")
        if name not in _LISTS:
            continue
        if not isinstance(item, dict | str | int | float | list | None):
            raise Unreadable("is no status page's file.")
        known = True
        label = f"{name.removesuffix('s').replace('_', ' ')} {next(numbers[name])}"
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            label += f" ({item['id'][:40]})"
        _take(contents, name, Place(file, line), label, item)
    if not known and not said.strip().startswith("{"):
        raise Unreadable("is no incidents.json and no components.json: it has no list of either.")
    if not known and not any(f'"{name}"' in said for name in _LISTS):
        raise Unreadable("is no incidents.json and no components.json: it has no list of either.")
    return contents


def _take(contents: Contents, name: str, place: Place, label: str, item: Any) -> None:
    if name == "scheduled_maintenances" or (isinstance(item, dict) and item.get("status") in _PLANNED):
        contents.refused.append(Refused(place, label, NOT_YET, is_broken=False))
        return
    try:
        found = _incident(item) if name == "incidents" else _component(item)
        # An incident brings the components it names: the other file may lack them.
        besides = [_component(each) for each in shapes.listed(item, "components")] if name == "incidents" else []
    except Unreadable as error:
        contents.refused.append(Refused(place, label, str(error)))
        return
    contents.found += [Found(place, facts) for facts in (*besides, found)]


def _component(item: Any) -> ComponentFacts | GroupFacts:
    item = shapes.mapping(item)
    created_at = shapes.instant(item, "created_at")
    updated_at = shapes.maybe_instant(item, "updated_at") or created_at
    name = shapes.line(item, "name", NAME_MOST)
    description = text.excerpt(text.block(shapes.words(item, "description")), DESCRIPTION_MOST)
    if item.get("group") is True:
        position = shapes.whole(item, "position")
        return GroupFacts(shapes.identity(item), name, description, position, created_at, updated_at)
    return ComponentFacts(
        id=shapes.identity(item),
        name=name,
        description=description,
        position=shapes.whole(item, "position"),
        status=shapes.word(item, "status", tuple(ComponentStatus)),
        group_id=shapes.identity(item, "group_id") if item.get("group_id") else None,
        created_at=created_at,
        updated_at=updated_at,
        showcase=item.get("showcase") is not False,
        start_date=shapes.day(item, "start_date"),
        only_show_if_degraded=item.get("only_show_if_degraded") is True,
    )


def _incident(item: Any) -> IncidentFacts:
    item = shapes.mapping(item)
    created_at = shapes.instant(item, "created_at")
    updates = [_update(each) for each in shapes.listed(item, "incident_updates")]
    if not updates:
        raise Unreadable("incident_updates is empty: nothing was said.")
    if len({update.id for update in updates}) < len(updates):
        raise Unreadable("incident_updates has the same id twice.")
    status = shapes.word(item, "status", _STATUSES)
    updates.reverse()
    updates.sort(key=lambda update: update.at)  # stable: equal times stay as they were listed
    return IncidentFacts(
        id=shapes.identity(item),
        title=shapes.line(item, "name", TITLE_MOST),
        status=_spoken(status),
        impact=shapes.word(item, "impact", tuple(Impact)),
        created_at=created_at,
        started_at=shapes.maybe_instant(item, "started_at") or created_at,
        updated_at=shapes.maybe_instant(item, "updated_at") or created_at,
        monitoring_at=shapes.maybe_instant(item, "monitoring_at"),
        resolved_at=shapes.maybe_instant(item, "resolved_at") or _ended(status, updates),
        updates=tuple(updates),
        component_ids=tuple(
            shapes.identity(shapes.mapping(each))
            for each in shapes.listed(item, "components")
            if shapes.mapping(each).get("group") is not True
        ),
        reminder_intervals=shapes.words(item, "reminder_intervals")[:80] or None,
    )


def _update(item: Any) -> UpdateFacts:
    item = shapes.mapping(item)
    body = shapes.body(item, "body")
    created_at = shapes.instant(item, "created_at")
    updated_at = shapes.maybe_instant(item, "updated_at") or created_at
    changes = {change.component_id: change for change in map(_change, shapes.listed(item, "affected_components"))}
    return UpdateFacts(
        id=shapes.identity(item),
        status=_spoken(shapes.word(item, "status", _STATUSES)),
        body=markdown(body) if has_markup(body) else body,
        at=shapes.maybe_instant(item, "display_at") or created_at,
        edited_at=updated_at if updated_at > created_at else None,
        is_notified=item.get("deliver_notifications") is not False,
        changes=tuple(changes.values()),
    )


def _change(item: Any) -> Change:
    item = shapes.mapping(item)
    return Change(
        shapes.identity(item, "code"),
        shapes.line(item, "name", 2 * NAME_MOST + 3),
        shapes.word(item, "old_status", tuple(ComponentStatus)),
        shapes.word(item, "new_status", tuple(ComponentStatus)),
    )


def _spoken(status: str) -> str:
    """A published postmortem is the last word on something that is over."""
    return IncidentStatus.RESOLVED.value if status == POSTMORTEM else status


def _ended(status: str, updates: list[UpdateFacts]) -> datetime | None:
    return updates[-1].at if _spoken(status) == IncidentStatus.RESOLVED else None
