"""What a person means to say, checked for shape. Panel and command line both build their drafts here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from . import text
from .clock import parse_span
from .errors import Invalid
from .models import Component, StaffUser
from .vocabulary import (
    Audience,
    ComponentStatus,
    Impact,
    IncidentRole,
    IncidentStatus,
    IncidentType,
    Severity,
)

AnyWord = TypeVar("AnyWord", bound=StrEnum)

LONGEST_PROMISE = timedelta(days=7)
DEFAULT_TYPE = IncidentType.DEGRADATION


@dataclass(frozen=True)
class Promise:
    """What a draft says of the next update: in a given span, or none and why; with neither, the policy decides."""

    within: timedelta | None = None
    none_because: str = ""


BY_POLICY = Promise()


@dataclass(frozen=True)
class UpdateDraft:
    """One statement about to be made. `components` maps a component to its state from now on."""

    status: IncidentStatus
    body: str
    components: Mapping[Component, ComponentStatus] = field(default_factory=dict)
    promise: Promise = BY_POLICY
    audience: Audience = Audience.PUBLIC
    is_notified: bool = True
    impact_override: Impact | None = None
    severity: Severity | None = None
    # The number of the last update its author had seen; None when they could not have seen any.
    seen_sequence: int | None = None
    leaves_components: bool = False
    # How long messages wait, so that they can still be stopped; the page shows the words at once.
    hold: timedelta = timedelta(0)


@dataclass(frozen=True)
class IncidentDraft:
    """An incident about to be opened, with its first statement."""

    title: str
    type: IncidentType
    severity: Severity
    first: UpdateDraft
    roles: tuple[tuple[IncidentRole, StaffUser], ...] = ()
    started_at: datetime | None = None
    client_data: Mapping[str, Any] = field(default_factory=dict)
    reminder_intervals: str | None = None


@dataclass(frozen=True)
class IncidentFacts:
    """What can be changed about an incident without saying anything new."""

    title: str
    impact_override: Impact | None
    client_data: Mapping[str, Any]
    reminder_intervals: str | None


def default_words(status: IncidentStatus | None) -> str:
    """What is said where a program gives a status and no words; with neither, that components have moved."""
    return _DEFAULT_WORDS[status] if status else "The state of the components concerned has changed."


class Reader:
    """Reads typed fields one by one and collects every problem, so that all are named at once."""

    def __init__(self, typed: Mapping[str, str]) -> None:
        self.typed = typed
        self.problems: dict[str, str] = {}

    def line(self, name: str, missing: str, limit: int = text.TITLE_LIMIT) -> str:
        """A one-line field that must not be empty."""
        value = text.one_line(self.typed.get(name, ""))
        if not value:
            self.problems[name] = missing
        elif len(value) > limit:
            self.problems[name] = f"Keep it within {limit} characters; this has {len(value)}."
        return value

    def optional_line(self, name: str, limit: int = text.TITLE_LIMIT) -> str:
        """A one-line field that may be empty."""
        return self.line(name, "", limit) if self.typed.get(name, "").strip() else ""

    def block(self, name: str, missing: str) -> str:
        """A longer text that must not be empty."""
        value = text.block(self.typed.get(name, ""))
        if not value:
            self.problems[name] = missing
        elif len(value) > text.BODY_LIMIT:
            self.problems[name] = f"Keep it within {text.BODY_LIMIT:,} characters; this has {len(value):,}."
        return value

    def word(self, name: str, words: type[AnyWord], default: AnyWord) -> AnyWord:
        """A word of the vocabulary; the default where nothing was given."""
        return self.optional_word(name, words) or default

    def optional_word(self, name: str, words: type[AnyWord]) -> AnyWord | None:
        """A word of the vocabulary, or None where nothing was given."""
        value = self.typed.get(name, "").strip()
        if not value:
            return None
        try:
            return words(value)
        except ValueError:
            self.problems[name] = f"“{text.excerpt(text.one_line(value), 40)}” is not one of {', '.join(words)}."
            return None

    def check(self) -> None:
        """Raise Invalid with everything that was wrong."""
        problems = {name: sentence for name, sentence in self.problems.items() if sentence}
        if problems:
            raise Invalid(problems)


def read_update(
    typed: Mapping[str, str], components: Mapping[Component, str], current: IncidentStatus | None = None
) -> UpdateDraft:
    """A draft from typed fields: `status body promise promise_within no_promise_reason impact severity audience`.

    `components` maps each component named to the state typed for it; an empty state leaves it alone.
    Without a status the incident keeps its own: same status, new words. Raises Invalid.
    """
    reader = Reader(typed)
    draft = _update(reader, components, current)
    reader.check()
    return draft


def read_incident(
    typed: Mapping[str, str],
    components: Mapping[Component, str],
    roles: tuple[tuple[IncidentRole, StaffUser], ...] = (),
) -> IncidentDraft:
    """A draft of a new incident: `title type severity` and the fields of its first update. Raises Invalid."""
    reader = Reader(typed)
    title = reader.line("title", "Give the incident a title that a customer would understand.")
    kind = reader.word("type", IncidentType, DEFAULT_TYPE)
    severity = reader.word("severity", Severity, Severity.SEV3)
    first = _update(reader, components, IncidentStatus.INVESTIGATING)
    reader.check()
    return IncidentDraft(title=title, type=kind, severity=severity, first=first, roles=roles)


def _update(reader: Reader, components: Mapping[Component, str], current: IncidentStatus | None) -> UpdateDraft:
    status = reader.word("status", IncidentStatus, current or IncidentStatus.INVESTIGATING)
    return UpdateDraft(
        status=status,
        body=reader.block("body", "Say something: what is known, and what people can do meanwhile."),
        components=_component_states(reader, components),
        promise=_promise(reader),
        audience=reader.word("audience", Audience, Audience.PUBLIC),
        is_notified=reader.typed.get("notify", "yes") != "no",
        impact_override=reader.optional_word("impact", Impact),
        severity=reader.optional_word("severity", Severity),
        seen_sequence=_number(reader, "seen_sequence"),
        leaves_components=reader.typed.get("leave_components") == "yes",
    )


def _component_states(reader: Reader, components: Mapping[Component, str]) -> dict[Component, ComponentStatus]:
    states = {}
    for component, value in components.items():
        if not value:
            continue
        try:
            states[component] = ComponentStatus(value)
        except ValueError:
            reader.problems["components"] = (
                f"“{text.excerpt(text.one_line(value), 40)}” is not a state of {component.name}. "
                f"Choose one of {', '.join(ComponentStatus)}."
            )
    return states


def _promise(reader: Reader) -> Promise:
    choice = reader.typed.get("promise", "")
    if choice == "none":
        return Promise(none_because=reader.line("no_promise_reason", "Say why no next update is promised.", 300))
    spelled = reader.typed.get("promise_within", "").strip() if choice in ("", "within") else choice
    if not spelled or spelled == "policy":
        if choice == "within":
            reader.problems["promise_within"] = "Say when the next update comes, for example 30m."
        return BY_POLICY
    field_name = "promise_within" if choice in ("", "within") else "promise"
    try:
        within = parse_span(spelled)
    except ValueError as error:
        reader.problems[field_name] = str(error)
        return BY_POLICY
    if not timedelta(seconds=1) <= within <= LONGEST_PROMISE:
        reader.problems[field_name] = "Promise the next update for a moment within the next seven days."
    return Promise(within=within)


def _number(reader: Reader, name: str) -> int | None:
    value = reader.typed.get(name, "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        reader.problems[name] = "Reload the form; its version is not a number."
        return None
    return int(value)


_DEFAULT_WORDS = {
    IncidentStatus.INVESTIGATING: "We are investigating this issue.",
    IncidentStatus.IDENTIFIED: "The issue has been identified and a fix is being worked on.",
    IncidentStatus.MONITORING: "A fix has been made and we are watching the results.",
    IncidentStatus.RESOLVED: "This incident has been resolved.",
}
