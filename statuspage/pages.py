"""The status page as a thing that is set up once and changed rarely."""

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import select

from . import audit
from .audit import Actor
from .cadence.policies import add_defaults
from .db import db, lock
from .errors import Conflict, NotFound
from .models import Incident, Page, Role
from .vocabulary import IncidentStatus, LinkPolicy, StaffRole


@dataclass(frozen=True)
class PageFacts:
    """What an administrator decides about the page."""

    name: str
    description: str
    time_zone: str
    support_url: str
    mail_from_name: str
    mail_reply_to: str
    mail_footer: str
    shows_lateness: bool
    public_channels: list[str]
    link_policy: LinkPolicy = LinkPolicy.REMEMBERED


def ensure_first(now: datetime) -> Page:
    """The first page; on a fresh database it is made, with its policies and the staff roles."""
    page = db.session.scalar(select(Page).where(Page.stage_pace.is_(None)).order_by(Page.id).limit(1))
    if page is None:
        page = Page(name="Status", time_zone="Etc/UTC", confirmed_at=now, created_at=now, updated_at=now)
        db.session.add(page)
        add_defaults(page, now)
    known = set(db.session.scalars(select(Role.name)))
    db.session.add_all(Role(name=role.value, description=role.label) for role in StaffRole if role.value not in known)
    db.session.commit()
    return page


def first() -> Page:
    """The page that a request or command without a page means."""
    page = db.session.scalar(select(Page).where(Page.stage_pace.is_(None)).order_by(Page.id).limit(1))
    if page is None:
        raise NotFound("There is no page yet. Run `candor db upgrade`.")
    return page


def facts_of(page: Page) -> PageFacts:
    """The page's facts as they are."""
    return PageFacts(**{each.name: getattr(page, each.name) for each in fields(PageFacts)})


def edit(page: Page, facts: PageFacts, by: Actor, now: datetime) -> None:
    """The page is called, described and signed as given."""
    for name, value in vars(facts).items():
        setattr(page, name, value)
    page.updated_at = now
    audit.record(by, "page.edit", page, now, name=page.name)
    db.session.commit()


def confirm_all_clear(page: Page, by: Actor, now: datetime) -> None:
    """A person has looked and says that nothing is wrong; raises Conflict while an incident is open."""
    lock(page)
    still_open = (
        select(Incident.title)
        .filter_by(page_id=page.id)
        .where(Incident.status != IncidentStatus.RESOLVED, Incident.hidden_at.is_(None))
    )
    if title := db.session.scalar(still_open.limit(1)):
        raise Conflict(f"“{title}” is open. Post an update, or resolve it first.")
    page.confirmed_at = now
    audit.record(by, "page.confirm", page, now)
    db.session.commit()
