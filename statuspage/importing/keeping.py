"""Making it so: what a file says is written down as history. Nobody is told, nothing is promised."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from .. import audit, text
from ..audit import Actor
from ..channels import clean_address
from ..db import db, new_id
from ..models import (
    Component,
    ComponentGroup,
    Incident,
    IncidentUpdate,
    Page,
    Subscriber,
    Subscription,
    UpdateComponent,
)
from ..models.subscriber import key_of
from ..subscribers import change_state
from ..subscriptions import find as find_subscriber
from ..vocabulary import (
    ComponentStatus,
    EventLevel,
    Impact,
    IncidentStatus,
    IncidentType,
    Severity,
    SubscriberState,
)
from . import stored
from .facts import Change, ComponentFacts, Found, GroupFacts, IncidentFacts, SubscriberFacts, fingerprint
from .weighing import Known, Row

# The inner grade that an incident of this public weight gets; it only matters if it is still open.
_SEVERITY = {Impact.CRITICAL: Severity.SEV1, Impact.MAJOR: Severity.SEV2, Impact.MINOR: Severity.SEV3}
_STATES = {
    "active": SubscriberState.CONFIRMED,
    "quarantined": SubscriberState.QUARANTINED,
    "unsubscribed": SubscriberState.UNSUBSCRIBED,
}
GONE = f"{stored.EXACT}, named in history alone"
_LEVELS = {"sms": EventLevel.KEY_MOMENTS}


@dataclass(frozen=True)
class Attestation:
    """Who answers for the consent of imported subscribers, and by what."""

    by: str
    evidence: str = ""

    def sentence(self, found: Found, facts: SubscriberFacts, now: datetime) -> str:
        """The consent as it is kept with the subscriber."""
        since = f", subscribed there {facts.created_at:%Y-%m-%d}" if facts.created_at else ""
        proof = f"; {self.evidence}" if self.evidence else ""
        whole = f"attested by {self.by} on {now:%Y-%m-%d}: Statuspage export {found.place}{since}{proof}"
        return text.one_line(whole)[:300]


@dataclass(frozen=True)
class Keeper:
    """Writes found things to one page; the caller commits."""

    page: Page
    known: Known
    by: Actor
    attestation: Attestation | None
    now: datetime

    def keep(self, found: Found) -> None:
        """The thing is here as the file says it, marked with where it came from."""
        match found.facts:
            case GroupFacts():
                row: Row = self._group(found.facts)
            case ComponentFacts():
                row = self._component(found.facts)
            case IncidentFacts():
                row = self._incident(found.facts)
            case SubscriberFacts():
                row = self._subscriber(found, found.facts)
        row.imported_from = f"{_source(found)}, {found.place.file}"[:300]
        db.session.flush()
        db.session.refresh(row)
        row.imported_digest = f"{fingerprint(found.facts)}:{fingerprint(stored.facts(row))}"
        audit.record(self.by, f"{row.__tablename__}.import", row, self.now, file=found.place.file[:100])

    def _group(self, facts: GroupFacts) -> ComponentGroup:
        row = db.session.scalar(select(ComponentGroup).filter_by(page_id=self.page.id, public_id=facts.id))
        row = row or ComponentGroup(page_id=self.page.id, public_id=facts.id)
        row.name, row.description, row.position = facts.name, facts.description, facts.position
        row.created_at, row.edited_at = facts.created_at, facts.updated_at
        db.session.add(row)
        return row

    def _component(self, facts: ComponentFacts) -> Component:
        row = db.session.scalar(select(Component).filter_by(page_id=self.page.id, public_id=facts.id))
        row = row or Component(page=self.page, public_id=facts.id)
        group = select(ComponentGroup).filter_by(page_id=self.page.id, public_id=facts.group_id or "")
        row.group = db.session.scalar(group)
        if row.imported_from == GONE:
            row.archived_at = None
        row.name, row.description, row.position = facts.name, facts.description, facts.position
        row.status, row.status_changed_at = ComponentStatus(facts.status), facts.updated_at
        row.showcase, row.start_date = facts.showcase, facts.start_date
        row.only_show_if_degraded, row.created_at = facts.only_show_if_degraded, facts.created_at
        db.session.add(row)
        return row

    def _incident(self, facts: IncidentFacts) -> Incident:
        row = db.session.scalar(select(Incident).filter_by(page_id=self.page.id, public_id=facts.id))
        impact = Impact(facts.impact)
        if row is None:
            row = Incident(page=self.page, public_id=facts.id, severity=_SEVERITY.get(impact, Severity.SEV4))
            row.type = IncidentType.OUTAGE if impact is Impact.CRITICAL else IncidentType.DEGRADATION
            db.session.add(row)
        row.title, row.impact, row.status = facts.title, impact, IncidentStatus(facts.status)
        row.created_at, row.started_at, row.updated_at = facts.created_at, facts.started_at, facts.updated_at
        row.monitoring_at, row.resolved_at = facts.monitoring_at, facts.resolved_at
        row.reminder_intervals = facts.reminder_intervals
        row.is_backfilled = facts.resolved_at is not None
        row.sequence = len(facts.updates)
        db.session.flush()
        before = {update.sequence: update for update in row.updates}
        for number, said in enumerate(facts.updates, 1):
            update = before.get(number) or IncidentUpdate(incident=row, sequence=number)
            update.public_id, update.status, update.body = said.id, IncidentStatus(said.status), said.body
            update.created_at, update.edited_at, update.is_notified = said.at, said.edited_at, said.is_notified
            update.is_key_moment = number in (1, len(facts.updates))
            db.session.add(update)
            db.session.flush()
            self._changes(update, self._all_changes(facts, number))
        return row

    def _all_changes(self, facts: IncidentFacts, number: int) -> list[Change]:
        """What one update changed. A component that the incident names and no update does is put to its first one."""
        changes = list(facts.updates[number - 1].changes)
        if number == 1:
            moved = {change.component_id for update in facts.updates for change in update.changes}
            fine = ComponentStatus.OPERATIONAL.value
            changes += [Change(each, "", fine, fine) for each in facts.component_ids if each not in moved]
        return changes

    def _changes(self, update: IncidentUpdate, changes: list[Change]) -> None:
        db.session.execute(delete(UpdateComponent).where(UpdateComponent.update_id == update.id))
        for change in changes:
            component = self.known.component(change.component_id, change.name) or self._gone(change)
            old, new = ComponentStatus(change.old), ComponentStatus(change.new)
            db.session.add(
                UpdateComponent(update_id=update.id, component_id=component.id, old_status=old, new_status=new)
            )
        db.session.flush()

    def _gone(self, change: Change) -> Component:
        """A component that history names and the page no longer shows: kept, and archived from the start."""
        component = Component(
            page=self.page,
            public_id=change.component_id,
            name=(change.name or change.component_id)[:120],
            status_changed_at=self.now,
            created_at=self.now,
            archived_at=self.now,
            imported_from=GONE,
        )
        db.session.add(component)
        db.session.flush()
        component.imported_digest = f":{fingerprint(stored.facts(component))}"
        return component

    def _subscriber(self, found: Found, facts: SubscriberFacts) -> Subscriber:
        assert self.attestation, "Nobody answers for these people's consent."
        address = clean_address(facts.channel, facts.address)
        row = find_subscriber(self.page, facts.channel, address)
        wanted = [self.known.component(word) for word in facts.components] or [None]
        since = facts.created_at or self.now
        if row is None:
            is_free = facts.id and not db.session.scalar(select(Subscriber.id).filter_by(public_id=facts.id))
            row = Subscriber(page=self.page, channel=facts.channel, address=address, created_at=since)
            row.public_id, row.address_key = facts.id if is_free else new_id(), key_of(address)
            row.level = _LEVELS.get(facts.channel, EventLevel.EVERY_UPDATE)
            db.session.add(row)
        row.subscriptions = [Subscription(component_id=each.id if each else None) for each in dict.fromkeys(wanted)]
        reason = "" if facts.state == "active" else f"{facts.state} at Statuspage"
        change_state(row, _STATES[facts.state], reason, self.now)
        if facts.state == "active":
            row.confirmed_at, row.consent = since, self.attestation.sentence(found, facts, self.now)
        return row


def _source(found: Found) -> str:
    match found.facts:
        case SubscriberFacts():
            return stored.PEOPLE
        case IncidentFacts(is_exact=False):
            return stored.FEED
    return stored.EXACT
