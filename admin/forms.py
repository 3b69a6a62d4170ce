"""From typed fields to drafts. What a field means is decided in `statuspage.drafts`; here is only how it is named."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from flask import request
from werkzeug.datastructures import MultiDict

from statuspage import components, drafts, publishing, staff, urls
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.errors import Invalid
from statuspage.models import Component, Incident, Page, StaffUser
from statuspage.vocabulary import Audience, ComponentStatus, IncidentRole

GREATEST_KEY = 2**63 - 1

Typed = Mapping[str, str]
Roles = tuple[tuple[IncidentRole, StaffUser], ...]
Draft = TypeVar("Draft", IncidentDraft, UpdateDraft)

PROMISE_FIELDS = ("promise", "promise_within", "no_promise_reason")
# What a form may call a promise or a status that nobody has finished typing.
STAND_INS = {"body": "…", "title": "…", "promise": "policy", "status": "", "severity": "", "impact": "", "type": ""}


@dataclass(frozen=True)
class Row:
    """One component in the picker: the state chosen, and the state it had when the form was drawn."""

    component: Component
    value: str
    was: str

    @property
    def is_affected(self) -> bool:
        """Whether the incident has touched this component already."""
        return bool(self.was)


def continued_from() -> int | None:
    """Where a long list goes on: the key in the address, if it is one that a row could have."""
    before = request.args.get("before", type=int)
    return before if before is not None and 0 < before <= GREATEST_KEY else None


def typed() -> dict[str, str]:
    """The request's form, one value for each name."""
    return dict(request.form.items())


def new_key() -> str:
    """A key that travels with a form, so that sending it twice publishes once."""
    return secrets.token_urlsafe(16)


def rows(page: Page, incident: Incident | None, typed: Typed) -> list[Row]:
    """The picker's rows: choices that were made stay, all others show the present state."""
    touched = publishing.affected(incident) if incident else {}
    found = []
    for component in components.listed(page):
        now = component.status.value if component in touched else ""
        value = _choice(typed, component)
        found.append(Row(component, now if value is None else value, now))
    return sorted(found, key=lambda row: not row.is_affected)


def states(page: Page, typed: Typed) -> dict[Component, str]:
    """The components whose state was changed in the form. What was left alone is left alone."""
    choices = {component: _choice(typed, component) for component in components.listed(page)}
    return {component: value for component, value in choices.items() if value is not None}


def all_green(incident: Incident, typed: Typed) -> dict[str, str]:
    """The form with every component of the incident set to operational."""
    behind = publishing.not_green(incident)
    return {**typed, **{f"component-{each.public_id}": ComponentStatus.OPERATIONAL.value for each in behind}}


def read_update(page: Page, incident: Incident, typed: Typed, may_publish: bool) -> UpdateDraft:
    """The draft of an update. An internal note says nothing about status, components or promise. Raises Invalid."""
    if typed.get("audience") != Audience.INTERNAL and may_publish:
        return replace(drafts.read_update(typed, states(page, typed), incident.status), hold=urls.settings().hold)
    dropped = ("status", "impact", *PROMISE_FIELDS, *(() if may_publish else ("severity",)))
    note = {name: value for name, value in typed.items() if name not in dropped}
    return drafts.read_update({**note, "audience": Audience.INTERNAL.value}, {}, incident.status)


def read_incident(page: Page, typed: Typed, may_publish: bool, roles: Roles = ()) -> IncidentDraft:
    """The draft of a new incident; without the right to publish it stays inside. Raises Invalid."""
    if typed.get("audience") != Audience.INTERNAL and may_publish:
        draft = drafts.read_incident(typed, states(page, typed), roles)
        return replace(draft, first=replace(draft.first, hold=urls.settings().hold))
    inside = {name: value for name, value in typed.items() if name not in ("impact", *PROMISE_FIELDS)}
    return drafts.read_incident({**inside, "audience": Audience.INTERNAL.value}, {}, roles if may_publish else ())


def read_roles(form: "MultiDict[str, str]") -> Roles:
    """Who does what on an incident; raises Invalid for somebody who is not on the staff."""
    people = {user.public_id: user for user in staff.listed() if user.active}
    chosen = [(role, identity) for role in IncidentRole for identity in form.getlist(f"role-{role.value}") if identity]
    for role, identity in chosen:
        if identity not in people:
            raise Invalid({f"role-{role.value}": "This colleague has left, or never was here. Choose another."})
    return tuple((role, people[identity]) for role, identity in chosen)


def unfinished(read: Callable[[dict[str, str]], Draft], typed: Typed) -> Draft:
    """The draft of a form that nobody has finished: what is missing or wrong is passed over, for a preview."""
    try:
        return read(dict(typed))
    except Invalid as error:
        wrong = set(error.problems)
        if wrong & set(PROMISE_FIELDS):
            wrong |= set(PROMISE_FIELDS)
        kept = {name: value for name, value in typed.items() if name not in wrong}
        if "components" in wrong:
            kept = {name: value for name, value in kept.items() if not name.startswith("component-")}
        draft = read({**kept, **{name: STAND_INS[name] for name in wrong & STAND_INS.keys()}})
    return _without_words(draft) if "body" in wrong else draft


def _without_words(draft: Draft) -> Draft:
    if isinstance(draft, IncidentDraft):
        return replace(draft, first=replace(draft.first, body=""))
    return replace(draft, body="")


def _choice(typed: Typed, component: Component) -> str | None:
    """The state chosen for a component; None where the form was not touched."""
    value = typed.get(f"component-{component.public_id}")
    return None if value is None or value == typed.get(f"was-{component.public_id}", "") else value
