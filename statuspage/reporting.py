"""The monthly report: made once for each month that is over, and owed by mail to the colleagues who asked for it."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import select

from . import audit, urls
from .analytics import reading
from .analytics.figures import Figures, figures
from .analytics.periods import Month
from .analytics.report import report
from .audit import CLOCK
from .clock import day_text
from .db import db, lock_name, new_id, reading as only_reading
from .delivery import messages, outbox
from .errors import Invalid
from .models import Announcement, Incident, MonthlyReport, Page, StaffUser
from .vocabulary import AnnouncementKind, Lane

log = structlog.get_logger(__name__)

# So many months back one may choose from.
MOST_MONTHS = 36


def report_due(now: datetime) -> int:
    """Whoever asked for it is owed the report of the month that is over; how many reports were made is returned.

    Where nobody kept the clock for months, the last of them is made up for, once. Of a month before the page was
    there nothing is said.
    """
    made = 0
    with only_reading():
        real = db.session.scalars(select(Page).where(Page.stage_pace.is_(None)))
        due = [(page.id, month) for page in real if (month := _due(page, now))]
    for number, month in due:
        made += _make(number, month, now)
    return made


def words(page: Page, month: Month, now: datetime, public_id: str = "") -> messages.Words:
    """The report as a mail, from the figures as they are now."""
    return _said(page, figures(reading.history(page, month, now)), public_id or new_id())


def months(page: Page, now: datetime) -> list[Month]:
    """The months that are over and on record, the latest first."""
    oldest = _first(page)
    found: list[Month] = []
    month = Month.of(now, page.time_zone).before
    while month.ends_at > oldest and len(found) < MOST_MONTHS:
        found.append(month)
        month = month.before
    return found


def find_month(page: Page, text: str, now: datetime) -> Month:
    """The month meant by "2026-10"; raises Invalid for one that is not over, or not on record."""
    try:
        month = Month.read(text, page.time_zone)
    except ValueError as error:
        raise Invalid({"month": str(error)}) from error
    if month.ends_at > now:
        ready = day_text(month.ends_at, page.time_zone)
        raise Invalid({"month": f"{month.label} is not over. Its report can be made from {ready} on."})
    oldest = _first(page)
    if month.ends_at <= oldest:
        raise Invalid({"month": f"The record begins on {day_text(oldest, page.time_zone)}, after {month.label}."})
    return month


def subscribers() -> Sequence[StaffUser]:
    """The colleagues who asked for the report."""
    query = select(StaffUser).where(StaffUser.active, StaffUser.wants_report).order_by(StaffUser.id)
    return db.session.scalars(query).all()


def _first(page: Page) -> datetime:
    """When the page's record begins."""
    query = select(Incident.started_at).where(Incident.page_id == page.id, Incident.hidden_at.is_(None))
    oldest = db.session.scalar(query.order_by(Incident.started_at).limit(1))
    return min(page.created_at, oldest) if oldest else page.created_at


def _due(page: Page, now: datetime) -> Month | None:
    month = Month.of(now, page.time_zone).before
    return None if page.created_at >= month.ends_at or _is_made(page.id, month) else month


def _is_made(page_id: int, month: Month) -> bool:
    query = select(MonthlyReport.id).where(MonthlyReport.page_id == page_id, MonthlyReport.month == month.value)
    return db.session.scalar(query) is not None


def _make(page_id: int, month: Month, now: datetime) -> int:
    """Figures first, without holding anybody up; then, if nobody was faster, the report is owed and on record."""
    public_id, said = new_id(), None
    with only_reading():
        if subscribers():
            page = db.session.get_one(Page, page_id)
            said = _said(page, figures(reading.history(page, month, now)), public_id)
    lock_name(f"monthly-report-{page_id}")
    if _is_made(page_id, month):
        db.session.rollback()
        return 0
    page, people = db.session.get_one(Page, page_id), subscribers() if said else ()
    announcement = None
    if said and people:
        announcement = Announcement(
            public_id=public_id,
            page=page,
            kind=AnnouncementKind.REPORT,
            lane=Lane.FAST,
            words={"email": said},
            expanded_at=now,
            created_at=now,
        )
        outbox.owe_colleagues(announcement, {each: {"email": each.email} for each in people}, now)
        audit.record(CLOCK, "report.send", page, now, month=month.value, people=len(people))
    db.session.add(MonthlyReport(page=page, month=month.value, announcement=announcement, created_at=now))
    db.session.commit()
    log.info("report.made", month=month.value, people=len(people))
    return int(announcement is not None)


def _said(page: Page, found: Figures, public_id: str) -> messages.Words:
    told = report(found)
    rendered = messages.render(
        "report",
        public_id,
        page,
        f"[{page.name}] {told.month} in figures",
        f"{page.name}: {told.headline}",
        report=told,
        report_url=urls.absolute(f"/admin/analytics/report?month={found.period.value}"),
        account_url=urls.absolute("/admin/account"),
    )
    return rendered["email"]
