"""The public page: overview, one incident, history month by month."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request

from .. import pages
from ..clock import utcnow
from ..errors import NotFound
from ..models import Page
from ..presenting import context, site_page
from ..visibility import PUBLIC
from . import presenters
from .front import Document, public

site = Blueprint("site", __name__)

RECENT_DAYS = 14


@site.get("/")
@public()
def overview() -> Document:
    """How things are, what is going on, and what was lately."""
    page, now = site_page(), utcnow()
    today = now.astimezone(ZoneInfo(page.time_zone)).date()
    first_day = _midnight(page, date.fromordinal(today.toordinal() - RECENT_DAYS + 1))
    recent = presenters.incidents_between(page, PUBLIC, first_day, now, now)
    going_on = presenters.open_incidents(page, PUBLIC, now)
    return Document(
        render_template(
            "public/overview.html",
            **context(
                headline=presenters.overview_headline(page, PUBLIC),
                incidents=going_on,
                groups=presenters.groups(page, PUBLIC, with_quiet=False),
                days=presenters.days(page, recent, today, RECENT_DAYS),
            ),
        ),
        changes_at=presenters.next_change(page, going_on, now),
    )


@site.get("/incidents/<public_id>")
@public()
def incident(public_id: str) -> Document:
    """One incident's permalink."""
    page, now = site_page(), utcnow()
    view = presenters.one_incident(page, PUBLIC, public_id, now)
    if view is None:
        raise NotFound("There is nothing at this address.")
    words = render_template("public/incident.html", **context(incident=view))
    return Document(words, changes_at=presenters.next_change(page, [view], now))


@site.get("/history")
@public("month")
def history() -> Document:
    """One month's incidents, with the way to the months before and after."""
    page, now = site_page(), utcnow()
    today = now.astimezone(ZoneInfo(page.time_zone)).date()
    month = _month(request.args.get("month", ""), today)
    after = _next_month(month)
    found = presenters.incidents_between(page, PUBLIC, _midnight(page, month), _midnight(page, after), now)
    newest = min(today, date.fromordinal(after.toordinal() - 1))
    shown = [day for day in presenters.days(page, found, newest, newest.day) if day.incidents]
    first_month = presenters.first_day(page, PUBLIC).replace(day=1)
    return Document(
        render_template(
            "public/history.html",
            **context(
                month=month,
                days=shown,
                previous_month=f"{_previous_month(month):%Y-%m}" if month > first_month else None,
                next_month=f"{after:%Y-%m}" if after <= today else None,
            ),
        ),
        changes_at=presenters.next_change(page, found, now),
    )


@site.get("/.well-known/security.txt")
def security_txt() -> Response:
    """Whom to tell about a weakness (RFC 9116)."""
    page = pages.first()
    contact = page.support_url or (f"mailto:{page.mail_reply_to}" if page.mail_reply_to else "")
    if not contact:
        raise NotFound("There is nothing at this address.")
    expires = f"{utcnow().year + 1}-01-01T00:00:00Z"
    return Response(f"Contact: {contact}\nExpires: {expires}\n", mimetype="text/plain")


def _month(asked: str, today: date) -> date:
    if not asked:
        return today.replace(day=1)
    match = re.fullmatch(r"(2[01]\d\d)-(0[1-9]|1[0-2])", asked)
    if not match:
        raise NotFound("There is no such month.")
    return date(int(match[1]), int(match[2]), 1)


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _previous_month(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def _midnight(page: Page, day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(page.time_zone)).astimezone(UTC)
