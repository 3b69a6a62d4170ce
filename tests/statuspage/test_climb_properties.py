"""Whatever ladders, clocks, restarts and people do: each step once, none after it is settled, none lost."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import select

from statuspage import publishing
from statuspage.audit import Actor
from statuspage.cadence import handing, pauses, policies, promises, reminders, watch
from statuspage.cadence.bounds import LONGEST_AFTER, acknowledged_until, snoozed_until
from statuspage.cadence.climb import Climb
from statuspage.cadence.policy import Cadence, due_rungs
from statuspage.cadence.steps import COMMANDER, COMMS_LEAD, FALLBACK, MANAGERS, LadderStep
from statuspage.db import db
from statuspage.errors import Conflict
from statuspage.models import ChasePause, Promise, Reminder
from statuspage.vocabulary import IncidentRole, IncidentStatus, ReminderCause, ReminderStep, Severity, StaffRole
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

MINUTE = timedelta(minutes=1)
DUE = NOON + 60 * MINUTE

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
moves = st.lists(st.tuples(ACTS, st.integers(1, 45 * 60)), min_size=4, max_size=25)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves, cadences, st.booleans())
def test_people_and_clocks_together_never_double_a_step_nor_chase_what_is_settled(
    page, colleague, open_incident, moves, cadence, resolves
):
    ada, bo = _people(colleague)
    policies.set_policy(page, Severity.SEV2, replace(cadence, lead=min(cadence.lead, cadence.interval)), BY, NOON) if (
        _can_be_kept(cadence)
    ) else None
    incident = open_incident(title=f"Incident {len(moves)} {cadence.interval}")
    publishing.assign(incident, IncidentRole.COMMUNICATIONS_LEAD, ada, BY, NOON)
    now = NOON
    for act, seconds in moves:
        now += timedelta(seconds=seconds)
        _do(act, incident, ada, bo, now, page)
        db.session.expunge_all()  # as after a restart: nothing is known but what was written down
        incident = publishing.find_incident(page, incident.public_id)
        ada, bo = _people(colleague)
    if resolves:
        publishing.post_update(incident, said(status=IncidentStatus.RESOLVED), BY, now)
        assert reminders.remind_due(now + timedelta(days=1)) == 0
    _check(incident)
    publishing.hide(incident, BY, now)


def _people(colleague):
    from statuspage import staff
    from statuspage.errors import NotFound

    try:
        return staff.find_by_email("ada@candor.example"), staff.find_by_email("bo@candor.example")
    except NotFound:
        ada = colleague(StaffRole.COMMS_LEAD, "ada@candor.example")
        colleague(StaffRole.ADMIN, "root@candor.example")
        return ada, colleague(StaffRole.RESPONDER, "bo@candor.example")


def _can_be_kept(cadence) -> bool:
    from statuspage.cadence.checking import problems_of

    return not problems_of(replace(cadence, lead=min(cadence.lead, cadence.interval)))


def _do(act, incident, ada, bo, now, page):
    by = Actor(ada, "test")
    try:
        match act:
            case "tick":
                reminders.remind_due(now)
            case "back":
                reminders.remind_due(now - timedelta(minutes=20))
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
                watch.look_at_all(now)
                db.session.commit()
    except Conflict:
        db.session.rollback()


def _check(incident):
    told = list(db.session.scalars(select(Reminder).where(Reminder.incident_id == incident.id)))
    stood = list(db.session.scalars(select(Promise).where(Promise.incident_id == incident.id)))
    pauses_ = list(db.session.scalars(select(ChasePause).where(ChasePause.incident_id == incident.id)))
    of_ladder = [each for each in told if each.cause is ReminderCause.LADDER]
    by_rung: dict[tuple, set] = {}
    for each in of_ladder:
        by_rung.setdefault((each.promise_due_at, each.step, each.round), set()).add(each.created_at)
        # "back" ticks by a clock that went wrong; what it wrote is dated so.
        assert any(
            promise.due_at == each.promise_due_at
            and promise.made_at - timedelta(minutes=20) <= each.created_at
            and (promise.settled_at is None or each.created_at <= promise.settled_at)
            for promise in stood
        )
        assert not any(
            pause.created_at <= each.created_at < (pause.ended_at or pause.until)
            for pause in pauses_
            if pause.promise_due_at == each.promise_due_at
        )
    assert all(len(moments) == 1 for moments in by_rung.values())
    assert max(
        Counter((each.promise_due_at, each.step, each.round, each.staff_user_id) for each in of_ladder).values(), default=1
    ) == 1
    assert promises is not None
