"""Cadence policies as data: one for each severity of a page, and more exact ones for a type of incident."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy import select

from .. import audit
from ..audit import Actor
from ..db import db, lock
from ..errors import Invalid, NotFound
from ..models import CadencePolicy, Page, StaffUser
from ..vocabulary import IncidentType, Severity
from . import plain, watch
from .checking import problems_of
from .hours import Hours
from .policy import DEFAULTS, Cadence
from .reaching import hours_problems, reach_problems

log = structlog.get_logger(__name__)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Rulebook:
    """All policies of a page, read at once: for whoever looks at many incidents."""

    cadences: Mapping[tuple[Severity, IncidentType | None], Cadence]

    def cadence(self, severity: Severity, of_type: IncidentType | None = None) -> Cadence:
        """The policy for such an incident, the most exact first; the built-in one where the page has none."""
        exact = self.cadences.get((severity, of_type))
        return exact or self.cadences.get((severity, None)) or DEFAULTS[severity]


def rulebook(page: Page) -> Rulebook:
    """The page's policies as they are now."""
    rows = db.session.scalars(select(CadencePolicy).filter_by(page_id=page.id)).all()
    hours = business_hours(page)
    hours = hours if hours and hours.are_known else None
    return Rulebook({(row.severity, row.type): _cadence(row, hours) for row in rows})


def cadence_for(page: Page, severity: Severity, of_type: IncidentType | None = None) -> Cadence:
    """The page's policy for incidents of this severity and type; the built-in default where the page has none."""
    return rulebook(page).cadence(severity, of_type)


def business_hours(page: Page) -> Hours | None:
    """When somebody is at work, as the page says; None where it does not say."""
    return _read(plain.read_hours, page.business_hours, None, "business hours", page.public_id)


def add_defaults(page: Page, now: datetime) -> None:
    """Give a new page the ready-made policies; the caller commits."""
    for severity, cadence in DEFAULTS.items():
        row = CadencePolicy(page=page, severity=severity)
        _write(row, cadence, now)
        db.session.add(row)


def set_policy(  # noqa: PLR0913 - who is meant, what holds, and by whom
    page: Page, severity: Severity, cadence: Cadence, by: Actor, now: datetime, of_type: IncidentType | None = None
) -> CadencePolicy:
    """Change what such incidents promise from their next update on, and who is chased from now on.

    Raises Invalid with a sentence for each thing that cannot be kept.
    """
    if problems := problems_of(cadence):
        raise Invalid(problems)
    lock(page)
    row = _row(page, severity, of_type)
    stood = _cadence(row, None) if row else None
    if problems := reach_problems(page, cadence, stood or rulebook(page).cadence(severity)):
        raise Invalid(problems)
    before = plain.policy_values(stood) if stood else None
    if row is None:
        row = CadencePolicy(page=page, severity=severity, type=of_type)
        db.session.add(row)
    _write(row, cadence, now)
    db.session.flush()
    after = plain.policy_values(cadence)
    changed = [name for name, value in after.items() if before is None or before[name] != value]
    watch.look_at_all(now)
    audit.record(
        by,
        "policy.set",
        row,
        now,
        severity=severity.value,
        type=of_type.value if of_type else None,
        before={name: before[name] for name in changed} if before else None,
        after={name: after[name] for name in changed},
    )
    db.session.commit()
    return row


def drop_policy(page: Page, severity: Severity, of_type: IncidentType, by: Actor, now: datetime) -> None:
    """Incidents of this type follow their severity's policy again; raises NotFound where they do already."""
    lock(page)
    row = _row(page, severity, of_type)
    if row is None:
        raise NotFound(f"There is no policy of its own for {severity.label} and {of_type.label.lower()}.")
    before = plain.policy_values(_cadence(row, None))
    watch.look_at_all(now)
    audit.record(by, "policy.drop", row, now, severity=severity.value, type=of_type.value, before=before, after=None)
    db.session.delete(row)
    db.session.commit()


def set_hours(page: Page, hours: Hours | None, by: Actor, now: datetime) -> None:
    """These are the page's business hours; None: promises wait for no opening. Raises Invalid."""
    if problems := hours_problems(hours):
        raise Invalid(problems)
    lock(page)
    before, page.business_hours = page.business_hours, plain.hours_values(hours)
    audit.record(by, "policy.hours", page, now, before=before, after=page.business_hours)
    db.session.commit()


def set_fallback(page: Page, user: StaffUser | None, by: Actor, now: datetime) -> None:
    """Who hears of a late promise when the ladder has run out. Raises Invalid for somebody who has left."""
    if user is not None and not user.active:
        raise Invalid({"fallback": f"{user.display_name} has left. Choose somebody who is here."})
    lock(page)
    before, page.fallback_contact = page.fallback_contact, user
    audit.record(
        by,
        "policy.fallback",
        page,
        now,
        before=before.public_id if before else None,
        after=user.public_id if user else None,
    )
    db.session.commit()


def _row(page: Page, severity: Severity, of_type: IncidentType | None) -> CadencePolicy | None:
    return db.session.scalar(select(CadencePolicy).filter_by(page_id=page.id, severity=severity, type=of_type))


def _write(row: CadencePolicy, cadence: Cadence, now: datetime) -> None:
    row.first, row.interval, row.lead, row.updated_at = cadence.first, cadence.interval, cadence.lead, now
    row.phases = plain.phase_values(cadence.phases)
    row.keeps_hours, row.needs_second = cadence.keeps_hours, cadence.needs_second
    row.ladder, row.repeat = plain.ladder_values(cadence.ladder), cadence.repeat
    row.coalescing = cadence.coalescing
    row.deadlines = plain.deadline_values(cadence.deadlines)


def _cadence(row: CadencePolicy, hours: Hours | None) -> Cadence:
    where = row.public_id
    return Cadence(
        row.first,
        row.interval,
        row.lead,
        phases=_read(plain.read_phases, row.phases, {}, "phases", where),
        keeps_hours=row.keeps_hours,
        hours=hours if row.keeps_hours else None,
        ladder=_read(plain.read_ladder, row.ladder, None, "ladder", where),
        repeat=row.repeat,
        coalescing=row.coalescing,
        needs_second=row.needs_second,
        deadlines=_read(plain.read_deadlines, row.deadlines, (), "deadlines", where),
    )


def _read(read: Callable[[Any], Value], values: Any, instead: Value, what: str, where: str) -> Value:
    """A value that cannot be read stops no clock: the ready-made one holds, and the policy is shown as broken."""
    try:
        return read(values)
    except plain.Unreadable as error:
        log.error("policy.unreadable", what=what, of=where, why=str(error))
        return instead
