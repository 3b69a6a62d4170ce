"""The calendars of a page: set, read every few minutes, and asked who is on duty. What was last read is kept."""

from datetime import datetime, timedelta

import structlog
from flask import current_app
from sqlalchemy import select

from notifiers import DeliveryError, Fetcher

from .. import audit
from ..audit import Actor
from ..clock import span_words
from ..db import db, lock_name, reading
from ..errors import Invalid
from ..models import OnCallFeed, Page, StaffUser
from ..sealing import shown
from ..vocabulary import IncidentRole
from .matching import people_of
from .reading import Unreadable, read

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=5)
# What could last be read is believed for so long: rotas are known for weeks, and change rarely within a day.
BELIEVED_FOR = timedelta(hours=24)
BACK, AHEAD = timedelta(days=1), timedelta(days=14)
MOST_STRANGERS = 5


def set_feed(page: Page, role: IncidentRole, url: str, by: Actor, now: datetime) -> OnCallFeed:
    """Who is on duty for this role is said by the calendar at this address from now on; raises Invalid."""
    try:
        clean = _fetcher().clean(url)
    except ValueError as error:
        raise Invalid({"url": str(error)}) from error
    lock_name(f"oncall:{page.id}")
    feed = find(page, role)
    if feed is None:
        feed = OnCallFeed(page=page, role=role)
        db.session.add(feed)
    feed.url, feed.due_at, feed.shifts, feed.strangers = clean, now, [], []
    feed.trouble, feed.read_at, feed.tried_at = "", None, None
    db.session.flush()
    audit.record(by, "oncall.set", feed, now, role=role.value, at=shown(clean))
    db.session.commit()
    return feed


def remove_feed(page: Page, role: IncidentRole, by: Actor, now: datetime) -> None:
    """No calendar says who is on duty for this role any more; nothing happens where none did."""
    if (feed := find(page, role)) is not None:
        audit.record(by, "oncall.remove", feed, now, role=role.value)
        db.session.delete(feed)
        db.session.commit()


def find(page: Page, role: IncidentRole) -> OnCallFeed | None:
    """The calendar for a role, if it has one."""
    return db.session.scalar(select(OnCallFeed).filter_by(page_id=page.id, role=role))


def listed(page: Page) -> list[OnCallFeed]:
    """The page's calendars."""
    return list(db.session.scalars(select(OnCallFeed).filter_by(page_id=page.id).order_by(OnCallFeed.id)))


def read_due(now: datetime) -> int:
    """Calendars whose time has come are read again; how many were tried is returned.

    No transaction is open while another host is slow, and one bad calendar stops no other.
    """
    with reading():
        due = list(db.session.scalars(select(OnCallFeed.id).where(OnCallFeed.due_at <= now).order_by(OnCallFeed.id)))
    for number in due:
        try:
            read_one(number, now)
        except Exception:  # the others want to be read, and this one again later
            log.exception("oncall.failed", feed=number)
            db.session.rollback()
    return len(due)


def read_one(number: int, now: datetime) -> None:
    """What this calendar says now is kept; where it says nothing that can be read, what is wrong, and the old stays."""
    with reading():
        feed = db.session.get(OnCallFeed, number)
        if feed is None:
            return
        url, zone = feed.url, feed.page.time_zone
    shifts, trouble = [], ""
    try:
        shifts = read(_fetcher().fetch(url, "text/calendar"), zone, now - BACK, now + AHEAD)
    except (DeliveryError, Unreadable) as error:
        trouble = str(error)
    feed = db.session.get(OnCallFeed, number)
    if feed is None or feed.url != url:
        db.session.rollback()
        return
    feed.tried_at, feed.due_at, feed.trouble = now, now + EVERY, trouble[:300]
    if not trouble:
        staff = list(db.session.scalars(select(StaffUser).where(StaffUser.active).order_by(StaffUser.id)))
        known = [(each, people_of(each, staff)) for each in shifts]
        feed.read_at = now
        feed.shifts = [
            {
                "begins": shift.begins_at.isoformat(),
                "ends": shift.ends_at.isoformat(),
                "people": [each.id for each in people],
            }
            for shift, people in known
            if people
        ]
        strangers = dict.fromkeys((shift.words or "somebody without a name")[:80] for shift, who in known if not who)
        feed.strangers = list(strangers)[:MOST_STRANGERS]
    db.session.commit()


def on_duty(feed: OnCallFeed, now: datetime) -> list[int]:
    """The ids of the colleagues on duty now, as far as the calendar can be believed."""
    if feed.read_at is None or now - feed.read_at > BELIEVED_FOR:
        return []
    found = [
        number
        for shift in feed.shifts
        if datetime.fromisoformat(shift["begins"]) <= now < datetime.fromisoformat(shift["ends"])
        for number in shift["people"]
    ]
    return list(dict.fromkeys(found))


def troubles(now: datetime) -> list[str]:
    """What is wrong with any calendar, as sentences for whoever can mend it."""
    return [sentence for feed in db.session.scalars(select(OnCallFeed).order_by(OnCallFeed.id))
            for sentence in [trouble_of(feed, now)] if sentence]  # fmt: skip


def trouble_of(feed: OnCallFeed, now: datetime) -> str:
    """What is wrong with this calendar; empty when it can be relied upon."""
    what = f"The on-call calendar for the {feed.role.label.lower()}"
    if feed.trouble:
        if feed.read_at is None:
            return f"{what} could not be read yet: {feed.trouble} Reminders go to those who hold the role."
        age = now - feed.read_at
        until = (
            "what it said then still counts"
            if age <= BELIEVED_FOR
            else "reminders go to those who hold the role instead"
        )
        return f"{what} was last read {span_words(age)} ago, and {until}. {feed.trouble}"
    if feed.strangers and not on_duty(feed, now):
        return f"{what} names nobody on the staff, but “{feed.strangers[0]}”: add them, or write their address there."
    if feed.read_at is not None and not on_duty(feed, now):
        return f"{what} has nobody on duty now: reminders go to those who hold the role."
    return ""


def _fetcher() -> Fetcher:
    found: Fetcher = current_app.extensions["candor.fetcher"]
    return found
