"""The chases of many incidents at once, as the database has them: as many questions for a thousand as for one."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload, selectinload

from ..db import db
from ..models import ChasePause, Incident, IncidentAssignment, Page, Reminder
from ..vocabulary import Audience, IncidentRole, ReminderCause
from .climb import Climb
from .policies import rulebook
from .policy import Cadence
from .steps import FALLBACK_WORD, Rung
from .unclaimed import Search, patience

# The roles somebody must take before the first word, the one that speaks first.
WANTED = (IncidentRole.COMMUNICATIONS_LEAD, IncidentRole.INCIDENT_COMMANDER)


@dataclass(frozen=True)
class Chase:
    """One incident's promise, who was reminded of it so far, and what holds it."""

    incident: Incident
    climb: Climb
    reminders: Sequence[Reminder] = ()
    pause: ChasePause | None = None
    asked: dict[IncidentRole, list[Reminder]] = field(default_factory=dict)

    def search(self, role: IncidentRole) -> Search:
        """The search for somebody who takes this role."""
        asked = self.asked.get(role, [])
        return Search(
            self.incident.created_at,
            patience(self.climb.cadence.first),
            frozenset(each.staff_user_id for each in asked),
            max((each.due_at for each in asked), default=None),
        )

    @property
    def unclaimed(self) -> list[IncidentRole]:
        """The roles nobody has while nothing was said in public yet."""
        if self.incident.audience is not Audience.INTERNAL:
            return []
        held = {each.role for each in self.incident.assignments if each.staff_user.active}
        return [role for role in WANTED if role not in held]

    def numbered(self, rung: Rung) -> Rung:
        """The rung with a round that nobody was told of under this word: a policy may change in the middle."""
        told = [each.round for each in self._of_ladder if each.step is rung.step]
        return replace(rung, round=max(rung.round, max(told) + 1)) if told else rung

    @cached_property
    def latest(self) -> list[Reminder]:
        """Who was reminded at the highest rung so far."""
        highest = max((each.due_at for each in self._of_ladder), default=None)
        return [each for each in self._of_ladder if each.due_at == highest]

    @cached_property
    def _of_ladder(self) -> list[Reminder]:
        return [each for each in self.reminders if each.cause is ReminderCause.LADDER]


def with_people(query: Select[Incident]) -> Select[Incident]:
    """Incidents with all that a chase needs to know of them."""
    return query.options(
        joinedload(Incident.page).joinedload(Page.fallback_contact),
        selectinload(Incident.assignments).joinedload(IncidentAssignment.staff_user),
    )


def gather(incidents: Collection[Incident]) -> list[Chase]:
    """The chase of each of these incidents, as far as something is promised on it."""
    promised = [each for each in incidents if each.is_open and each.next_update_due_at is not None]
    numbers = [each.id for each in promised]
    reminded, asked = _reminders(numbers)
    pauses = _pauses(numbers)
    books = {page.id: rulebook(page) for page in {each.page for each in promised}}
    return [
        _chase(
            each,
            books[each.page_id].cadence(each.severity, each.type),
            reminded[each.id],
            asked[each.id],
            pauses.get(each.id),
        )
        for each in promised
    ]


def _chase(
    incident: Incident,
    cadence: Cadence,
    reminders: Sequence[Reminder],
    asked: dict[IncidentRole, list[Reminder]],
    pause: ChasePause | None,
) -> Chase:
    assert incident.next_update_due_at is not None
    climbed = [each for each in reminders if each.cause is ReminderCause.LADDER]
    climb = Climb(
        incident.next_update_due_at,
        cadence,
        max((each.due_at for each in climbed), default=None),
        pause.until if pause else None,
        any(each.role == FALLBACK_WORD for each in climbed),
    )
    return Chase(incident, climb, reminders, pause, asked)


def _reminders(
    numbers: Collection[int],
) -> tuple[dict[int, list[Reminder]], dict[int, dict[IncidentRole, list[Reminder]]]]:
    """By incident: the reminders of the promise that stands, and who was asked to take which role."""
    query = (
        select(Reminder)
        .join(Incident)
        .where(
            Reminder.incident_id.in_(numbers),
            or_(Reminder.promise_due_at == Incident.next_update_due_at, Reminder.cause == ReminderCause.UNCLAIMED),
        )
        .order_by(Reminder.id)
    )
    reminded: dict[int, list[Reminder]] = defaultdict(list)
    asked: dict[int, dict[IncidentRole, list[Reminder]]] = defaultdict(lambda: defaultdict(list))
    for each in db.session.scalars(query):
        if each.cause is ReminderCause.UNCLAIMED:
            asked[each.incident_id][IncidentRole(each.role)].append(each)
        else:
            reminded[each.incident_id].append(each)
    return reminded, asked


def _pauses(numbers: Collection[int]) -> dict[int, ChasePause]:
    query = select(ChasePause).where(ChasePause.incident_id.in_(numbers), ChasePause.ended_at.is_(None))
    found: Iterable[ChasePause] = db.session.scalars(query.options(joinedload(ChasePause.staff_user)))
    return {each.incident_id: each for each in found}
