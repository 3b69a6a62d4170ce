"""The shelf of scripts: those that come with Candor, and those that a page's people wrote."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from .. import audit, text
from ..audit import Actor
from ..db import db
from ..errors import Conflict, Invalid, NotFound
from ..models import DrillScript, Incident, Page
from ..visibility import PUBLIC, may_see
from .ready import READY
from .script import Script, read

NAME_LIMIT = 120


@dataclass(frozen=True)
class Kept:
    """A script on the shelf; one that came with Candor is not changed, saving it makes a copy."""

    key: str
    name: str
    text: str
    is_ready_made: bool = False

    @property
    def script(self) -> Script:
        """What the lines say."""
        return read(self.text)


def listed(page: Page) -> list[Kept]:
    """Every script, the page's own first."""
    rows = db.session.scalars(select(DrillScript).filter_by(page_id=page.id).order_by(DrillScript.name))
    return [*(_kept(row) for row in rows), *(Kept(key, *each, is_ready_made=True) for key, each in READY.items())]


def find(page: Page, key: str) -> Kept:
    """The script of this key, or of this name; raises NotFound."""
    found = [each for each in listed(page) if key in (each.key, each.name)]
    if not found:
        raise NotFound("There is no such script.")
    return found[0]


def save(  # noqa: PLR0913 - a form has as many fields
    page: Page, key: str, name: str, source: str, by: Actor, now: datetime
) -> Kept:
    """The script is on the shelf under this name; an empty or ready-made key makes a new one. Raises Invalid."""
    name, source = text.one_line(name), text.block(source)
    problems = {} if 0 < len(name) <= NAME_LIMIT else {"name": f"Give it a name of at most {NAME_LIMIT} characters."}
    try:
        read(source)
    except Invalid as error:
        problems |= error.problems
    row = db.session.scalar(select(DrillScript).filter_by(page_id=page.id, public_id=key)) if key else None
    namesake = db.session.scalar(select(DrillScript).filter_by(page_id=page.id, name=name))
    if namesake is not None and namesake is not row:
        problems["name"] = "Another script has this name. Choose a name of its own."
    if problems:
        raise Invalid(problems)
    row = row or DrillScript(page_id=page.id)
    row.name, row.text, row.updated_at = name, source, now
    db.session.add(row)
    db.session.flush()
    audit.record(by, "drill_script.save", row, now, name=name)
    db.session.commit()
    return _kept(row)


def remove(page: Page, key: str, by: Actor, now: datetime) -> None:
    """The script is gone from the shelf; drills that were played from it keep theirs."""
    row = db.session.scalar(select(DrillScript).filter_by(page_id=page.id, public_id=key))
    if row is None:
        raise NotFound("There is no such script, or it comes with Candor and stays.")
    audit.record(by, "drill_script.remove", row, now, name=row.name)
    db.session.delete(row)
    db.session.commit()


def from_incident(incident: Incident) -> tuple[str, str]:
    """A name and a script that replay a past incident: what was known when, and when it was said."""
    said = [each for each in incident.updates if may_see(PUBLIC, each)]
    if not said:
        raise Conflict("Nothing was said in public about this incident, so there is nothing to replay.")
    begun, seen = incident.started_at, set[str]()
    lines = [f"Severity: {incident.severity.value}", f"Type: {incident.type.value}"]
    lines += [f"About: {incident.title}, as it happened. Change what was known, and when.", ""]
    expected: list[str] = []
    for update in incident.updates:
        minute = max(0, int((update.created_at - begun).total_seconds() // 60))
        words = text.excerpt(" ".join(text.plain(update.body).split()), 800)
        known = words or f"It is {update.status.label.lower()}."
        lines.append(f"+{minute} what was known then: {known}")
        if update not in said:
            continue
        step = "first update" if not expected else update.status.value
        if step not in seen:
            expected.append(f"expect +{minute + 5} {step}")
        seen.add(step)
    name = text.excerpt(f"Replay: {incident.title}", NAME_LIMIT)
    return name, "\n".join([*lines, "", *expected, ""])


def _kept(row: DrillScript) -> Kept:
    return Kept(row.public_id, row.name, row.text)
