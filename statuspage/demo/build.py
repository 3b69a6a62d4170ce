"""Plays the story through the verbs, with `now` in the past, into an empty database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import cycle
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from notifiers import Envelope, Message, Outcome, Preview, Receipt

from .. import components, pages, publishing, schema, staff
from ..audit import Actor
from ..cadence import policies
from ..cadence.hours import Hours
from ..cadence.policy import DeadlineRule
from ..cadence.steps import COMMANDER, COMMS_LEAD
from ..db import Base, db, relax_sqlite
from ..delivery.dispatcher import Dispatcher
from ..drafts import BY_POLICY, IncidentDraft, Promise, UpdateDraft
from ..errors import Conflict
from ..models import Component, Incident, IncidentUpdate, Page, StaffUser
from ..models.page import PUBLIC_CHANNELS
from ..pages import PageFacts
from ..vocabulary import (
    Audience,
    ComponentStatus,
    DeadlineKind,
    DeadlineStart,
    IncidentRole,
    IncidentStatus,
    Severity,
    StaffRole,
)
from . import crowd, story
from .history import PAST
from .story import Said, Story

DAYS = 91
ZONE = "Europe/Berlin"
CORRECTED_AFTER = timedelta(minutes=10)
HELD = timedelta(seconds=20)
# What relay and provider of the demo take.
_A_SECOND = {"email": 40, "sms": 2}

# Address, name, role, number for reminders.
_PEOPLE = (
    ("ines.duarte@example.com", "Ines Duarte", StaffRole.VIEWER, ""),
    ("jonas.weber@example.com", "Jonas Weber", StaffRole.RESPONDER, "+12025550191"),
    ("mara.lindqvist@example.com", "Mara Lindqvist", StaffRole.COMMS_LEAD, "+12025550192"),
    ("tomasz.zielinski@example.com", "Tomasz Zielinski", StaffRole.ADMIN, "+12025550193"),
    ("aiko.tanaka@example.com", "Aiko Tanaka", StaffRole.RESPONDER, "+12025550194"),
    ("samuel.adeyemi@example.com", "Samuel Adeyemi", StaffRole.COMMS_LEAD, "+12025550195"),
)
_ADDRESS_OF = {role: address for address, _, role, _ in reversed(_PEOPLE)}


@dataclass(frozen=True)
class Made:
    """How much of a company there is."""

    incidents: int
    updates: int
    subscribers: int


@dataclass(frozen=True)
class Cast:
    """Who speaks in one incident, and who leads it."""

    speaker: StaffUser
    commander: StaffUser

    @property
    def by(self) -> Actor:
        """The speaker, in the panel."""
        return Actor(self.speaker, "panel")

    @property
    def roles(self) -> tuple[tuple[IncidentRole, StaffUser], ...]:
        """Both in their roles."""
        return (IncidentRole.COMMUNICATIONS_LEAD, self.speaker), (IncidentRole.INCIDENT_COMMANDER, self.commander)


@dataclass(frozen=True)
class Stage:
    """Where the stories are played: the page and its components by name."""

    page: Page
    parts: Mapping[str, Component]

    @property
    def public_parts(self) -> list[Component]:
        """What customers know of."""
        return [part for part in self.parts.values() if part.audience is Audience.PUBLIC]

    def play(self, told: Story, cast: Cast, began: datetime, *, is_notified: bool) -> None:
        """The story has happened, statement by statement, from `began` on."""
        first, *later = told.said
        opening = IncidentDraft(told.title, told.type, told.severity, self._draft(first, is_notified), cast.roles)
        incident = publishing.open_incident(self.page, opening, cast.by, began)
        at = began
        for said in later:
            if is_notified:
                _deliver(at + HELD)
            at = began + timedelta(minutes=said.at)
            update = publishing.post_update(incident, self._draft(said, is_notified, incident), cast.by, at)
            if said.corrected:
                publishing.correct(update, said.corrected, cast.by, at + CORRECTED_AFTER)
        if is_notified:
            _deliver(at + HELD)

    def _draft(self, said: Said, is_notified: bool, incident: Incident | None = None) -> UpdateDraft:
        states = {self.parts[name]: state for name, state in said.states.items()}
        if incident and said.status is IncidentStatus.RESOLVED and said.audience is Audience.PUBLIC:
            states = dict.fromkeys(publishing.affected(incident), ComponentStatus.OPERATIONAL)
        promise = BY_POLICY
        if said.none_because:
            promise = Promise(none_because=said.none_because)
        elif said.within:
            promise = Promise(within=timedelta(minutes=said.within))
        return UpdateDraft(said.status, said.body, states, promise, said.audience, is_notified)


def build(now: datetime) -> Made:
    """The empty database holds Parcelwright and its 90 days, and one incident whose promise is about to slip."""
    start = now - timedelta(days=DAYS)
    relax_sqlite(db.engine)  # a demo half built by a power cut is built anew
    schema.upgrade(start)
    page = pages.first()
    if _count(Incident) or _count(Component):
        raise Conflict("This database is in use. A demo is built into an empty one.")
    page.is_demo = True
    staff_by_role = _hire(start)
    admin = Actor(staff_by_role[StaffRole.ADMIN][0], "panel")
    pages.edit(page, _page_facts(), admin, start)
    stage = Stage(page, _components(page, admin, start))
    crowd_size = crowd.gather(page, stage.public_parts, now)
    db.session.commit()
    for past, cast in zip(PAST, _casts(staff_by_role), strict=False):
        stage.play(past, cast, _began(past, now), is_notified=False)
    began = now - timedelta(minutes=story.OPEN_BEGAN)
    _agree(page, admin, began)
    stage.play(story.OPEN, next(_casts(staff_by_role)), began, is_notified=True)
    return Made(_count(Incident), _count(IncidentUpdate), crowd_size)


class Drawer:
    """A channel that keeps what it is given, at a provider's pace, without writing each mail out."""

    is_live = False

    def __init__(self, kind: str, began: datetime) -> None:
        self.kind = self.label = kind
        self.now = began

    def clock(self) -> datetime:
        """How late it is for whoever has handed over so much."""
        return self.now

    def clean(self, address: str) -> str:
        """Nobody types an address here."""
        return address

    def preview(self, message: Message, address: str) -> Preview:
        """The words as they are."""
        return Preview(text=message.text)

    def deliver(self, envelopes: Iterable[Envelope]) -> Iterator[Outcome]:
        """Captured, each of them; each takes its time."""
        for envelope in envelopes:
            self.now += timedelta(seconds=1) / _A_SECOND[self.kind]
            yield Outcome(envelope.key, Receipt(detail="Captured: this is a demo.", is_captured=True))


def _deliver(at: datetime) -> None:
    """What was owed at this moment of the story was dealt with then, at the pace of a relay and a provider."""
    for kind in _A_SECOND:
        drawer = Drawer(kind, at)
        Dispatcher({kind: drawer}, clock=drawer.clock).run_until_idle()


def person(role: StaffRole) -> StaffUser:
    """Whoever stands for this role in the demo."""
    return staff.find_by_email(_ADDRESS_OF[role])


def _hire(start: datetime) -> dict[StaffRole, list[StaffUser]]:
    by_role: dict[StaffRole, list[StaffUser]] = {}
    for address, name, role, phone in _PEOPLE:
        user = staff.add(address, role, Actor(None, "command line"), start, name=name, phone=phone)
        by_role.setdefault(role, []).append(user)
    return by_role


def _agree(page: Page, admin: Actor, now: datetime) -> None:
    """What contracts and habits ask for: deadlines, business hours for small things, and a last resort."""
    policies.set_fallback(page, admin.user, admin, now)
    policies.set_hours(page, Hours(ZONE, time(8), time(18), holidays="DE"), admin, now)
    small = policies.cadence_for(page, Severity.SEV4)
    policies.set_policy(page, Severity.SEV4, replace(small, keeps_hours=True), admin, now)
    owed = (
        DeadlineRule("Early warning", timedelta(hours=24), COMMANDER, DeadlineStart.DETECTED, DeadlineKind.AUTHORITY),
        DeadlineRule("Final report", timedelta(days=5), COMMS_LEAD),
    )
    for severity in dict.fromkeys((Severity.SEV1, story.OPEN.severity)):
        held = policies.cadence_for(page, severity)
        policies.set_policy(page, severity, replace(held, deadlines=owed), admin, now)


def _page_facts() -> PageFacts:
    return PageFacts(
        name=story.NAME,
        description=story.DESCRIPTION,
        time_zone=ZONE,
        support_url="https://help.parcelwright.example/",
        mail_from_name=f"{story.NAME} status",
        mail_reply_to="support@example.com",
        mail_footer=story.FOOTER,
        shows_lateness=False,
        public_channels=list(PUBLIC_CHANNELS),
    )


def _components(page: Page, by: Actor, start: datetime) -> Mapping[str, Component]:
    return {
        name: components.add(page, name, by, start, group, description, audience, story.TARGETS.get(name))
        for group, members, audience in story.GROUPS
        for name, description in members
    }


def _casts(by_role: Mapping[StaffRole, list[StaffUser]]) -> Iterator[Cast]:
    """The staff takes turns."""
    commanders = cycle([*by_role[StaffRole.RESPONDER], *by_role[StaffRole.ADMIN]])
    return map(Cast, cycle(by_role[StaffRole.COMMS_LEAD]), commanders)


def _began(past: Story, now: datetime) -> datetime:
    day = now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=past.days_ago)
    return datetime.combine(day, time.fromisoformat(past.clock), ZoneInfo(ZONE)).astimezone(UTC)


def _count(model: type[Base]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0
