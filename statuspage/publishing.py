"""What a comms lead does with an incident. Each verb checks its rules, writes words, derived state, promise,
audit row and announcement, and commits once. What it costs does not grow with the number of subscribers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from . import announcing, audit, idempotency, text
from .audit import Actor
from .cadence import deadlines, promises
from .db import db, lock, lock_name
from .delivery import outbox
from .drafts import IncidentDraft, UpdateDraft
from .drills import telling
from .errors import ComponentsNotGreen, Conflict, NotFound, StaleDraft
from .models import (
    Component,
    Incident,
    IncidentAssignment,
    IncidentUpdate,
    Page,
    StaffUser,
    UpdateComponent,
    UpdateRevision,
)
from .status import HEAVIER, incident_impact, is_severer
from .visibility import PUBLIC, may_see
from .vocabulary import Audience, ComponentStatus, Impact, IncidentRole, IncidentStatus

SAME_WORDS_WITHIN = timedelta(seconds=10)
ALREADY_OVER = "This incident is resolved. Reopen it to post an update."


def open_incident(page: Page, draft: IncidentDraft, by: Actor, now: datetime, key: str = "") -> Incident:
    """An incident exists, its first statement is said and owed to everyone whom it concerns.

    With an internal first statement the incident stays inside, and the first public update is promised. It may
    begin as resolved: an honest word about something that is over already.
    The same `key` again returns the incident it made the first time; without a key, the same words within ten
    seconds are taken for a second click and refused.
    """
    if made := idempotency.result(key, Incident):
        return made
    first = draft.first
    if first.audience is Audience.INTERNAL and first.components:
        raise Conflict("An internal note changes nothing in public. Name the components when you publish.")
    _lock_page(page)
    if not key:
        _refuse_same_incident_again(page, draft.title, first.body, now)
    incident = Incident(
        page=page,
        title=draft.title,
        type=draft.type,
        severity=draft.severity,
        status=first.status,
        impact=Impact.NONE,
        impact_override=first.impact_override,
        audience=first.audience,
        reporter_id=by.user_id,
        started_at=draft.started_at or now,
        detected_at=now,
        client_data=dict(draft.client_data),
        reminder_intervals=draft.reminder_intervals,
        created_at=now,
        updated_at=now,
    )
    db.session.add(incident)
    roles = dict.fromkeys(draft.roles)
    incident.assignments = [IncidentAssignment(role=role, staff_user=user) for role, user in roles]
    db.session.flush()
    audit.record(by, "incident.open", incident, now, severity=draft.severity.value, audience=first.audience.value)
    _say(incident, replace(first, severity=None), by, now)
    idempotency.remember(key, incident, now)
    db.session.commit()
    return incident


def post_update(incident: Incident, draft: UpdateDraft, by: Actor, now: datetime, key: str = "") -> IncidentUpdate:
    """Something new is said about an open incident and owed to everyone whom it concerns.

    Raises StaleDraft when somebody else spoke since the draft was begun, ComponentsNotGreen when a resolve
    leaves components behind unasked, Conflict for every other rule.
    """
    if made := idempotency.result(key, IncidentUpdate):
        return made
    hold(incident)
    if not incident.is_open:
        raise Conflict(ALREADY_OVER)
    return say(incident, draft, by, now, key)


def reopen(incident: Incident, draft: UpdateDraft, by: Actor, now: datetime, key: str = "") -> IncidentUpdate:
    """A resolved incident is open again, with words that say so, and promises its next update."""
    if made := idempotency.result(key, IncidentUpdate):
        return made
    hold(incident)
    if incident.is_open:
        raise Conflict("This incident is open. Post an update instead.")
    if draft.status is IncidentStatus.RESOLVED:
        raise Conflict("Choose the status that the reopened incident has now.")
    return say(incident, draft, by, now, key)


def correct(  # noqa: PLR0913 - a correction says all of it
    update: IncidentUpdate,
    body: str,
    by: Actor,
    now: datetime,
    seen_revisions: int | None = None,
    *,
    tells: bool = False,
) -> IncidentUpdate:
    """The update has better words; the old ones are kept, and the page says that it was edited.

    With `tells`, exactly those who were told the old words are told the new ones; what has not left yet leaves
    with the new words.
    Raises StaleDraft when somebody corrected it since its author looked (had seen so many revisions).
    """
    lock(update)
    if seen_revisions is not None and seen_revisions != len(update.revisions):
        raise StaleDraft("A colleague has corrected these words while you were writing. Read theirs, then save yours.")
    if body == update.body:
        return update
    db.session.add(UpdateRevision(update=update, body=update.body, replaced_at=now, replaced_by_id=by.user_id))
    update.body = body
    update.edited_at = now
    update.incident.updated_at = now
    audit.record(by, "update.correct", update, now, incident=update.incident.public_id, tells=tells)
    if tells:
        announcing.tell_correction(update, now)
    db.session.commit()
    return update


def assign(incident: Incident, role: IncidentRole, user: StaffUser | None, by: Actor, now: datetime) -> None:
    """The role on this incident is held by this person alone; by nobody when there is none."""
    incident.assignments = [held for held in incident.assignments if held.role is not role]
    db.session.flush()
    if user is not None:
        incident.assignments.append(IncidentAssignment(role=role, staff_user=user))
    audit.record(by, "incident.assign", incident, now, role=role.value, to=user.public_id if user else None)
    db.session.commit()


def assign_all(incident: Incident, roles: Iterable[tuple[IncidentRole, StaffUser]], by: Actor, now: datetime) -> None:
    """The roles on this incident are held as given, and no others are."""
    wanted = dict.fromkeys(roles)
    kept = [held for held in incident.assignments if (held.role, held.staff_user) in wanted]
    has = {(held.role, held.staff_user) for held in kept}
    incident.assignments = kept + [
        IncidentAssignment(role=role, staff_user=user) for role, user in wanted if (role, user) not in has
    ]
    audit.record(by, "incident.assign", incident, now, roles=[[role.value, user.public_id] for role, user in wanted])
    db.session.commit()


def hide(incident: Incident, by: Actor, now: datetime) -> None:
    """The public sees nothing of this incident any more, and whoever was not told yet is not told of it.

    Staff and the record keep all of it.
    """
    hold(incident)
    if incident.is_hidden:
        return
    incident.hidden_at = incident.updated_at = incident.page.updated_at = now
    promises.withdraw(incident, promises.TAKEN_OFF, by, now)
    deadlines.fall_silent(incident, now)
    announcing.take_back_all(incident, by, now)
    audit.record(by, "incident.hide", incident, now)
    db.session.commit()


def show_again(incident: Incident, by: Actor, now: datetime) -> None:
    """What was hidden is back where the public saw it."""
    if incident.page.is_stage:
        raise Conflict("This drill is over. Rehearse it again to say something more.")
    hold(incident)
    if not incident.is_hidden:
        return
    incident.hidden_at = None
    incident.updated_at = incident.page.updated_at = incident.next_look_at = now
    audit.record(by, "incident.show", incident, now)
    db.session.commit()


def affected(incident: Incident) -> dict[Component, ComponentStatus]:
    """The components this incident has touched, each with its present state."""
    touched = select(UpdateComponent.component_id).join(IncidentUpdate).where(IncidentUpdate.incident_id == incident.id)
    query = select(Component).where(Component.id.in_(touched))
    rows = db.session.scalars(query.order_by(Component.position, Component.id))
    return {component: component.status for component in rows}


def not_green(incident: Incident, changes: Mapping[Component, ComponentStatus] | None = None) -> list[Component]:
    """The components this incident touched that would not be operational once `changes` are made."""
    after = {**affected(incident), **(changes or {})}
    return [component for component, status in after.items() if status is not ComponentStatus.OPERATIONAL]


def impact_after(so_far: Impact, states: Mapping[Component, ComponentStatus], override: Impact | None) -> Impact:
    """The impact once components stand so. What the public may not see has no weight in what it is told."""
    return incident_impact(so_far, [state for each, state in states.items() if may_see(PUBLIC, each)], override)


def is_key_moment(incident: Incident, draft: UpdateDraft, impact: Impact) -> bool:
    """Whether those who want key moments only hear of it: begin, jump in severity or impact, resolve, reopen."""
    begins = incident.sequence == 0 or incident.audience is Audience.INTERNAL or not incident.is_open
    ends = draft.status is IncidentStatus.RESOLVED
    jumps = HEAVIER.index(impact) > HEAVIER.index(incident.impact) or (
        draft.severity is not None and is_severer(draft.severity, incident.severity)
    )
    return draft.audience is Audience.PUBLIC and (begins or ends or jumps)


def find_incident(page: Page, public_id: str) -> Incident:
    """The page's incident with this id; raises NotFound."""
    incident = db.session.scalar(select(Incident).filter_by(page_id=page.id, public_id=public_id))
    if incident is None:
        raise NotFound("There is no such incident.")
    return incident


def find_update(page: Page, public_id: str) -> IncidentUpdate:
    """The update with this id of one of the page's incidents; raises NotFound."""
    query = select(IncidentUpdate).join(Incident).where(Incident.page_id == page.id)
    update = db.session.scalar(query.where(IncidentUpdate.public_id == public_id))
    if update is None:
        raise NotFound("There is no such update.")
    return update


def say(incident: Incident, draft: UpdateDraft, by: Actor, now: datetime, key: str) -> IncidentUpdate:
    """The draft is said about a locked incident, as the rules of every statement allow; commits."""
    if incident.is_hidden:
        raise Conflict("This incident has been taken off the page. Show it again to say something about it.")
    if draft.seen_sequence is not None and draft.seen_sequence != incident.sequence:
        raise StaleDraft("Somebody posted an update while you were writing. Read it, then post yours.")
    if draft.audience is Audience.INTERNAL and (draft.components or _changes_what_is_public(incident, draft)):
        raise Conflict("An internal note changes nothing in public. Post it publicly to change status or components.")
    if not key:
        _refuse_same_words_again(incident, draft, now)
    if draft.status is IncidentStatus.RESOLVED and not draft.leaves_components:
        behind = not_green(incident, draft.components)
        if behind:
            raise ComponentsNotGreen([component.name for component in behind])
    if not incident.is_open:
        audit.record(by, "incident.reopen", incident, now)
    update = _say(incident, draft, by, now)
    idempotency.remember(key, update, now)
    db.session.commit()
    return update


def _says_the_same(update: IncidentUpdate, draft: UpdateDraft) -> bool:
    said, meant = (update.body, update.status, update.audience), (draft.body, draft.status, draft.audience)
    return said == meant


def _changes_what_is_public(incident: Incident, draft: UpdateDraft) -> bool:
    says_otherwise = draft.status is not incident.status or draft.impact_override is not None
    return incident.audience is Audience.PUBLIC and says_otherwise


def _say(incident: Incident, draft: UpdateDraft, by: Actor, now: datetime) -> IncidentUpdate:
    """Write one statement and everything that follows from it; the caller commits."""
    touched = affected(incident)
    states = {**touched, **draft.components}
    impact = impact_after(incident.impact, states, draft.impact_override or incident.impact_override)
    update = IncidentUpdate(
        incident=incident,
        sequence=incident.sequence + 1,
        status=draft.status,
        body=draft.body,
        audience=draft.audience,
        is_notified=draft.is_notified,
        is_key_moment=is_key_moment(incident, draft, impact),
        author_id=by.user_id,
        created_at=now,
        components=[
            UpdateComponent(component=component, old_status=component.status, new_status=status)
            for component, status in states.items()
        ],
    )
    for component, status in draft.components.items():
        if component.status is not status:
            component.status, component.status_changed_at = status, now
    db.session.add(update)
    _derive(incident, draft, impact, now)
    promises.renew(incident, update, draft.promise, now)
    if incident.sequence == 1 or draft.severity is not None:
        deadlines.owe(incident, now)
    db.session.flush()
    audit.record(by, "update.post", update, now, incident=incident.public_id, status=draft.status.value)
    if draft.audience is Audience.PUBLIC:
        _confirm_page(incident, now)
        if draft.is_notified:
            outbox.announce_update(update, list(states), now, draft.hold)
            if incident.page.is_stage:  # where nobody is subscribed, so that this went to nobody
                telling.tell_update(update, now)
    return update


def _derive(incident: Incident, draft: UpdateDraft, impact: Impact, now: datetime) -> None:
    incident.sequence += 1
    incident.status = draft.status
    incident.impact = impact
    incident.impact_override = draft.impact_override or incident.impact_override
    incident.severity = draft.severity or incident.severity
    incident.updated_at = now
    if draft.audience is Audience.PUBLIC:
        incident.audience = Audience.PUBLIC
    if draft.status is IncidentStatus.MONITORING and incident.monitoring_at is None:
        incident.monitoring_at = now
    incident.resolved_at = now if draft.status is IncidentStatus.RESOLVED else None


def _confirm_page(incident: Incident, now: datetime) -> None:
    """Whoever says something public has looked at how things are."""
    incident.page.confirmed_at = max(incident.page.confirmed_at, now)
    incident.page.updated_at = now


def hold(incident: Incident) -> None:
    """One voice at a time: page and incident are ours until the commit, in the order in which everybody takes them."""
    _lock_page(incident.page)
    lock(incident)


def _lock_page(page: Page) -> None:
    """Who confirms at this moment is told either how things stand after our words, or our words themselves."""
    lock_name(page.voice)
    lock(page)


def _refuse_same_words_again(incident: Incident, draft: UpdateDraft, now: datetime) -> None:
    last = incident.updates[-1] if incident.updates else None
    if last and _says_the_same(last, draft) and now - last.created_at < SAME_WORDS_WITHIN:
        raise Conflict("The same words were published a few seconds ago. Change them, or wait a moment to repeat them.")


def _refuse_same_incident_again(page: Page, title: str, body: str, now: datetime) -> None:
    recent = db.session.scalars(
        select(Incident).where(
            Incident.page_id == page.id, Incident.title == title, Incident.created_at > now - SAME_WORDS_WITHIN
        )
    )
    for incident in recent:
        if incident.updates and text.block(incident.updates[0].body) == body:
            raise Conflict("The same incident was opened a few seconds ago. Post an update to it instead.")
