"""What would become of each thing in the files, seen from what is here already. Nothing is written."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import select

from ..channels import clean_address
from ..db import db
from ..errors import CandorError
from ..models import Component, ComponentGroup, Incident, Page, Subscriber
from ..subscriptions import find as find_subscriber
from ..vocabulary import SubscriberState
from . import stored
from .facts import ComponentFacts, Facts, Found, GroupFacts, IncidentFacts, SubscriberFacts, fingerprint

Kind = TypeVar("Kind", ComponentGroup, Component)
Row = ComponentGroup | Component | Incident | Subscriber


class Fate(StrEnum):
    """What an import does with one thing."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    LEFT = "left"


@dataclass(frozen=True)
class Verdict:
    """A thing's fate, and why where that is not plain."""

    fate: Fate
    reason: str = ""


SAME = Verdict(Fate.SAME)
ELSEWHERE = Verdict(Fate.LEFT, "Another page here has something with this id.")
CHANGED_HERE = Verdict(Fate.LEFT, "It has changed in the file and here since it was imported; what is here stays.")


def weigh(page: Page, found: Found, components: "Known") -> Verdict:
    """What would become of it on this page."""
    match found.facts:
        case SubscriberFacts():
            return _subscriber(page, found.facts, components)
        case IncidentFacts():
            return _incident(page, found.facts)
        case GroupFacts() | ComponentFacts():
            row = components.row(found.facts)
            if row is None:
                return _new(page, found.facts)
            if row.imported_digest is None:
                return Verdict(Fate.SAME, f"It is {row.name}, which is here already and stays as it is.")
            return compare(row, found.facts)


def compare(row: Row, facts: Facts) -> Verdict:
    """By what was imported last time, what the file says now and what is here: same, changed, or left alone."""
    if row.imported_digest is None:
        return Verdict(Fate.LEFT, "It was made here, not imported.")
    there, here = row.imported_digest.split(":")
    if fingerprint(facts) == there:
        return SAME
    now_here = stored.facts(row)
    if now_here == facts:
        return SAME
    return Verdict(Fate.CHANGED) if fingerprint(now_here) == here else CHANGED_HERE


class Known:
    """Which of the page's components and groups a file means: by id, else by the name of one made here."""

    def __init__(self, page: Page, promised: list[Found]) -> None:
        self.page = page
        self.promised = {
            name: found.facts.id
            for found in promised
            if isinstance(found.facts, ComponentFacts)
            for name in (found.facts.id, found.facts.name.casefold())
        }
        # An update calls a component "Group - Component"; its own entry says the plain name.
        self.names = {each.facts.id: each.facts.name for each in promised if isinstance(each.facts, ComponentFacts)}

    def row(self, facts: GroupFacts | ComponentFacts) -> ComponentGroup | Component | None:
        """The group or component that these facts are of."""
        return self._row(ComponentGroup, facts) if isinstance(facts, GroupFacts) else self._row(Component, facts)

    def _row(self, model: type[Kind], facts: GroupFacts | ComponentFacts) -> Kind | None:
        ours = select(model).filter_by(page_id=self.page.id)
        by_id = db.session.scalar(ours.filter_by(public_id=facts.id))
        return by_id or db.session.scalar(ours.filter_by(name=facts.name, imported_digest=None).limit(1))

    def component(self, word: str, name: str = "") -> Component | None:
        """The component that an id, or else a name, stands for."""
        ours = select(Component).filter_by(page_id=self.page.id)
        if by_id := db.session.scalar(ours.filter_by(public_id=word)):
            return by_id
        name = self.names.get(word, name)
        for each in db.session.scalars(ours.order_by(Component.archived_at.is_not(None), Component.id)):
            if each.name.casefold() in (word.casefold(), name.casefold()) and (not name or not each.imported_digest):
                return each
        return None

    def has(self, word: str) -> bool:
        """Whether such a component is here, or comes with these files."""
        return word in self.promised or word.casefold() in self.promised or self.component(word) is not None


def _new(page: Page, facts: GroupFacts | ComponentFacts | IncidentFacts) -> Verdict:
    model = {GroupFacts: ComponentGroup, ComponentFacts: Component, IncidentFacts: Incident}[type(facts)]
    taken = db.session.scalar(select(model.id).where(model.public_id == facts.id, model.page_id != page.id))  # type: ignore[attr-defined]
    return ELSEWHERE if taken else Verdict(Fate.NEW)


def _incident(page: Page, facts: IncidentFacts) -> Verdict:
    row = db.session.scalar(select(Incident).filter_by(page_id=page.id, public_id=facts.id))
    if row is None:
        return _new(page, facts)
    if stored.is_exact(row) and not facts.is_exact:
        return _feed_of_what_is_known_better(row, facts)
    verdict = compare(row, facts)
    if verdict.fate is Fate.CHANGED and len(facts.updates) < len(row.updates):
        return Verdict(Fate.LEFT, "The file has fewer updates than were imported; none is taken away here.")
    return verdict


def _feed_of_what_is_known_better(row: Incident, facts: IncidentFacts) -> Verdict:
    if len(facts.updates) <= len(row.updates):
        return Verdict(Fate.SAME, "It is known more exactly from incidents.json.")
    return Verdict(Fate.LEFT, "The feed has more updates than incidents.json had. Download incidents.json again.")


def _subscriber(page: Page, facts: SubscriberFacts, components: Known) -> Verdict:
    if facts.state == "unconfirmed":
        return Verdict(Fate.LEFT, "They had not confirmed, so there is no consent to keep.")
    if missing := [word for word in facts.components if not components.has(word)]:
        return Verdict(Fate.LEFT, f"There is no component “{missing[0][:60]}”. Import components.json first.")
    try:
        row = find_subscriber(page, facts.channel, clean_address(facts.channel, facts.address))
    except CandorError as error:
        return Verdict(Fate.LEFT, str(error))
    if row is None:
        return Verdict(Fate.NEW)
    return _of_ours(row, facts) if row.imported_digest is None else compare(row, facts)


def _of_ours(row: Subscriber, facts: SubscriberFacts) -> Verdict:
    """Whoever signed up here decided here; only a sign-up that was never confirmed gains by the export."""
    if row.state is SubscriberState.UNSUBSCRIBED:
        return Verdict(Fate.LEFT, "They have unsubscribed here.")
    if row.state is SubscriberState.PENDING and facts.state == "active":
        return Verdict(Fate.CHANGED, "They had signed up here and not confirmed yet.")
    return Verdict(Fate.SAME, "They are subscribed here already, and their own choice stands.")
