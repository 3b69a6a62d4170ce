"""Coming from Statuspage: read, weigh, and keep where asked to."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from .. import audit
from ..audit import Actor
from ..db import db
from ..errors import CandorError, Invalid
from ..models import Page
from . import files
from .facts import ComponentFacts, Contents, Facts, Found, GroupFacts, IncidentFacts, Refused, SubscriberFacts
from .keeping import Attestation, Keeper
from .weighing import Fate, Known, Verdict, weigh

# So many things are written in one transaction: publishing waits for a moment only.
AT_ONCE = 100
KINDS: dict[type, str] = {
    GroupFacts: "group",
    ComponentFacts: "component",
    IncidentFacts: "incident",
    SubscriberFacts: "subscriber",
}


@dataclass(frozen=True)
class Weighed:
    """One thing in the files and what becomes of it."""

    found: Found
    verdict: Verdict

    @property
    def kind(self) -> str:
        """What it is."""
        return KINDS[type(self.found.facts)]


@dataclass
class Report:
    """What an import did, or would do."""

    is_applied: bool
    weighed: list[Weighed] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, dict[str, int]]:
        """How many of each kind met which fate."""
        number = Counter((each.kind, each.verdict.fate) for each in self.weighed)
        return {kind: {fate.value: number[kind, fate] for fate in Fate} for kind in KINDS.values()}

    @property
    def is_whole(self) -> bool:
        """Whether every item of the files could be read."""
        return not any(each.is_broken for each in self.refused)


def import_files(  # noqa: PLR0913 - a command with as many facts
    page: Page, paths: list[Path], by: Actor, attestation: Attestation | None, now: datetime, *, applies: bool
) -> Report:
    """What is in the files is on the page, once, however often they are read; or a report of what would be.

    Nobody is notified. A file that is broken as a whole imports nothing of any file; a broken item nothing of
    that item.
    """
    contents = files.read(paths)
    things = _in_order(contents)
    if applies and attestation is None and any(isinstance(each.facts, SubscriberFacts) for each in things):
        raise Invalid({"attested-by": "Say who answers for these people's consent."})
    report = Report(applies, refused=contents.refused, notes=contents.notes + _notes(things))
    known = Known(page, things)
    keeper = Keeper(page, known, by, attestation, now)
    for at in range(0, len(things), AT_ONCE):
        for found in things[at : at + AT_ONCE]:
            _settle(report, found, keeper)
        if applies:
            db.session.commit()
    if applies:
        page.updated_at = now
        audit.record(by, "page.import", page, now, files=[path.name[:100] for path in paths], counts=report.counts())
        db.session.commit()
    return report


def _settle(report: Report, found: Found, keeper: Keeper) -> None:
    try:
        with db.session.begin_nested():
            verdict = weigh(keeper.page, found, keeper.known)
            if report.is_applied and verdict.fate in (Fate.NEW, Fate.CHANGED):
                keeper.keep(found)
    except (CandorError, SQLAlchemyError, ValueError) as error:
        reason = str(getattr(error, "orig", error))
        report.refused.append(Refused(found.place, _name(found.facts), f"cannot be kept ({reason})."))
        return
    report.weighed.append(Weighed(found, verdict))


def _in_order(contents: Contents) -> list[Found]:
    """Groups, components, incidents, people, each once: the API's word before the feed's, the later before the
    earlier."""
    best: dict[tuple[str, str], Found] = {}
    people = []
    for found in contents.found:
        if isinstance(found.facts, SubscriberFacts):
            people.append(found)
            continue
        key = (KINDS[type(found.facts)], found.facts.id)
        if key not in best or _weight(found.facts) > _weight(best[key].facts):
            best[key] = found
    order = {kind: number for number, kind in enumerate(KINDS.values())}
    things = sorted(best.values(), key=lambda each: order[KINDS[type(each.facts)]])
    return things + people


def _weight(facts: Facts) -> tuple[bool, datetime]:
    is_exact = not isinstance(facts, IncidentFacts) or facts.is_exact
    at = getattr(facts, "updated_at", None) or facts.created_at
    assert at
    return is_exact, at


def _notes(things: list[Found]) -> list[str]:
    still_open = [each.facts for each in things if isinstance(each.facts, IncidentFacts) and not each.facts.resolved_at]
    return [f"“{each.title}” ({each.id}) is still open: it is imported without a promise." for each in still_open]


def _name(facts: Facts) -> str:
    if isinstance(facts, SubscriberFacts):
        return "subscriber"
    return f"{KINDS[type(facts)]} ({facts.id})"


__all__ = ["Attestation", "Report", "Weighed", "import_files"]
