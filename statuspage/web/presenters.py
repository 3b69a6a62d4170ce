"""From rows to what a reader sees. Everything public goes through here, and so past `visibility`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from .. import text, urls
from ..cadence.promises import is_late
from ..db import db
from ..models import Component, Incident, IncidentUpdate, Page, Promise, UpdateComponent
from ..status import ALL_GREEN, headline, worst
from ..visibility import Viewer, may_see, only_for
from ..vocabulary import ComponentStatus, DeadlineKind, Impact, IncidentStatus, IncidentType, PromiseOutcome


@dataclass(frozen=True)
class Headline:
    """The page in one glance."""

    indicator: Impact
    text: str
    confirmed_at: datetime | None


@dataclass(frozen=True)
class ComponentView:
    """One component and its state."""

    id: str
    name: str
    description: str
    status: ComponentStatus


@dataclass(frozen=True)
class GroupView:
    """Components under one heading (none for those without a group) and the worst of their states."""

    name: str | None
    description: str
    status: ComponentStatus
    components: list[ComponentView]


@dataclass(frozen=True)
class PromiseView:
    """When the next update comes, or why none is planned."""

    due_at: datetime | None
    reason_for_none: str
    is_late: bool
    # What was promised before it was moved, and why it was.
    moved_from: datetime | None = None
    moved_because: str = ""


@dataclass(frozen=True)
class DeadlineView:
    """A word promised to customers beside the updates: by when, or since when it is given."""

    name: str
    due_at: datetime
    done_at: datetime | None
    is_late: bool


@dataclass(frozen=True)
class UpdateView:
    """One statement, with the words it had before corrections."""

    id: str
    status: IncidentStatus
    body: str
    body_html: Markup
    at: datetime
    edited_at: datetime | None
    previous: list[tuple[datetime, Markup]]
    changes: list[tuple[str, ComponentStatus, ComponentStatus]]


@dataclass(frozen=True)
class IncidentView:
    """One incident as a reader sees it; updates are newest first."""

    id: str
    title: str
    url: str
    status: IncidentStatus
    impact: Impact
    type: IncidentType
    started_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    is_open: bool
    components: list[ComponentView]
    promise: PromiseView | None
    updates: list[UpdateView]
    duration: timedelta | None
    deadlines: list[DeadlineView]
    # When time alone makes this look otherwise: a promise or a deadline falls due.
    changes_at: datetime | None


@dataclass(frozen=True)
class DayView:
    """The incidents that began on one day."""

    date: date
    incidents: list[IncidentView]


def overview_headline(page: Page, viewer: Viewer) -> Headline:
    """The page's headline; only green says when it was last confirmed."""
    statuses = [component.status for component in listed_components(page, viewer)]
    impacts = db.session.scalars(
        _incidents(page, viewer, Incident.impact).where(Incident.status != IncidentStatus.RESOLVED)
    )
    overall = headline(statuses, list(impacts))
    # An open incident may weigh nothing and still is one.
    return Headline(overall.indicator, overall.text, page.confirmed_at if overall.text == ALL_GREEN else None)


def groups(page: Page, viewer: Viewer, with_quiet: bool = True) -> list[GroupView]:
    """The components by group, in the page's order; those without a group come first.

    A component that only shows when something is wrong is quiet otherwise.
    """
    by_group: dict[tuple[int, str], list[Component]] = {}
    for component in listed_components(page, viewer):
        is_quiet = component.only_show_if_degraded and component.status is ComponentStatus.OPERATIONAL
        if is_quiet and not with_quiet:
            continue
        group = component.group
        by_group.setdefault((group.position, group.name) if group else (-1, ""), []).append(component)
    return [
        GroupView(
            name=name or None,
            description=members[0].group.description if members[0].group else "",
            status=worst(member.status for member in members),
            components=[_component(member) for member in members],
        )
        for (_, name), members in sorted(by_group.items())
    ]


def open_incidents(page: Page, viewer: Viewer, now: datetime) -> list[IncidentView]:
    """What is going on, newest first."""
    query = _incidents(page, viewer).where(Incident.status != IncidentStatus.RESOLVED)
    return _views(query.order_by(Incident.started_at.desc(), Incident.id.desc()), viewer, now)


def incidents_between(page: Page, viewer: Viewer, start: datetime, end: datetime, now: datetime) -> list[IncidentView]:
    """What began in this span, newest first."""
    query = _incidents(page, viewer).where(Incident.started_at >= start, Incident.started_at < end)
    return _views(query.order_by(Incident.started_at.desc(), Incident.id.desc()), viewer, now)


def latest_incidents(page: Page, viewer: Viewer, count: int, now: datetime) -> list[IncidentView]:
    """The most recently begun incidents, newest first."""
    query = _incidents(page, viewer).order_by(Incident.started_at.desc(), Incident.id.desc()).limit(count)
    return _views(query, viewer, now)


def one_incident(page: Page, viewer: Viewer, public_id: str, now: datetime) -> IncidentView | None:
    """The incident with this id, if there is one that this viewer may see."""
    found = _views(_incidents(page, viewer).where(Incident.public_id == public_id), viewer, now)
    return found[0] if found else None


def first_day(page: Page, viewer: Viewer) -> date:
    """The day in the page's zone on which its history begins."""
    earliest = db.session.scalar(_incidents(page, viewer, func.min(Incident.started_at)))
    return min(earliest or page.created_at, page.created_at).astimezone(ZoneInfo(page.time_zone)).date()


def days(page: Page, incidents: Sequence[IncidentView], newest: date, count: int) -> list[DayView]:
    """The last `count` days in the page's zone with the incidents that began on each; quiet days stay, empty."""
    zone = ZoneInfo(page.time_zone)
    by_day: dict[date, list[IncidentView]] = {}
    for incident in incidents:
        by_day.setdefault(incident.started_at.astimezone(zone).date(), []).append(incident)
    return [DayView(day, by_day.get(day, [])) for day in (newest - timedelta(days=back) for back in range(count))]


def listed_components(page: Page, viewer: Viewer) -> list[Component]:
    """The components that this viewer may see, in the page's order."""
    query = (
        select(Component)
        .where(Component.page_id == page.id, Component.archived_at.is_(None), *only_for(viewer, Component))
        .options(joinedload(Component.group))
        .order_by(Component.position, Component.id)
    )
    return list(db.session.scalars(query))


def next_change(page: Page, incidents: Iterable[IncidentView], now: datetime) -> datetime:
    """When time alone changes what is shown: something of these falls due, or the day turns on the page."""
    zone = ZoneInfo(page.time_zone)
    tomorrow = datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(), zone).astimezone(UTC)
    return min([tomorrow, *(each.changes_at for each in incidents if each.changes_at)])


def _incidents(page: Page, viewer: Viewer, what: object = Incident):  # type: ignore[no-untyped-def]
    return select(what).where(Incident.page_id == page.id, *only_for(viewer, Incident))  # type: ignore[call-overload]


def _views(query, viewer: Viewer, now: datetime) -> list[IncidentView]:  # type: ignore[no-untyped-def]
    loaded = query.options(
        joinedload(Incident.page),
        selectinload(Incident.updates).selectinload(IncidentUpdate.components).joinedload(UpdateComponent.component),
        selectinload(Incident.promises),
        selectinload(Incident.deadlines),
    )
    return [_incident(incident, viewer, now) for incident in db.session.scalars(loaded)]


def _incident(incident: Incident, viewer: Viewer, now: datetime) -> IncidentView:
    updates = [update for update in incident.updates if may_see(viewer, update)]
    touched = {
        change.component: None
        for update in updates
        for change in update.components
        if may_see(viewer, change.component)
    }
    ordered = sorted(touched, key=lambda component: (component.position, component.id))
    return IncidentView(
        id=incident.public_id,
        title=incident.title,
        url=urls.incident(incident.public_id),
        status=updates[-1].status if updates else incident.status,
        impact=incident.impact,
        type=incident.type,
        started_at=incident.started_at,
        updated_at=_changed_at(incident, updates),
        resolved_at=incident.resolved_at,
        is_open=incident.is_open,
        components=[_component(component) for component in ordered],
        promise=_promise(incident, now),
        updates=[_update(update, viewer) for update in reversed(updates)],
        duration=incident.resolved_at - incident.started_at if incident.resolved_at else None,
        deadlines=_deadlines(incident, now),
        changes_at=_changes_at(incident, now),
    )


def _changed_at(incident: Incident, updates: Iterable[IncidentUpdate]) -> datetime:
    """When it last looked otherwise to a reader: by words, by a correction, or by a promise moved or taken back."""
    said = [update.edited_at or update.created_at for update in updates]
    unsaid = [
        promise.settled_at
        for promise in incident.promises
        if promise.reason and promise.settled_at and not promise.is_first
    ]
    return max([*said, *unsaid], default=incident.created_at)


def _component(component: Component) -> ComponentView:
    return ComponentView(component.public_id, component.name, component.description, component.status)


def _promise(incident: Incident, now: datetime) -> PromiseView | None:
    if not incident.is_open or not (incident.next_update_due_at or incident.no_promise_reason):
        return None
    has_slipped = is_late(incident, now)
    if has_slipped and not incident.page.shows_lateness:
        return None  # a time in the past is no promise any more
    before = _moved_from(incident)
    # A promise that was late when it was moved tells of lateness, which may be for colleagues only.
    may_tell = before is not None and (before.outcome is PromiseOutcome.REPLACED or incident.page.shows_lateness)
    return PromiseView(
        incident.next_update_due_at,
        incident.no_promise_reason,
        has_slipped,
        moved_from=before.due_at if before and may_tell else None,
        moved_because=before.reason if before and not has_slipped else "",
    )


def _moved_from(incident: Incident) -> Promise | None:
    """The promise in whose place the present one stands, if it was moved."""
    if len(incident.promises) < 2 or incident.next_update_due_at is None:
        return None
    before, last = incident.promises[-2:]
    return before if last.outcome is None and last.update_id is None else None


def _deadlines(incident: Incident, now: datetime) -> list[DeadlineView]:
    """What customers were promised beside the updates. A report to an authority is nobody's business here."""
    shown = []
    for each in incident.deadlines:
        is_overdue = each.done_at is None and each.due_at < now
        if each.kind is not DeadlineKind.CUSTOMERS or each.is_waived:
            continue
        if is_overdue and not incident.page.shows_lateness:
            continue
        shown.append(DeadlineView(each.name, each.due_at, each.done_at, is_overdue))
    return shown


def _changes_at(incident: Incident, now: datetime) -> datetime | None:
    moments = [each.due_at for each in incident.deadlines if each.done_at is None]
    if incident.is_open and incident.next_update_due_at is not None:
        moments.append(incident.next_update_due_at)
    # Late is what is later than promised: by the smallest span there is.
    return min((moment + timedelta.resolution for moment in moments if moment >= now), default=None)


def _update(update: IncidentUpdate, viewer: Viewer) -> UpdateView:
    return UpdateView(
        id=update.public_id,
        status=update.status,
        body=update.body,
        body_html=text.html(update.body),
        at=update.created_at,
        edited_at=update.edited_at,
        previous=_previous(update),
        changes=_changes(update, viewer),
    )


def _previous(update: IncidentUpdate) -> list[tuple[datetime, Markup]]:
    """The words it had before, latest first, each with the time at which they were published."""
    published = [update.created_at, *(revision.replaced_at for revision in update.revisions)]
    words = [text.html(revision.body) for revision in update.revisions]
    return list(zip(published, words, strict=False))[::-1]


def _changes(update: IncidentUpdate, viewer: Viewer) -> list[tuple[str, ComponentStatus, ComponentStatus]]:
    changes: Iterable[UpdateComponent] = update.components
    return [
        (change.component.name, change.old_status, change.new_status)
        for change in changes
        if may_see(viewer, change.component) and change.old_status is not change.new_status
    ]
