"""The public documents (v2): pure functions from loaded facts to what is served, key by key like Statuspage's.

They ask nothing of database or request, so that whoever keeps the documents ready may call them too. Incidents come
with their updates and these with their components; what the public may not see is left out here as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..models import Component, ComponentGroup, Incident, IncidentUpdate, Page
from ..status import components_overall, worst
from ..visibility import PUBLIC, may_see

Document = dict[str, Any]

_UTC_ZONES = {"Etc/UTC", "UTC", "Etc/GMT", "Etc/Zulu", "Zulu"}


@dataclass(frozen=True)
class Site:
    """The page that documents speak of, and where it stands."""

    page: Page
    base_url: str

    def instant(self, at: datetime) -> str:
        """RFC 3339 with milliseconds in the page's zone; `Z` where that is UTC."""
        zone = self.page.time_zone
        if zone in _UTC_ZONES:
            return utc_instant(at)
        return at.astimezone(ZoneInfo(zone)).isoformat(timespec="milliseconds")

    def maybe(self, at: datetime | None) -> str | None:
        """As `instant`; null where there is none."""
        return self.instant(at) if at else None

    def link(self, incident: Incident) -> str:
        """Where people read about the incident."""
        return f"{self.base_url}/incidents/{incident.public_id}"


def utc_instant(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, for example "2026-11-21T13:30:00.000Z"."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def summary(site: Site, listed: Sequence[Component], unresolved: Iterable[Incident]) -> Document:
    """Everything that matters now: components, open incidents, maintenances ahead, and the status."""
    return {
        **head(site),
        "components": component_rows(site, listed),
        "incidents": [incident_document(site, each) for each in unresolved],
        "scheduled_maintenances": [],
        **status(listed),
    }


def status_document(site: Site, listed: Sequence[Component]) -> Document:
    """The page in one glance."""
    return {**head(site), **status(listed)}


def components_document(site: Site, listed: Sequence[Component]) -> Document:
    """The components and their groups."""
    return {**head(site), "components": component_rows(site, listed)}


def incidents_document(site: Site, incidents: Iterable[Incident]) -> Document:
    """Incidents, newest first."""
    return {**head(site), "incidents": [incident_document(site, each) for each in incidents]}


def maintenances_document(site: Site) -> Document:
    """Scheduled maintenances; there are none until they can be planned here."""
    return {**head(site), "scheduled_maintenances": []}


def head(site: Site) -> Document:
    """What every document begins with."""
    page = site.page
    return {
        "page": {
            "id": page.public_id,
            "name": page.name,
            "url": site.base_url,
            "time_zone": page.time_zone,
            "updated_at": site.instant(page.updated_at),
        }
    }


def status(listed: Iterable[Component]) -> Document:
    """Indicator and description by the vendor's rule: components alone decide."""
    overall = components_overall(component.status for component in listed)
    return {"status": {"indicator": overall.indicator.value, "description": overall.text}}


def component_rows(site: Site, listed: Sequence[Component]) -> list[Document]:
    """Components and groups in one list by position, as the vendor gives them."""
    rows = [(each.position, 1, each.id, component_document(site, each)) for each in listed]
    rows += [(group.position, 0, group.id, group_row(site, group, listed)) for group in groups_of(listed)]
    return [document for *_, document in sorted(rows, key=lambda row: row[:3])]


def groups_of(listed: Iterable[Component]) -> list[ComponentGroup]:
    """The groups that have something to show."""
    return list(dict.fromkeys(component.group for component in listed if component.group))


def component_document(site: Site, component: Component) -> Document:
    """One component; exactly these keys, because strict clients fail on others."""
    return {
        "id": component.public_id,
        "name": component.name,
        "status": component.status.value,
        "created_at": site.instant(component.created_at),
        "updated_at": site.instant(component.updated_at),
        "position": component.position,
        "description": component.description or None,
        "showcase": component.showcase,
        "start_date": component.start_date.isoformat() if component.start_date else None,
        "group_id": component.group.public_id if component.group else None,
        "page_id": site.page.public_id,
        "group": False,
        "only_show_if_degraded": component.only_show_if_degraded,
    }


def group_row(site: Site, group: ComponentGroup, listed: Iterable[Component]) -> Document:
    """A group among the components: its state is the worst of those under it."""
    members = [component for component in listed if component.group_id == group.id]
    return {
        "id": group.public_id,
        "name": group.name,
        "status": worst(member.status for member in members).value,
        "created_at": site.instant(group.created_at),
        "updated_at": site.instant(group.edited_at or group.created_at),
        "position": group.position,
        "description": group.description or None,
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": site.page.public_id,
        "group": True,
        "only_show_if_degraded": False,
        "components": [member.public_id for member in members],
    }


def incident_document(site: Site, incident: Incident) -> Document:
    """One incident with its updates, newest first."""
    updates = public_updates(incident)
    return {
        "id": incident.public_id,
        "name": incident.title,
        "status": (updates[-1].status if updates else incident.status).value,
        "created_at": site.instant(incident.created_at),
        "updated_at": site.instant(changed_at(incident)),
        "monitoring_at": site.maybe(incident.monitoring_at),
        "resolved_at": site.maybe(incident.resolved_at),
        "impact": incident.impact.value,
        "shortlink": site.link(incident),
        "started_at": site.instant(incident.started_at),
        "page_id": site.page.public_id,
        "incident_updates": [update_document(site, update) for update in reversed(updates)],
        "components": [component_document(site, component) for component in touched(incident)],
        "reminder_intervals": incident.reminder_intervals,
    }


def update_document(site: Site, update: IncidentUpdate) -> Document:
    """One statement."""
    said_at = site.instant(update.created_at)
    return {
        "id": update.public_id,
        "status": update.status.value,
        "body": update.body,
        "incident_id": update.incident.public_id,
        "created_at": said_at,
        "updated_at": site.instant(update.edited_at or update.created_at),
        "display_at": said_at,
        "affected_components": affected_components(update),
        "deliver_notifications": update.is_notified,
        "custom_tweet": None,
        "tweet_id": None,
    }


def affected_components(update: IncidentUpdate) -> list[Document] | None:
    """What the update did to each component; null where it concerned none."""
    changes = [change for change in update.components if may_see(PUBLIC, change.component)]
    return [
        {
            "code": change.component.public_id,
            "name": full_name(change.component),
            "old_status": change.old_status.value,
            "new_status": change.new_status.value,
        }
        for change in changes
    ] or None


def full_name(component: Component) -> str:
    """The component's name with its group's before it."""
    return f"{component.group.name} - {component.name}" if component.group else component.name


def public_updates(incident: Incident) -> list[IncidentUpdate]:
    """What was said in public, oldest first."""
    return [update for update in incident.updates if may_see(PUBLIC, update)]


def changed_at(incident: Incident) -> datetime:
    """When the public last heard something; notes kept inside do not show by their time either."""
    updates = public_updates(incident)
    if len(updates) == len(incident.updates):
        return incident.updated_at
    return max((update.edited_at or update.created_at for update in updates), default=incident.created_at)


def touched(incident: Incident) -> list[Component]:
    """The components this incident has concerned, in the page's order."""
    found = dict.fromkeys(change.component for update in public_updates(incident) for change in update.components)
    seen = [component for component in found if may_see(PUBLIC, component)]
    return sorted(seen, key=lambda component: (component.position, component.id))
