"""An incident as a script reads it: everything that was said, promised, owed and chased, instants in RFC 3339."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from .. import publishing, urls
from ..clock import iso_text
from ..db import db
from ..models import Announcement, Deadline, Delivery, Incident, IncidentUpdate, Promise, Reminder
from ..vocabulary import AnnouncementKind

Facts = dict[str, Any]


def summary(incident: Incident) -> Facts:
    """The incident without its updates."""
    return {
        "id": incident.public_id,
        "title": incident.title,
        "status": incident.status.value,
        "severity": incident.severity.value,
        "type": incident.type.value,
        "impact": incident.impact.value,
        "audience": incident.audience.value,
        "started_at": iso_text(incident.started_at),
        "resolved_at": _instant(incident.resolved_at),
        "next_update_due_at": _instant(incident.next_update_due_at),
        "no_promise_reason": incident.no_promise_reason,
        "url": urls.incident(incident.public_id),
    }


def whole(incident: Incident) -> Facts:
    """The incident with its components, updates, ledger, roles and reminders."""
    announcements = _announcements(incident)
    return {
        **summary(incident),
        "components": [
            {"id": component.public_id, "name": component.name, "status": status.value}
            for component, status in publishing.affected(incident).items()
        ],
        "updates": [_update(update, announcements.get(update.id)) for update in incident.updates],
        "roles": [
            {"role": held.role.value, "email": held.staff_user.email, "name": held.staff_user.name}
            for held in sorted(incident.assignments, key=lambda held: held.id)
        ],
        "promises": [_promise(each) for each in incident.promises],
        "deadlines": [_deadline(each) for each in incident.deadlines],
        "reminders": [_reminder(reminder) for reminder in _reminders(incident)],
    }


def _update(update: IncidentUpdate, announcement: Announcement | None) -> Facts:
    return {
        "id": update.public_id,
        "sequence": update.sequence,
        "status": update.status.value,
        "body": update.body,
        "audience": update.audience.value,
        "author": update.author.email if update.author else None,
        "created_at": iso_text(update.created_at),
        "edited_at": _instant(update.edited_at),
        "next_update_due_at": _instant(update.next_update_due_at),
        "no_promise_reason": update.no_promise_reason,
        "promise_outcome": update.promise.outcome.value if update.promise and update.promise.outcome else None,
        "components": [
            {
                "id": change.component.public_id,
                "name": change.component.name,
                "old_status": change.old_status.value,
                "new_status": change.new_status.value,
            }
            for change in update.components
        ],
        "announcement": _announcement(announcement) if announcement else None,
    }


def _promise(promise: Promise) -> Facts:
    return {
        "made_at": iso_text(promise.made_at),
        "due_at": iso_text(promise.due_at),
        "is_first": promise.is_first,
        "outcome": promise.outcome.value if promise.outcome else None,
        "settled_at": _instant(promise.settled_at),
        "late_by": promise.late_by.total_seconds() if promise.late_by else None,
        "reason": promise.reason,
    }


def _deadline(deadline: Deadline) -> Facts:
    return {
        "name": deadline.name,
        "kind": deadline.kind.value,
        "owner": deadline.owner,
        "due_at": iso_text(deadline.due_at),
        "done_at": _instant(deadline.done_at),
        "is_waived": deadline.is_waived,
        "note": deadline.note,
        "reminders": [
            {
                "to": each.staff_user.email,
                "step": each.step.value,
                "round": each.round,
                "due_at": iso_text(each.due_at),
                "created_at": iso_text(each.created_at),
            }
            for each in deadline.reminders
        ],
    }


def _announcement(announcement: Announcement) -> Facts:
    """What is owed is final once the audience has been worked out, which `is_expanded` tells."""
    states = _states(announcement.id)
    return {
        "id": announcement.public_id,
        "is_expanded": announcement.expanded_at is not None,
        "owed": sum(states.values()),
        "states": states,
    }


def _reminder(reminder: Reminder) -> Facts:
    return {
        "step": reminder.step.value,
        "role": reminder.role,
        "to": reminder.staff_user.email,
        "promise_due_at": iso_text(reminder.promise_due_at),
        "created_at": iso_text(reminder.created_at),
        "cancelled_at": _instant(reminder.cancelled_at),
        "used_at": _instant(reminder.used_at),
        "deliveries": _by_channel(reminder.announcement_id),
    }


def _announcements(incident: Incident) -> dict[int, Announcement]:
    query = select(Announcement).filter_by(incident_id=incident.id, kind=AnnouncementKind.INCIDENT_UPDATE)
    return {each.update_id: each for each in db.session.scalars(query) if each.update_id is not None}


def _states(announcement_id: int) -> dict[str, int]:
    query = select(Delivery.state, func.count()).where(Delivery.announcement_id == announcement_id)
    return {state.value: count for state, count in db.session.execute(query.group_by(Delivery.state))}


def _by_channel(announcement_id: int) -> dict[str, str]:
    query = select(Delivery.channel, Delivery.state).where(Delivery.announcement_id == announcement_id)
    return {channel: state.value for channel, state in db.session.execute(query.order_by(Delivery.channel))}


def _reminders(incident: Incident) -> list[Reminder]:
    return list(db.session.scalars(select(Reminder).filter_by(incident_id=incident.id).order_by(Reminder.id)))


def _instant(at: datetime | None) -> str | None:
    return iso_text(at) if at else None
