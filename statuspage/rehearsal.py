"""What publishing a draft would do, before it is done: the same rules and words, and nothing is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from notifiers import Message, Preview

from . import publishing, text
from .cadence.policies import cadence_for
from .cadence.policy import first_update_due
from .cadence.promises import promised_at
from .channels import channels
from .delivery import audience, messages
from .drafts import DEFAULT_TYPE, UpdateDraft
from .models import Component, Incident, Page
from .vocabulary import Audience, ComponentStatus, Impact, IncidentStatus, IncidentType, Severity

# Stands in for the id that a new incident will get: what counts is its length.
NO_ID_YET = "xxxxxxxxxxxx"


@dataclass(frozen=True)
class Subject:
    """What a draft is about: an incident there is, or one about to be opened."""

    page: Page
    title: str
    severity: Severity
    incident: Incident | None = None
    type: IncidentType = DEFAULT_TYPE


@dataclass(frozen=True)
class Rehearsal:
    """What readers would see and get, and how many would be told on which channel."""

    body: str
    changes: list[tuple[Component, ComponentStatus, ComponentStatus]]
    impact: Impact
    due_at: datetime | None
    no_promise_reason: str
    sms: Preview | None
    people: Mapping[str, int]
    spared: int
    why_nobody: str
    not_green: list[Component]

    @property
    def total(self) -> int:
        """How many people would be told."""
        return sum(self.people.values())


def rehearse(subject: Subject, draft: UpdateDraft, now: datetime) -> Rehearsal:
    """Play the draft through without writing anything."""
    incident = subject.incident
    before = publishing.affected(incident) if incident else {}
    after = {**before, **draft.components}
    override = draft.impact_override or (incident.impact_override if incident else None)
    impact = publishing.impact_after(incident.impact if incident else Impact.NONE, after, override)
    due_at = _due_at(subject, draft, now)
    people, spared = _people(subject, draft, after, impact)
    return Rehearsal(
        body=draft.body,
        changes=[
            (component, component.status, status)
            for component, status in draft.components.items()
            if component.status is not status
        ],
        impact=impact,
        due_at=due_at,
        no_promise_reason=draft.promise.none_because,
        sms=_sms(subject, draft, due_at, now) if draft.audience is Audience.PUBLIC else None,
        people=people,
        spared=spared,
        why_nobody="" if people else _why_nobody(subject, draft, spared),
        not_green=_not_green(incident, draft),
    )


def _due_at(subject: Subject, draft: UpdateDraft, now: datetime) -> datetime | None:
    incident, severity = subject.incident, draft.severity or subject.severity
    of_type = incident.type if incident else subject.type
    if draft.audience is Audience.PUBLIC:
        return promised_at(subject.page, severity, draft.status, draft.promise, now, of_type)
    if incident is None:
        return first_update_due(cadence_for(subject.page, severity, of_type), now)
    return incident.next_update_due_at


def _people(
    subject: Subject, draft: UpdateDraft, components: Iterable[Component], impact: Impact
) -> tuple[Mapping[str, int], int]:
    """Who would be told, by channel, and how many are spared because they want key moments only."""
    if draft.audience is not Audience.PUBLIC or not draft.is_notified:
        return {}, 0
    ids = [component.id for component in components]
    everyone = audience.counts(subject.page, ids, is_key_moment=True)
    if subject.incident is None or publishing.is_key_moment(subject.incident, draft, impact):
        return everyone, 0
    told = audience.counts(subject.page, ids, is_key_moment=False)
    return told, sum(everyone.values()) - sum(told.values())


def _why_nobody(subject: Subject, draft: UpdateDraft, spared: int) -> str:
    if draft.audience is Audience.INTERNAL:
        return "This is an internal note: only colleagues read it."
    if subject.page.is_stage:
        return "A drill: its participants get the words, and nobody else."
    if not draft.is_notified:
        return "You chose to change the page only."
    if spared:
        return "Everyone who follows this wants key moments only, and this is not one."
    return "Nobody is subscribed to this yet."


def _not_green(incident: Incident | None, draft: UpdateDraft) -> list[Component]:
    if incident is None or draft.status is not IncidentStatus.RESOLVED:
        return []
    return publishing.not_green(incident, draft.components)


def _sms(subject: Subject, draft: UpdateDraft, due_at: datetime | None, now: datetime) -> Preview | None:
    channel = channels().get("sms")
    if channel is None:
        return None
    promise = messages.promise_words(due_at, draft.promise.none_because, subject.page.time_zone, now)
    identity = subject.incident.public_id if subject.incident else NO_ID_YET
    words = messages.update_sms(subject.page, identity, subject.title, draft.status, text.block(draft.body), promise)
    return channel.preview(Message(reference="preview", subject=subject.title, text=words), "")
