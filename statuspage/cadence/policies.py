"""Cadence policies as data: one for each severity of a page."""

from datetime import datetime, timedelta

from sqlalchemy import select

from .. import audit
from ..audit import Actor
from ..clock import span_text
from ..db import db, lock
from ..errors import Invalid
from ..models import CadencePolicy, Page
from ..vocabulary import Severity
from .policy import DEFAULTS, Cadence

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=30)


def cadence_for(page: Page, severity: Severity) -> Cadence:
    """The page's policy for this severity; the built-in default where the page has none."""
    row = db.session.scalar(select(CadencePolicy).filter_by(page_id=page.id, severity=severity))
    return Cadence(row.first, row.interval, row.lead) if row else DEFAULTS[severity]


def add_defaults(page: Page, now: datetime) -> None:
    """Give a new page its policies; the caller commits."""
    for severity, cadence in DEFAULTS.items():
        db.session.add(
            CadencePolicy(
                page=page,
                severity=severity,
                first=cadence.first,
                interval=cadence.interval,
                lead=cadence.lead,
                updated_at=now,
            )
        )


def set_policy(page: Page, severity: Severity, cadence: Cadence, by: Actor, now: datetime) -> CadencePolicy:
    """Change what incidents of this severity promise from their next update on; raise Invalid otherwise."""
    problems = {
        name: "Choose between one second and 30 days."
        for name in ("first", "interval", "lead")
        if not SHORTEST <= getattr(cadence, name) <= LONGEST
    }
    if not problems and cadence.lead > cadence.interval:
        problems["lead"] = "The reminder cannot come earlier than a whole interval before the promise."
    if problems:
        raise Invalid(problems)
    lock(page)
    row = db.session.scalar(select(CadencePolicy).filter_by(page_id=page.id, severity=severity))
    if row is None:
        row = CadencePolicy(page=page, severity=severity)
        db.session.add(row)
    row.first, row.interval, row.lead, row.updated_at = cadence.first, cadence.interval, cadence.lead, now
    db.session.flush()
    spans = {name: span_text(getattr(cadence, name)) for name in ("first", "interval", "lead")}
    audit.record(by, "policy.set", row, now, severity=severity.value, **spans)
    db.session.commit()
    return row
