"""What is in the database, told in the words of a file."""

from ..models import Component, ComponentGroup, Incident, IncidentUpdate, Subscriber
from ..vocabulary import SubscriberState
from .facts import Change, ComponentFacts, Facts, GroupFacts, IncidentFacts, SubscriberFacts, UpdateFacts

EXACT, FEED, PEOPLE = "statuspage api", "statuspage feed", "statuspage export"
_STATES = {
    SubscriberState.CONFIRMED: "active",
    SubscriberState.PENDING: "unconfirmed",
    SubscriberState.QUARANTINED: "quarantined",
    SubscriberState.UNSUBSCRIBED: "unsubscribed",
}


def facts(row: ComponentGroup | Component | Incident | Subscriber) -> Facts:
    """The row as if a file had said it."""
    match row:
        case ComponentGroup():
            return GroupFacts(
                row.public_id, row.name, row.description, row.position, row.created_at, row.edited_at or row.created_at
            )
        case Component():
            return _component(row)
        case Incident():
            return _incident(row)
        case Subscriber():
            return _subscriber(row)


def is_exact(incident: Incident) -> bool:
    """Whether it came from the API's documents, which know more than a feed."""
    return (incident.imported_from or "").startswith(EXACT)


def _component(row: Component) -> ComponentFacts:
    return ComponentFacts(
        id=row.public_id,
        name=row.name,
        description=row.description,
        position=row.position,
        status=row.status.value,
        group_id=row.group.public_id if row.group else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        showcase=row.showcase,
        start_date=row.start_date,
        only_show_if_degraded=row.only_show_if_degraded,
    )


def _incident(row: Incident) -> IncidentFacts:
    touched = {change.component: None for update in row.updates for change in update.components}
    return IncidentFacts(
        id=row.public_id,
        title=row.title,
        status=row.status.value,
        impact=row.impact.value,
        created_at=row.created_at,
        started_at=row.started_at,
        updated_at=row.updated_at,
        monitoring_at=row.monitoring_at,
        resolved_at=row.resolved_at,
        updates=tuple(_update(update) for update in row.updates),
        component_ids=tuple(component.public_id for component in touched),
        reminder_intervals=row.reminder_intervals,
        is_exact=is_exact(row),
    )


def _update(row: IncidentUpdate) -> UpdateFacts:
    return UpdateFacts(
        id=row.public_id,
        status=row.status.value,
        body=row.body,
        at=row.created_at,
        edited_at=row.edited_at,
        is_notified=row.is_notified,
        changes=tuple(
            Change(each.component.public_id, each.component.name, each.old_status.value, each.new_status.value)
            for each in row.components
        ),
    )


def _subscriber(row: Subscriber) -> SubscriberFacts:
    return SubscriberFacts(
        id=row.public_id,
        channel=row.channel,
        address=row.address,
        components=tuple(sorted(each.component.public_id for each in row.subscriptions if each.component)),
        state=_STATES[row.state],
        created_at=row.created_at,
    )
