"""The composer: one form for opening, updating, reopening and answering a reminder, with its preview."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import make_response, render_template
from flask.typing import ResponseReturnValue

from statuspage import publishing, staff, text
from statuspage.cadence.policies import cadence_for
from statuspage.clock import near_text, span_words
from statuspage.db import db
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.errors import ComponentsNotGreen, Conflict, Invalid, StaleDraft
from statuspage.models import Component, Incident, IncidentUpdate, Page, StaffUser
from statuspage.rehearsal import Rehearsal, Subject, rehearse
from statuspage.vocabulary import (
    Audience,
    ComponentStatus,
    Impact,
    IncidentRole,
    IncidentStatus,
    IncidentType,
    Phase,
    Severity,
)

from . import forms
from .forms import Row, Typed

ICONS = {
    IncidentStatus.INVESTIGATING: "search",
    IncidentStatus.IDENTIFIED: "target",
    IncidentStatus.MONITORING: "eye",
    IncidentStatus.RESOLVED: "check",
}
SPANS = {"15m": "15 min", "30m": "30 min", "1h": "1 h", "2h": "2 h"}
NOTHING_NEW = {
    IncidentStatus.INVESTIGATING: "We are still investigating. Nothing has changed since our update at {at}.",
    IncidentStatus.IDENTIFIED: "We know the cause and work on the fix. Nothing has changed since our update at {at}.",
    IncidentStatus.MONITORING: "The fix is in place and we keep watching. All is as in our update at {at}.",
    IncidentStatus.RESOLVED: "This is resolved. Thank you for your patience.",
}
# Before the first word the cause is not known, and no suggestion claims to know it.
FIRST_WORDS = {
    IncidentStatus.INVESTIGATING: "We are looking into a problem with {page}. We do not know the cause yet.",
    IncidentStatus.IDENTIFIED: "There is a problem with {page}, and we are working on it.",
    IncidentStatus.MONITORING: "There was a problem with {page}. It looks better now, and we keep watching.",
    IncidentStatus.RESOLVED: "There was a problem with {page}. It is resolved. Thank you for your patience.",
}


@dataclass(frozen=True)
class Composer:
    """A composer as it stands: about what, by whom, with which words, and what is wrong with them."""

    page: Page
    incident: Incident | None
    user: StaffUser
    now: datetime
    typed: Typed
    may_publish: bool
    problems: Mapping[str, str] = field(default_factory=dict)
    behind: Sequence[Component] = ()
    is_stale: bool = False
    # Where it posts to, and where its preview comes from.
    action: str = ""
    preview_url: str = ""
    is_reply: bool = False

    @cached_property
    def rows(self) -> list[Row]:
        """The picker's rows; components that hold up a resolve have a place of their own."""
        return [row for row in forms.rows(self.page, self.incident, self.typed) if row.component not in self.behind]

    @cached_property
    def rows_behind(self) -> list[Row]:
        """The components that hold up a resolve."""
        return [row for row in forms.rows(self.page, self.incident, self.typed) if row.component in self.behind]

    @property
    def statuses(self) -> list[tuple[str, str, str]]:
        """The statuses on offer. What is over cannot begin, and a reopened incident is not resolved."""
        begins = self.incident is None or not self.incident.is_open
        offered = [status for status in IncidentStatus if not (begins and status is IncidentStatus.RESOLVED)]
        return [(status.value, status.label, ICONS[status]) for status in offered]

    @property
    def promises(self) -> list[tuple[str, str]]:
        """When the next update may be promised for, as choices."""
        by_policy = self._interval(self.incident) if self.incident else ""
        own = [(value, words) for value, words in SPANS.items() if words != by_policy]
        return [("policy", by_policy or "Policy"), *own, ("within", "Other"), ("none", "None")]

    def _interval(self, incident: Incident) -> str:
        cadence = cadence_for(self.page, incident.severity, incident.type)
        phase = Phase.MONITORING if not incident.is_open else Phase(incident.status.value)
        return span_words(cadence.interval_in(phase))

    @property
    def since(self) -> list[IncidentUpdate]:
        """What others said since this form was drawn, newest first."""
        if not self.is_stale or self.incident is None:
            return []
        seen = int(self.typed.get("was_sequence") or 0)
        return [update for update in reversed(self.incident.updates) if update.sequence > seen]

    @cached_property
    def suggestions(self) -> dict[str, str]:
        """Words for each status when there is nothing new to say."""
        if self.incident is None or not self.incident.updates:
            return {}
        if self.incident.audience is Audience.INTERNAL:
            return {status.value: words.format(page=self.page.name) for status, words in FIRST_WORDS.items()}
        said = [update for update in self.incident.updates if update.is_notified] or self.incident.updates
        at = near_text(said[-1].created_at, self.page.time_zone, self.now)
        return {status.value: words.format(at=at) for status, words in NOTHING_NEW.items()}

    @property
    def colleagues(self) -> list[StaffUser]:
        """Who may be given a role."""
        return [user for user in staff.listed() if user.active]

    @cached_property
    def rehearsal(self) -> Rehearsal:
        """What would happen if this were published now."""
        return rehearse(self.subject, self.draft, self.now)

    @cached_property
    def draft(self) -> UpdateDraft:
        """The draft as far as it has come."""
        if self.incident is None:
            return self._first.first
        incident, may_publish = self.incident, self.may_publish
        return forms.unfinished(lambda typed: forms.read_update(self.page, incident, typed, may_publish), self.typed)

    @cached_property
    def subject(self) -> Subject:
        """What the draft is about."""
        if self.incident is not None:
            return Subject(self.page, self.incident.title, self.incident.severity, self.incident)
        opening = self._first
        title = text.one_line(self.typed.get("title", "")) or "Title"
        return Subject(self.page, title, opening.severity, type=opening.type)

    @cached_property
    def _first(self) -> IncidentDraft:
        return forms.unfinished(lambda typed: forms.read_incident(self.page, typed, self.may_publish), self.typed)


def page(composer: Composer, template: str, status: int = 200, **values: Any) -> ResponseReturnValue:
    """The composer inside its whole page."""
    words = {"severities": Severity, "types": IncidentType, "impacts": Impact}
    offered = {name: [(word.value, word.label) for word in kind] for name, kind in words.items()}
    lists = {"states": list(ComponentStatus), "roles": list(IncidentRole), **offered}
    response = make_response(render_template(template, composer=composer, **lists, **values))
    response.status_code = status
    return response


def refused(error: Invalid | Conflict, composer: Composer, template: str, **values: Any) -> ResponseReturnValue:
    """The same form again: everything typed is kept, and what stands in the way is said beside it."""
    db.session.rollback()
    incident = composer.incident
    match error:
        case Invalid():
            changed = replace(composer, problems=error.problems)
        case StaleDraft() if incident is not None:
            changed = replace(composer, typed=refreshed(composer.typed, incident), is_stale=True)
        case ComponentsNotGreen() if incident is not None:
            changed = replace(composer, behind=behind(incident, composer.page, composer.typed))
        case _:
            changed = replace(composer, problems={"composer": str(error)})
    return page(changed, template, error.http_status, **values)


def start(incident: Incident | None, user: StaffUser) -> dict[str, str]:
    """A form nobody has touched: same status, new words, the promise by policy."""
    typed = {"key": forms.new_key(), "promise": "policy", "notify": "yes", "audience": "public"}
    if incident is None:
        role = "role-communications_lead"
        return (
            typed
            | {"severity": Severity.SEV3.value, "status": IncidentStatus.INVESTIGATING.value}
            | ({role: user.public_id} if staff.may_publish(user) else {})
        )
    status = incident.status if incident.is_open else IncidentStatus.INVESTIGATING
    return typed | {
        "status": status.value,
        "severity": incident.severity.value,
        "impact": incident.impact_override.value if incident.impact_override else "",
        "seen_sequence": str(incident.sequence),
    }


def refreshed(typed: Typed, incident: Incident) -> dict[str, str]:
    """The same form on top of what others have said meanwhile: its words kept, its version the present one."""
    return {**typed, "was_sequence": typed.get("seen_sequence", ""), "seen_sequence": str(incident.sequence)}


def behind(incident: Incident, page: Page, typed: Typed) -> list[Component]:
    """The components that would not be operational after this form."""
    changes = {component: ComponentStatus(value) for component, value in forms.states(page, typed).items() if value}
    return publishing.not_green(incident, changes)
