"""Starting a drill, playing its script, and ending it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from .. import audit, publishing
from ..audit import CLOCK, Actor
from ..db import db, lock, lock_name, reading
from ..drafts import IncidentDraft, UpdateDraft
from ..errors import Conflict, Invalid, NotFound
from ..models import Drill, DrillInject, Incident, Page, StaffUser
from ..vocabulary import Audience, IncidentRole, IncidentStatus
from . import stage
from .scripts import Kept
from .telling import MARK, tell_inject

log = structlog.get_logger(__name__)

SLOWEST, FASTEST = 1.0, 20.0
# So long, in minutes of the script, one may go on after its last line.
OVERTIME = 30
PLAYED, TIME_UP, STOPPED = "Played to the end.", "The script was over and nobody resolved it.", "Stopped early."


@dataclass(frozen=True)
class Cast:
    """Who takes part: in which role, who watches and helps, and who gets the injects as messages."""

    roles: tuple[tuple[IncidentRole, StaffUser], ...]
    others: tuple[StaffUser, ...] = ()
    told: Collection[StaffUser] = ()

    @property
    def players(self) -> dict[StaffUser, bool]:
        """Everybody, and whether they are told of injects."""
        return {user: user in self.told for user in (*(user for _, user in self.roles), *self.others)}


def start(  # noqa: PLR0913 - a drill is all of it
    page: Page, kept: Kept, cast: Cast, pace: float, by: Actor, now: datetime
) -> Drill:
    """The drill runs: its stage is there, its incident is open inside, and the first update is owed.

    Raises Invalid without a comms lead or with an odd pace, Conflict while another drill runs.
    """
    script = kept.script
    problems = {}
    if not any(role is IncidentRole.COMMUNICATIONS_LEAD for role, _ in cast.roles):
        problems["role-communications_lead"] = "Choose who speaks: a drill needs a comms lead."
    if not SLOWEST <= pace <= FASTEST:
        problems["pace"] = f"Choose a pace between {SLOWEST:g} and {FASTEST:g}."
    if problems:
        raise Invalid(problems)
    lock_name(f"drill:{page.id}")
    if (other := running(page)) is not None:
        name = other.name
        db.session.rollback()
        raise Conflict(f"“{name}” is being rehearsed. Stop it first.")
    place = stage.build(page, cast.players, pace, now)
    drill = Drill(
        page=page,
        stage=place,
        name=kept.name,
        script=kept.text,
        started_at=now,
        started_by_id=by.user_id,
        over_at=now + place.paced(timedelta(minutes=script.minutes + OVERTIME)),
        injects=[
            DrillInject(
                minute=each.minute,
                due_at=now + place.paced(timedelta(minutes=each.minute)),
                voice=each.voice,
                words=each.words,
            )
            for each in script.injects
        ],
    )
    db.session.add(drill)
    db.session.flush()
    audit.record(by, "drill.start", drill, now, name=kept.name, pace=pace, people=len(cast.players))
    begins = UpdateDraft(IncidentStatus.INVESTIGATING, script.injects[0].words, audience=Audience.INTERNAL)
    title = f"{MARK} {kept.name}"
    publishing.open_incident(place, IncidentDraft(title, script.type, script.severity, begins, cast.roles), by, now)
    play(drill, now)
    return drill


def play_due(now: datetime) -> int:
    """Every running drill goes on to this moment; how many run is returned. Ticks that were missed are made up for."""
    with reading():
        numbers = db.session.scalars(select(Drill.id).where(Drill.ended_at.is_(None))).all()
    for number in numbers:
        try:
            play(db.session.get_one(Drill, number), now)
        except Exception:
            db.session.rollback()
            log.exception("drill.failed", drill=number)
    return len(numbers)


def play(drill: Drill, now: datetime) -> None:
    """What should be known by now is, and a drill that is over ends."""
    lock(drill)
    if not drill.is_running:
        db.session.rollback()
        return
    for inject in drill.injects:
        if inject.shown_at is None and inject.due_at <= now:
            inject.shown_at = now
            tell_inject(drill.stage, drill.incident.title, inject, now)
    is_told = all(each.shown_at is not None for each in drill.injects)
    if is_told and not drill.incident.is_open:
        _end(drill, PLAYED, CLOCK, now)
    elif now >= drill.over_at:
        _end(drill, TIME_UP, CLOCK, now)
    db.session.commit()


def stop(drill: Drill, by: Actor, now: datetime) -> None:
    """The drill is over before its time; raises Conflict when it is over already."""
    lock(drill)
    if not drill.is_running:
        db.session.rollback()
        raise Conflict("This drill is over already.")
    _end(drill, STOPPED, by, now)


def running(page: Page) -> Drill | None:
    """The drill that is being played, if one is."""
    return db.session.scalar(select(Drill).filter_by(page_id=page.id, ended_at=None))


def find(page: Page, public_id: str) -> Drill:
    """The page's drill with this id; raises NotFound."""
    found = db.session.scalar(select(Drill).filter_by(page_id=page.id, public_id=public_id))
    if found is None:
        raise NotFound("There is no such drill.")
    return found


def on_stage(place: Page) -> Drill | None:
    """The drill that is or was played here; None on a real page."""
    return db.session.scalar(select(Drill).filter_by(stage_id=place.id)) if place.is_stage else None


def listed(page: Page) -> Sequence[Drill]:
    """Every drill there was, the latest first."""
    return db.session.scalars(select(Drill).filter_by(page_id=page.id).order_by(Drill.id.desc())).all()


def _end(drill: Drill, ending: str, by: Actor, now: datetime) -> None:
    """Nobody is chased any more, and nothing more can be said."""
    incident: Incident = drill.incident
    drill.ended_at, drill.ending = now, ending
    audit.record(by, "drill.end", drill, now, ending=ending)
    publishing.hide(incident, by, now)  # commits
    db.session.commit()
