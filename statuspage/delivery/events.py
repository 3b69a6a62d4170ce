"""An update as an event for machines: Statuspage's webhook payload key by key, with a few keys of our own beside it.

Readers of Statuspage's tell an incident from a component by the key that is there, and ignore the rest.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from .. import urls
from ..db import db
from ..models import Component, Incident, IncidentUpdate, Page
from ..status import components_overall
from ..visibility import PUBLIC, may_see, only_for
from ..vocabulary import IncidentStatus

Facts = dict[str, Any]

# What Statuspage's payload has and we have no word for.
_NO_POSTMORTEM: Facts = {
    "postmortem_ignored": False,
    "postmortem_body": None,
    "postmortem_body_last_updated_at": None,
    "postmortem_published_at": None,
    "postmortem_notified_subscribers": False,
    "postmortem_notified_twitter": False,
}
_NOT_SCHEDULED: Facts = {
    "scheduled_for": None,
    "scheduled_until": None,
    "scheduled_remind_prior": False,
    "scheduled_reminded_at": None,
    "scheduled_auto_in_progress": False,
    "scheduled_auto_completed": False,
}
_NOT_TWEETED: Facts = {"wants_twitter_update": False, "twitter_updated_at": None, "custom_tweet": None}


def incident_event(update: IncidentUpdate, unsubscribe_url: str) -> Facts:
    """What an endpoint is told of one update: how the page and the incident stand, all that was said so far."""
    incident = update.incident
    page = incident.page
    return {
        "meta": {
            "unsubscribe": unsubscribe_url,
            "documentation": urls.absolute("/"),
            "generated_at": _at(update.created_at, page),
        },
        "page": _page(page),
        "incident": _incident(incident, update),
        "type": _kind(update),
        "timestamp": _at(update.created_at, page),
        "update_id": update.public_id,
    }


def _kind(update: IncidentUpdate) -> str:
    if update.status is IncidentStatus.RESOLVED:
        return "incident.resolved"
    return "incident.created" if update.sequence == 1 else "incident.updated"


def _page(page: Page) -> Facts:
    query = select(Component.status).where(
        Component.page_id == page.id, Component.archived_at.is_(None), *only_for(PUBLIC, Component)
    )
    overall = components_overall(db.session.scalars(query))
    facts = {"id": page.public_id, "status_indicator": overall.indicator.value, "status_description": overall.text}
    return facts | {"name": page.name, "url": urls.absolute("/")}


def _incident(incident: Incident, latest: IncidentUpdate) -> Facts:
    page = incident.page
    due_at, reason = incident.standing_after(latest)
    said = [each for each in incident.updates if may_see(PUBLIC, each) and each.sequence <= latest.sequence]
    said = said if latest in said else [*said, latest]
    touched = {change.component for each in said for change in each.components if may_see(PUBLIC, change.component)}
    return {
        "name": incident.title,
        "status": latest.status.value,
        "created_at": _at(incident.created_at, page),
        "updated_at": _at(incident.updated_at, page),
        "monitoring_at": _at(incident.monitoring_at, page),
        "resolved_at": _at(incident.resolved_at, page),
        "impact": incident.impact.value,
        "shortlink": urls.incident(incident.public_id),
        **_NO_POSTMORTEM,
        "backfilled": False,
        **_NOT_SCHEDULED,
        "impact_override": incident.impact_override.value if incident.impact_override else None,
        "id": incident.public_id,
        "page_id": page.public_id,
        "incident_updates": [_update(each, page) for each in reversed(said)],
        "components": [_component(each, page) for each in _in_order(touched)],
        "started_at": _at(incident.started_at, page),
        "next_update_due_at": _at(due_at, page),
        "no_next_update_reason": reason or None,
    }


def _update(update: IncidentUpdate, page: Page) -> Facts:
    said_at = _at(update.created_at, page)
    changes = [each for each in update.components if may_see(PUBLIC, each.component)]
    affected = [
        {
            "code": each.component.public_id,
            "name": each.component.name,
            "old_status": each.old_status.value,
            "new_status": each.new_status.value,
        }
        for each in changes
    ]
    return {
        "status": update.status.value,
        "body": update.body,
        "created_at": said_at,
        **_NOT_TWEETED,
        "updated_at": _at(update.edited_at or update.created_at, page),
        "display_at": said_at,
        "affected_components": affected or None,
        "deliver_notifications": update.is_notified,
        "id": update.public_id,
        "incident_id": update.incident.public_id,
    }


def _component(component: Component, page: Page) -> Facts:
    return {
        "status": component.status.value,
        "name": component.name,
        "created_at": _at(component.created_at, page),
        "updated_at": _at(component.status_changed_at, page),
        "position": component.position + 1,
        "description": component.description or None,
        "showcase": True,
        "id": component.public_id,
        "page_id": page.public_id,
        "group_id": component.group.public_id if component.group else None,
    }


def _in_order(components: Iterable[Component]) -> list[Component]:
    return sorted(components, key=lambda each: (each.position, each.id))


def _at(moment: datetime | None, page: Page) -> str | None:
    """An instant in the page's zone, as Statuspage writes it."""
    if moment is None:
        return None
    return moment.astimezone(ZoneInfo(page.time_zone)).isoformat(timespec="milliseconds")
