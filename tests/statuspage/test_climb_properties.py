"""Whatever ladders, clocks, restarts and people do: each step once, none after it is settled, none lost."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from sqlalchemy import select

from statuspage import pages, publishing
from statuspage.audit import Actor
from statuspage.cadence import handing, pauses, policies, reminders
from statuspage.cadence.bounds import LONGEST_AFTER, acknowledged_until, snoozed_until
from statuspage.cadence.checking import problems_of
from statuspage.cadence.climb import Climb
from statuspage.cadence.policy import DEFAULTS, Cadence, due_rungs
from statuspage.cadence.steps import COMMANDER, COMMS_LEAD, FALLBACK, MANAGERS, LadderStep
from statuspage.db import db, new_id
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.errors import Conflict
from statuspage.models import ChasePause, Incident, Promise, Reminder, StaffUser
from statuspage.vocabulary import (
    IncidentRole,
    IncidentStatus,
    IncidentType,
    ReminderCause,
    ReminderStep,
    Severity,
    StaffRole,
)
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

MINUTE = timedelta(minutes=1)
DUE = NOON + 60 * MINUTE
BACK = 20 * MINUTE
RESOLVED = IncidentStatus.RESOLVED

minutes = st.integers(1, 240).map(lambda count: count * MINUTE)
steps = st.builds(
    LadderStep,
    st.sampled_from(ReminderStep),
    st.integers(-60, 240).map(lambda count: count * MINUTE),
    st.sampled_from([COMMS_LEAD, COMMANDER, MANAGERS, FALLBACK]),
)
cadences = st.builds(
    Cadence,
    first=minutes,
    interval=minutes,
    lead=st.integers(1, 30).map(lambda count: count * MINUTE),
    ladder=st.none() | st.lists(steps, min_size=1, max_size=6).map(tuple),
    repeat=st.none() | minutes,
)
instants = st.integers(-90 * 60, 600 * 60).map(lambda seconds: DUE + timedelta(seconds=seconds))


def climbed_by(cadence, looks):
    """Each rung in the order in which a clock that looks at these instants climbs it."""
    reached, found, has_told = None, [], False
    for now in looks:
        climb = Climb(DUE, cadence, reached, None, has_told)
        fresh = climb.fresh_rungs(now)
        found += [(rung.step, rung.round, rung.place, rung.at) for rung in fresh]
        reached = max([rung.at for rung in fresh] + ([reached] if reached else []), default=None)
        has_told = has_told or any(rung.to.is_fallback for rung in fresh)
    return found


@given(cadences, st.lists(instants, min_size=1, max_size=30))
def test_each_rung_is_climbed_once_whatever_the_clock_does(cadence, looks):
    assert max(Counter(climbed_by(cadence, looks)).values(), default=0) <= 1


@given(cadences, st.lists(instants, min_size=1, max_size=30))
def test_no_rung_comes_before_its_time(cadence, looks):
    latest = max(looks)

    assert all(at <= latest for *_, at in climbed_by(cadence, looks))


@given(cadences, st.lists(instants, min_size=1, max_size=30))
def test_who_looks_last_has_climbed_as_high_as_who_never_slept(cadence, looks):
    now = max(looks)
    found = climbed_by(cadence, [*looks, now])
    due = due_rungs(DUE, cadence, now)

    assert max((at for *_, at in found), default=None) == max(
        (rung.at for rung in due if not rung.to.is_fallback or any(at == rung.at for *_, at in found)),
        default=max((at for *_, at in found), default=None),
    )


@given(cadences, instants)
def test_the_next_look_skips_no_rung(cadence, now):
    at = Climb(DUE, cadence).next_look(now)
    before = {rung.at for rung in due_rungs(DUE, cadence, at - timedelta(microseconds=1))}

    assert at > now
    assert {found for found in before if found > now} == set()


@given(cadences, instants, minutes)
def test_whoever_is_paused_is_looked_at_when_that_is_over(cadence, now, span):
    climb = Climb(DUE, cadence, paused_until=now + span)

    assert climb.fresh_rungs(now) == []
    assert climb.next_look(now) == now + span


@given(minutes, instants, st.integers(1, 10_000).map(lambda seconds: timedelta(seconds=seconds)))
def test_no_word_holds_the_chase_beyond_the_promise_or_for_long_after_it(interval, now, span):
    acknowledged, snoozed = acknowledged_until(DUE, interval, now), snoozed_until(DUE, interval, now, span)

    for until in (acknowledged, snoozed):
        assert until is None or now < until <= max(DUE, now + LONGEST_AFTER)
        assert until is None or now >= DUE or until <= DUE
    assert snoozed is None or snoozed <= max(DUE, DUE + interval)


ACTS = st.sampled_from(["tick"] * 6 + ["back", "acknowledge", "snooze", "hand over", "take over", "speak", "policy"])
moves = st.lists(st.tuples(ACTS, st.integers(1, 45 * 60)), min_size=4, max_size=15)


@pytest.mark.sqlite  # hundreds of publishes, and what differs by database is tried in test_collisions.py
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves, cadences, st.booleans())
def test_people_and_clocks_together_never_double_a_step_nor_chase_what_is_settled(
    app, colleague, moves, cadence, resolves
):
    cadence = replace(cadence, lead=min(cadence.lead, cadence.interval))
    assume(not problems_of(cadence))
    people = _people(colleague)
    policies.set_policy(pages.first(), Severity.SEV2, cadence, BY, NOON)
    first = UpdateDraft(IncidentStatus.INVESTIGATING, "We are looking into it.")
    draft = IncidentDraft(f"Incident {new_id()}", IncidentType.OUTAGE, Severity.SEV2, first)
    incident = publishing.open_incident(pages.first(), draft, BY, NOON)
    publishing.assign(incident, IncidentRole.COMMUNICATIONS_LEAD, db.session.get_one(StaffUser, people[0]), BY, NOON)
    now, number = NOON, incident.id
    for act, seconds in moves:
        now += timedelta(seconds=seconds)
        db.session.expunge_all()  # as after a restart: nothing is known but what was written down
        _do(act, db.session.get_one(Incident, number), people, now)
    if resolves:
        publishing.post_update(db.session.get_one(Incident, number), said(status=RESOLVED), BY, now)
        assert reminders.remind_due(now + timedelta(days=1)) == 0
    _check(number)
    publishing.hide(db.session.get_one(Incident, number), BY, now)


def _people(colleague):
    known = dict(db.session.execute(select(StaffUser.email, StaffUser.id)).all())
    for name, role in (("ada", StaffRole.COMMS_LEAD), ("bo", StaffRole.RESPONDER), ("root", StaffRole.ADMIN)):
        if f"{name}@candor.example" not in known:
            known[f"{name}@candor.example"] = colleague(role, f"{name}@candor.example").id
    return known["ada@candor.example"], known["bo@candor.example"]


def _do(act, incident, people, now):
    ada, bo = (db.session.get_one(StaffUser, each) for each in people)
    by = Actor(ada, "test")
    try:
        match act:
            case "tick":
                reminders.remind_due(now)
            case "back":
                reminders.remind_due(now - BACK)
            case "acknowledge":
                pauses.acknowledge(incident, ada, by, now)
            case "snooze":
                pauses.snooze(incident, ada, "On a call", 10 * MINUTE, by, now)
            case "hand over":
                handing.hand_over(incident, bo, by, now)
            case "take over":
                handing.take_over(incident, by, now)
            case "speak":
                publishing.post_update(incident, said(body=f"At {now}."), BY, now)
            case "policy":
                policies.set_policy(pages.first(), Severity.SEV2, DEFAULTS[Severity.SEV3], BY, now)
    except Conflict:
        db.session.rollback()


def _check(number):
    told = list(db.session.scalars(select(Reminder).where(Reminder.incident_id == number)))
    stood = list(db.session.scalars(select(Promise).where(Promise.incident_id == number)))
    held = list(db.session.scalars(select(ChasePause).where(ChasePause.incident_id == number)))
    moments: dict[tuple, set] = {}
    for each in (each for each in told if each.cause is ReminderCause.LADDER):
        moments.setdefault((each.promise_due_at, each.step, each.round), set()).add(each.created_at)
        assert any(_stood_for(promise, each) for promise in stood)
        assert not any(_held_back(pause, each) for pause in held)
    assert all(len(found) == 1 for found in moments.values())


def _stood_for(promise: Promise, reminder: Reminder) -> bool:
    """Whether this promise stood when the reminder was made; a clock that went back dates it a little early."""
    is_made = promise.made_at - BACK <= reminder.created_at
    is_settled = promise.settled_at is not None and promise.settled_at < reminder.created_at
    return promise.due_at == reminder.promise_due_at and is_made and not is_settled


def _held_back(pause: ChasePause, reminder: Reminder) -> bool:
    is_about = pause.promise_due_at == reminder.promise_due_at
    return is_about and pause.created_at <= reminder.created_at < (pause.ended_at or pause.until)
