"""From typed fields to a policy. What can be kept is decided in `statuspage.cadence`; here is how fields are named."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any, TypeVar

from flask import request

from statuspage import text
from statuspage.cadence.checking import MOST_DEADLINES, MOST_STEPS, word_for
from statuspage.cadence.hours import Hours
from statuspage.cadence.policy import Cadence, DeadlineRule
from statuspage.cadence.steps import CHANNELS, FALLBACK, MANAGERS, PERSON, LadderStep, Recipient
from statuspage.clock import parse_span, span_text
from statuspage.errors import Invalid
from statuspage.models import StaffUser
from statuspage.vocabulary import DeadlineKind, DeadlineStart, IncidentRole, Phase, StaffRole

SPANS = ("first", "interval", "lead")
SPARE_STEPS, SPARE_DEADLINES = 3, 2
NOTHING = timedelta(0)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Typed = Mapping[str, str]
Row = TypeVar("Row")


def recipients(people: list[StaffUser]) -> list[tuple[str, str]]:
    """Who a step may be for, as a form offers them."""
    roles = [(role.value, role.label) for role in IncidentRole]
    staff = [(MANAGERS.word, "Every admin"), (f"staff:{StaffRole.COMMS_LEAD.value}", "Every comms lead")]
    named = [(f"{PERSON}{each.public_id}", each.display_name) for each in people if each.active]
    return [*roles, *staff, (FALLBACK.word, "Fallback contact"), *named]


def filled(cadence: Cadence) -> dict[str, Any]:
    """The policy as a form shows it."""
    steps = [
        {
            "when": "before" if each.after < NOTHING else "after",
            "span": span_text(abs(each.after)),
            "to": each.to.word,
            "by": list(each.channels),
        }
        for each in cadence.steps
    ]
    rules = [
        {
            "name": each.name,
            "after": span_text(each.after),
            "since": each.since.value,
            "owner": each.owner.word,
            "kind": each.kind.value,
        }
        for each in cadence.deadlines
    ]
    return {
        **{name: span_text(getattr(cadence, name)) for name in SPANS},
        **{f"phase-{phase.value}": span_text(span) for phase, span in cadence.phases.items()},
        "keeps_hours": "yes" if cadence.keeps_hours else "",
        "needs_second": "yes" if cadence.needs_second else "",
        "coalescing": span_text(cadence.coalescing) if cadence.coalescing else "",
        "ladder": "ready" if cadence.ladder is None else "own",
        "repeat": span_text(cadence.repeat) if cadence.repeat else "",
        "steps": [*steps, *({} for _ in range(min(SPARE_STEPS, MOST_STEPS - len(steps))))],
        "rules": [*rules, *({} for _ in range(min(SPARE_DEADLINES, MOST_DEADLINES - len(rules))))],
    }


def retyped() -> dict[str, Any]:
    """What the request's form holds, as `filled` gives it: whatever was typed is kept."""
    form = request.form
    steps = [
        {name: form.get(f"step-{number}-{name}", "") for name in ("when", "span", "to")}
        | {"by": form.getlist(f"step-{number}-by")}
        for number in _numbers("step-", "-span")
    ]
    rules = [
        {name: form.get(f"rule-{number}-{name}", "") for name in ("name", "after", "since", "owner", "kind")}
        for number in _numbers("rule-", "-name")
    ]
    return {**dict(form.items()), "steps": steps, "rules": rules}


def read(typed: dict[str, Any], kept: Cadence) -> Cadence:
    """The policy typed. A form that names the three spans alone changes nothing else. Raises Invalid."""
    reader = _Reader(typed)
    spans: dict[str, Any] = {name: reader.span(name, "Write a span like 20s, 30m or 1h30m.") for name in SPANS}
    if typed.get("whole") != "yes":
        reader.check()
        return replace(kept, **spans)
    own = typed.get("ladder") == "own"
    more: dict[str, Any] = {
        "phases": {phase: span for phase in Phase if (span := reader.optional_span(f"phase-{phase.value}"))},
        "keeps_hours": typed.get("keeps_hours") == "yes",
        "hours": None,
        "needs_second": typed.get("needs_second") == "yes",
        "coalescing": reader.optional_span("coalescing") or NOTHING,
        "ladder": reader.ladder() if own else None,
        "repeat": reader.optional_span("repeat") if own else None,
        "deadlines": reader.deadlines(),
    }
    reader.check()
    return Cadence(**spans, **more)


def filled_hours(hours: Hours | None) -> dict[str, Any]:
    """Business hours as a form shows them."""
    if hours is None:
        return {"keeps": "", "opens": "09:00", "closes": "17:00", "days": ["0", "1", "2", "3", "4"], "holidays": ""}
    return {
        "keeps": "yes",
        "zone": hours.zone,
        "opens": f"{hours.opens:%H:%M}",
        "closes": f"{hours.closes:%H:%M}",
        "days": [str(day) for day in hours.days],
        "holidays": hours.holidays,
    }


def read_hours(typed: Typed, days: list[str]) -> Hours | None:
    """The business hours typed; None where none are kept. Raises Invalid."""
    if typed.get("keeps") != "yes":
        return None
    reader = _Reader(dict(typed))
    hours = Hours(
        text.one_line(typed.get("zone", "")),
        reader.clock("opens"),
        reader.clock("closes"),
        tuple(number for number in range(7) if str(number) in days),
        text.one_line(typed.get("holidays", "")).upper(),
    )
    reader.check()
    return hours


def _numbers(before: str, after: str) -> list[int]:
    """The rows there are in the form, in order; no more than a policy could have."""
    found = {name.removeprefix(before).removesuffix(after) for name in request.form if name.endswith(after)}
    return sorted(int(number) for number in found if number.isascii() and number.isdigit() and len(number) < 3)


class _Reader:
    """Reads fields and collects what is wrong, one sentence for each."""

    def __init__(self, typed: dict[str, Any]) -> None:
        self.typed = typed
        self.problems: dict[str, str] = {}

    def span(self, name: str, missing: str) -> timedelta:
        spelled = self.typed.get(name, "").strip()
        try:
            return parse_span(spelled)
        except ValueError as error:
            self.problems[name] = str(error) if spelled else missing
            return timedelta(seconds=1)

    def optional_span(self, name: str) -> timedelta | None:
        return self.span(name, "") if self.typed.get(name, "").strip() else None

    def clock(self, name: str) -> time:
        try:
            return time.fromisoformat(self.typed.get(name, "").strip())
        except ValueError:
            self.problems[name] = "Write a time of day like 09:00."
            return time()

    def ladder(self) -> tuple[LadderStep, ...]:
        """The steps typed; a row without a span and a recipient is none."""
        rows = [row for row in self.typed["steps"] if row.get("span", "").strip() or row.get("to")]
        return tuple(step for number, row in enumerate(rows, 1) if (step := self._step(number, row)))

    def deadlines(self) -> tuple[DeadlineRule, ...]:
        """The deadlines typed; a row without a name and a span is none."""
        rows = [row for row in self.typed["rules"] if row.get("name", "").strip() or row.get("after", "").strip()]
        return tuple(rule for row in rows if (rule := self._rule(row)))

    def check(self) -> None:
        if self.problems:
            raise Invalid(self.problems)

    def _step(self, number: int, row: dict[str, Any]) -> LadderStep | None:
        def make() -> LadderStep:
            span = parse_span(row["span"].strip() or "0s")
            after = -span if row.get("when") == "before" else span
            channels = tuple(name for name in CHANNELS if name in row["by"])
            return LadderStep(word_for(after), after, Recipient.read(row["to"]), channels)

        return self._row("ladder", f"Step {number}", make)

    def _rule(self, row: dict[str, Any]) -> DeadlineRule | None:
        def make() -> DeadlineRule:
            name, after = text.one_line(row["name"]), parse_span(row["after"])
            owner = Recipient.read(row["owner"])
            return DeadlineRule(name, after, owner, DeadlineStart(row["since"]), DeadlineKind(row["kind"]))

        return self._row("deadlines", f"“{row['name'].strip()[:40]}”", make)

    def _row(self, field: str, what: str, make: Callable[[], Row]) -> Row | None:
        try:
            return make()
        except ValueError as error:
            self.problems.setdefault(field, f"{what}: {error}")
            return None
