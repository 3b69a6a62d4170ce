"""Whether a policy still holds: what was right when it was saved may have become wrong, and must be seen first."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from ..db import db
from ..models import CadencePolicy, Page
from ..vocabulary import IncidentType, Severity
from . import plain
from .checking import problems_of
from .policies import Rulebook, business_hours, rulebook
from .policy import Cadence
from .reaching import active, hours_problems, nobody_reached


@dataclass(frozen=True)
class Fault:
    """What is wrong with a policy; without a severity, with what all of them share."""

    sentence: str
    severity: Severity | None = None
    type: IncidentType | None = None

    @property
    def whole(self) -> str:
        """The sentence with the policy it is about."""
        if self.severity is None:
            return self.sentence
        of_type = f", {self.type.label.lower()}" if self.type else ""
        return f"{self.severity.label}{of_type}: {self.sentence}"


def faults(page: Page) -> list[Fault]:
    """Everything that is broken in the page's policies; nothing when an incident may come."""
    book, people = rulebook(page), active()
    if not people:
        return [Fault("Nobody is on the staff: no promise has anybody to chase.")]
    found = [Fault(sentence) for sentence in hours_problems(business_hours(page)).values()]
    if page.fallback_contact is not None and not page.fallback_contact.active:
        found.append(Fault(f"The fallback contact, {page.fallback_contact.display_name}, has left. Choose another."))
    found += _unreadable(page)
    for (severity, of_type), cadence in _in_force(book).items():
        sentences = [*problems_of(cadence).values(), *nobody_reached(page, cadence, people)]
        found += [Fault(each, severity, of_type) for each in dict.fromkeys(sentences)]
    return found


def hints(page: Page) -> list[str]:
    """What works, and could be better."""
    uses_it = any(step.to.is_fallback for cadence in _in_force(rulebook(page)).values() for step in cadence.steps)
    if uses_it and page.fallback_contact is None:
        return ["Nobody is the fallback contact yet: when a ladder runs out, only those who were told before are told."]
    return []


def _in_force(book: Rulebook) -> dict[tuple[Severity, IncidentType | None], Cadence]:
    return {(severity, None): book.cadence(severity) for severity in Severity} | dict(book.cadences)


def _unreadable(page: Page) -> Iterator[Fault]:
    """Stored values that are no policy: the ready-made ones hold instead."""
    try:
        plain.read_hours(page.business_hours)
    except plain.Unreadable as error:
        yield Fault(f"The business hours cannot be read ({error}); nothing waits for them. Save them again.")
    rows = db.session.scalars(select(CadencePolicy).filter_by(page_id=page.id))
    for row in rows:
        for read, values, what in (
            (plain.read_ladder, row.ladder, "ladder"),
            (plain.read_phases, row.phases, "intervals of phases"),
            (plain.read_deadlines, row.deadlines, "deadlines"),
        ):
            try:
                read(values)
            except plain.Unreadable as error:
                sentence = f"Its {what} cannot be read ({error}); the ready-made ones hold. Save it again."
                yield Fault(sentence, row.severity, row.type)
