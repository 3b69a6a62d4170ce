"""Who is to be told now, of which incidents: one list for each person, so that everybody gets one message."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..models import Incident, StaffUser
from ..vocabulary import IncidentRole, ReminderCause, ReminderStep
from .chases import Chase
from .owing import Owing, owners
from .roster import Roster
from .steps import Recipient, Rung
from .unclaimed import Search


@dataclass(frozen=True)
class Call:
    """One person is to be reminded of one incident, at this rung."""

    chase: Chase
    rung: Rung
    due_at: datetime
    cause: ReminderCause = ReminderCause.LADDER

    @property
    def incident(self) -> Incident:
        """What about."""
        return self.chase.incident


@dataclass(frozen=True)
class OwedCall:
    """One person is to be reminded of one deadline, at this rung."""

    owing: Owing
    rung: Rung

    @property
    def due_at(self) -> datetime:
        """When this reminder should have come."""
        return self.owing.deadline.owed_from(self.rung.at)


@dataclass
class Plan:
    """What one look at many chases comes to: whom to call, and when to look at each incident again."""

    calls: dict[StaffUser, list[Call]] = field(default_factory=lambda: defaultdict(list))
    owed: dict[StaffUser, list[OwedCall]] = field(default_factory=lambda: defaultdict(list))
    called: set[int] = field(default_factory=set)
    looks: dict[int, datetime | None] = field(default_factory=dict)

    @property
    def people(self) -> list[StaffUser]:
        """Everybody who is told of something."""
        return list(dict.fromkeys([*self.calls, *self.owed]))

    @property
    def count(self) -> int:
        """How many reminders that is."""
        return sum(map(len, self.calls.values())) + sum(map(len, self.owed.values()))

    def look(self, incident: Incident, at: datetime | None) -> None:
        """The incident has to be looked at again by then, if it has not before."""
        known = self.looks.get(incident.id)
        self.looks[incident.id] = min((each for each in (known, at) if each is not None), default=None)

    def add(self, user: StaffUser, call: Call) -> None:
        """The person is to be reminded of this, too."""
        self.calls[user].append(call)
        self.called.add(call.incident.id)


def draw_up(chases: Sequence[Chase], roster: Roster, now: datetime, owings: Sequence[Owing] = ()) -> Plan:
    """Whoever should have been reminded by now is, at their highest rung alone.

    Whoever is told anyway is told with it what would follow within the policy's coalescing; nobody is woken for that.
    """
    plan = Plan()
    for chase in chases:
        for user, rung in _highest(chase, chase.climb.fresh_rungs(now), roster).items():
            plan.add(user, Call(chase, rung, _should_come(chase, rung)))
        looks = [chase.climb.next_look(now)]
        if not chase.climb.is_paused(now):
            looks += [_search(plan, chase, role, roster, now) for role in chase.unclaimed]
        plan.looks[chase.incident.id] = min((at for at in looks if at is not None), default=None)
    for owing in owings:
        _call_owners(plan, owing, owing.climb.fresh_rungs(now), roster)
        plan.look(owing.incident, owing.climb.next_look(now))
    for chase in chases:
        if chase.incident.id not in plan.called:
            _pull_forward(plan, chase, roster, now)
    return plan


def _highest(chase: Chase, rungs: Sequence[Rung], roster: Roster) -> dict[StaffUser, Rung]:
    """Of each person's rungs the highest: a clock that stood still sends no burst."""
    found: dict[StaffUser, Rung] = {}
    for rung in sorted(map(chase.numbered, rungs), key=lambda each: each.at):
        for user in roster.people(chase.incident, rung.to):
            if user not in found or found[user].at < rung.at:
                found[user] = rung
    return found


def _call_owners(plan: Plan, owing: Owing, rungs: Sequence[Rung], roster: Roster) -> None:
    """Whoever owes the deadline hears of it, at the highest of its rungs."""
    if rungs:
        rung = owing.numbered(max(rungs, key=lambda each: each.at))
        for user in owners(owing.deadline, roster):
            plan.owed[user].append(OwedCall(owing, rung))


def _should_come(chase: Chase, rung: Rung) -> datetime:
    """When this reminder should have come: at its time, or when what held it was over."""
    held_until = chase.climb.paused_until
    return max(rung.at, held_until) if held_until else rung.at


def _pull_forward(plan: Plan, chase: Chase, roster: Roster, now: datetime) -> None:
    """Somebody who is told of something else in this moment hears with it what they would hear a little later.

    Never of a delay that has not come: that one escalates is for the others, who may never have to know.
    """
    coalescing = min(chase.climb.cadence.coalescing, chase.climb.cadence.lead)
    if not coalescing or not plan.people:
        return
    rungs = [
        rung
        for rung in chase.climb.rungs_by(now + coalescing, now)
        if rung.at > now and (rung.at <= chase.climb.due_at or chase.climb.due_at <= now)
    ]
    if not rungs:
        return
    first = min(rung.at for rung in rungs)
    people = _highest(chase, [rung for rung in rungs if rung.at == first], roster)
    if people and all(user in plan.calls or user in plan.owed for user in people):
        for user, rung in people.items():
            plan.add(user, Call(chase, rung, rung.at))


def _search(plan: Plan, chase: Chase, role: IncidentRole, roster: Roster, now: datetime) -> datetime | None:
    """Ask the next person to take a role that nobody has; when to look again."""
    search = chase.search(role)
    candidates = {each.id: each for each in roster.candidates(chase.incident, role)}
    busy = {user.id for user, calls in plan.calls.items() if any(call.chase is chase for call in calls)}
    number = search.next_person(list(candidates), now, busy)
    if number is not None:
        due_at = min(now, search.next_at)
        rung = Rung(ReminderStep.DUE_SOON, due_at, Recipient(role.value), _asked(plan, chase))
        plan.add(candidates[number], Call(chase, rung, due_at, ReminderCause.UNCLAIMED))
        search = Search(search.since, search.every, {*search.asked, number}, now)
    return search.next_look(list(candidates), now)


def _asked(plan: Plan, chase: Chase) -> int:
    """How many were asked to take a role of this incident, those in the plan included: the next one's number."""
    planned = sum(
        call.chase is chase and call.cause is ReminderCause.UNCLAIMED for calls in plan.calls.values() for call in calls
    )
    return planned + sum(map(len, chase.asked.values()))
