"""Where the histories come from that are replayed: a file of somebody's page, or what was said on ours."""

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from ..db import db
from ..errors import Conflict
from ..importing import feed, files, history_lines, v2
from ..importing.facts import Contents, IncidentFacts, Unreadable
from ..importing.history_lines import Line
from ..models import Incident, IncidentUpdate, Page
from ..visibility import PUBLIC, may_see, only_for
from ..vocabulary import Impact, IncidentStatus
from .replaying import Broken, History, Statement, Story

KINDS = "JSON lines with one incident each, a page's incidents.json or its history.atom"
NO_SECONDS = "A feed tells no seconds: its gaps are right to the minute."
# Statuspage files an incident a moment before its first update is: nobody waited in between.
SAME_MOMENT = timedelta(seconds=1)


def read(path: Path) -> History:
    """The history in this file; raises Conflict with a sentence where there is none to measure."""
    try:
        data, said = files.load(path)
        history = _read(path.name, data, said)
    except Unreadable as error:
        where = f"{path.name} line {error.line}" if error.line else path.name
        raise Conflict(f"{where} {error} Nothing was measured.") from error
    if not history.stories:
        raise Conflict("\n".join([*broken_lines(history), f"{path.name} {_nothing(history)}"]))
    return history


def of_page(page: Page) -> History:
    """What the public was told on this page, imported history included; raises Conflict where that is nothing."""
    query = (
        select(Incident)
        .where(Incident.page_id == page.id, *only_for(PUBLIC, Incident))
        .options(selectinload(Incident.updates))
    )
    rows = list(db.session.scalars(query.order_by(Incident.started_at, Incident.id)))
    measured = [row for row in rows if row.impact is not Impact.MAINTENANCE]
    stories = [story for story in map(_of_ours, measured) if story.statements]
    if not stories:
        raise Conflict(f"There is no incident on this page yet. Name a file to measure: {KINDS}.")
    return History(page.name, tuple(stories), maintenance=len(rows) - len(measured))


def broken_lines(history: History, most: int = 20) -> list[str]:
    """A sentence for each item that could not be read, and how many more there are."""
    shown = [
        f"{history.name} line {each.line}: {each.item} cannot be read: {each.reason}" for each in history.broken[:most]
    ]
    more = len(history.broken) - len(shown)
    return shown + ([f"… and {more:,} more that cannot be read."] if more else [])


def _read(name: str, data: bytes, said: str) -> History:
    first = said.lstrip()[:1]
    if first == "<":
        return _from_contents(name, feed.read(name, data), (NO_SECONDS,))
    if history_lines.is_one(said):
        return _from_lines(name, said)
    if first in ("{", "["):
        return _from_contents(name, v2.read(name, said))
    raise Unreadable(f"is no history that can be measured. Give {KINDS}.")


def _nothing(history: History) -> str:
    if history.maintenance:
        return f"tells of maintenance alone ({history.maintenance:,}), and of no incident. Nothing was measured."
    return "has no incident that can be measured. Nothing was measured."


def _from_lines(name: str, said: str) -> History:
    found: list[Line] = []
    broken: list[Broken] = []
    for number, line in enumerate(said.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found.append(history_lines.read(line))
        except Unreadable as error:
            broken.append(Broken(number, "incident", str(error)))
    kept = [line for line in found if not line.is_maintenance]
    notes = []
    if naive := sum(line.naive for line in kept):
        notes.append(f"{naive:,} {'times have' if naive > 1 else 'time has'} no zone, which is taken as UTC.")
    if mixed := sum(line.is_mixed for line in kept):
        have = "incidents have" if mixed > 1 else "incident has"
        notes.append(f"{mixed:,} {have} updates out of the order of time; they were put in order.")
    return History(name, tuple(map(_of_line, kept)), len(found) - len(kept), tuple(broken), tuple(notes))


def _of_line(line: Line) -> Story:
    statements = tuple(Statement(at, status) for at, status in line.updates)
    return Story(line.id, line.title, statements, _known(line.started_at, statements))


def _from_contents(name: str, contents: Contents, notes: tuple[str, ...] = ()) -> History:
    incidents = [each.facts for each in contents.found if isinstance(each.facts, IncidentFacts)]
    kept = [each for each in incidents if each.impact != Impact.MAINTENANCE]
    planned = sum(not each.is_broken for each in contents.refused)
    broken = tuple(Broken(each.place.line, each.item, each.reason) for each in contents.refused if each.is_broken)
    return History(name, tuple(map(_of_facts, kept)), len(incidents) - len(kept) + planned, broken, notes)


def _of_facts(facts: IncidentFacts) -> Story:
    statements = tuple(Statement(each.at, IncidentStatus(each.status)) for each in facts.updates)
    return Story(facts.id, facts.title, statements, _known(facts.started_at, statements))


def _of_ours(incident: Incident) -> Story:
    said: list[IncidentUpdate] = sorted(
        (each for each in incident.updates if may_see(PUBLIC, each)), key=lambda each: (each.created_at, each.sequence)
    )
    statements = tuple(Statement(each.created_at, each.status) for each in said)
    known_at = _known(incident.detected_at or incident.created_at, statements) or _known(
        incident.started_at, statements
    )
    return Story(incident.public_id, incident.title, statements, known_at, incident.severity)


def _known(at: datetime | None, statements: tuple[Statement, ...]) -> datetime | None:
    """When somebody knew, if that is on record: an instant that is the first update's own says nothing."""
    is_apart = at is not None and statements and statements[0].at - at >= SAME_MOMENT
    return at if is_apart else None
