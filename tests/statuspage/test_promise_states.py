"""Every way of three acts about a promise: at most one stands, and what is settled is never touched again."""

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select

from statuspage import publishing
from statuspage.cadence import moving
from statuspage.cadence.policy import Act, settle
from statuspage.db import db
from statuspage.delivery import messages
from statuspage.drafts import Promise as Said
from statuspage.errors import Conflict, Invalid
from statuspage.models import AuditEntry, Promise
from statuspage.vocabulary import Audience, IncidentStatus, PromiseOutcome
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DUE = NOON + HOUR  # what sev2 promises
KEPT, LATE, WITHDRAWN, REPLACED = PromiseOutcome


def speak(incident, at):
    publishing.post_update(incident, said(f"Said {at:%H:%M:%S}."), BY, at)


def promise_none(incident, at):
    publishing.post_update(incident, said(f"Said {at:%H:%M:%S}.", promise=Said(none_because="Night.")), BY, at)


def note(incident, at):
    publishing.post_update(
        incident, said(f"Noted {at:%H:%M:%S}.", status=incident.status, audience=Audience.INTERNAL), BY, at
    )


def move(incident, at):
    moving.after(incident, 45 * MINUTE, "The vendor needs longer.", BY, at)


def withdraw(incident, at):
    moving.withdraw(incident, "The vendor has it.", BY, at)


def resolve_or_reopen(incident, at):
    if incident.is_open:
        publishing.post_update(incident, said(f"Over {at:%H:%M:%S}.", status=IncidentStatus.RESOLVED), BY, at)
    else:
        publishing.reopen(incident, said(f"Back {at:%H:%M:%S}."), BY, at)


def hide_or_show(incident, at):
    (publishing.show_again if incident.is_hidden else publishing.hide)(incident, BY, at)


ACTS = (speak, promise_none, note, move, withdraw, resolve_or_reopen, hide_or_show)


def facts(promise):
    return promise.due_at, promise.made_at, promise.outcome, promise.settled_at, promise.late_by, promise.reason


@pytest.mark.sqlite  # seven hundred stories; the other database knows no other rules
@pytest.mark.parametrize("pause", [10 * MINUTE, 2 * HOUR], ids=["in time", "too late"])
def test_whatever_is_done_what_is_settled_stays(open_incident, pause):
    for number, acts in enumerate(product(ACTS, repeat=3)):
        incident = open_incident(title=f"Trouble {number}")
        settled, at = {}, NOON
        for act in acts:
            at += pause
            try:
                act(incident, at)
            except Conflict:
                db.session.rollback()
            rows = db.session.scalars(select(Promise).filter_by(incident_id=incident.id)).all()
            story = [each.__name__ for each in acts]
            assert_sound(incident, rows, story)
            assert {row.id: facts(row) for row in rows if row.id in settled} == settled, story
            settled = {row.id: facts(row) for row in rows if row.outcome}


def assert_sound(incident, rows, story):
    standing = [row for row in rows if row.outcome is None]
    assert [row.due_at for row in standing] == [due for due in [incident.next_update_due_at] if due], story
    assert incident.is_open or not standing, story
    for row in rows:
        if row.outcome is LATE:
            assert row.settled_at > row.due_at, story
            assert row.late_by == row.settled_at - row.due_at, story
        elif row.outcome:
            assert row.settled_at <= row.due_at, story
            assert row.late_by is None, story


@pytest.mark.parametrize(("act", "in_time"), [(Act.SPEAK, KEPT), (Act.WITHDRAW, WITHDRAWN), (Act.REPLACE, REPLACED)])
@pytest.mark.parametrize("seconds", [-3600, -1, 0, 1, 3600])
def test_each_act_settles_by_the_clock(act, in_time, seconds):
    became = settle(DUE, act, DUE + timedelta(seconds=seconds))

    late_by = timedelta(seconds=seconds) if seconds > 0 else None
    assert (became.outcome, became.late_by) == (LATE if late_by else in_time, late_by)


def test_moved_promise_stands_in_the_place_of_the_other(open_incident):
    incident = open_incident()
    moving.move(incident, NOON + 90 * MINUTE, "The disk is on its way.", BY, NOON + 10 * MINUTE)

    first, second = incident.promises
    assert (first.outcome, first.reason, first.due_at) == (REPLACED, "The disk is on its way.", DUE)
    assert (second.outcome, second.due_at, incident.next_update_due_at) == (None, *[NOON + 90 * MINUTE] * 2)


def test_moving_what_is_overdue_leaves_it_late(open_incident):
    incident = open_incident()
    moving.after(incident, HOUR, "We are looking.", BY, DUE + 5 * MINUTE)

    assert [(each.outcome, each.late_by) for each in incident.promises] == [(LATE, 5 * MINUTE), (None, None)]


def test_withdrawn_promise_says_why(open_incident):
    incident = open_incident()
    moving.withdraw(incident, " The vendor\n has it. ", BY, NOON)

    assert (incident.next_update_due_at, incident.no_promise_reason) == (None, "The vendor has it.")
    assert incident.promises[0].outcome is WITHDRAWN


def test_both_are_on_record_with_what_was_before(open_incident):
    incident = open_incident()
    moving.after(incident, HOUR, "Longer.", BY, NOON + MINUTE)
    moving.withdraw(incident, "Night.", BY, NOON + 2 * MINUTE)

    told = {row.act: row.detail for row in db.session.scalars(select(AuditEntry).filter_by(object_kind="incident"))}
    assert told["promise.move"] == {
        "was": "2026-03-02T13:00:00Z",
        "became": "replaced",
        "reason": "Longer.",
        "to": "2026-03-02T13:01:00Z",
    }
    assert told["promise.withdraw"] == {"was": "2026-03-02T13:01:00Z", "became": "withdrawn", "reason": "Night."}


@pytest.mark.parametrize(
    ("due_at", "reason", "field"),
    [
        (NOON, "Longer.", "due_at"),
        (NOON + timedelta(days=8), "Longer.", "due_at"),
        (DUE, "Longer.", "due_at"),
        (DUE + MINUTE, "  ", "reason"),
        (DUE + MINUTE, "x" * 301, "reason"),
    ],
)
def test_move_that_makes_no_sense_changes_nothing(open_incident, due_at, reason, field):
    incident = open_incident()

    with pytest.raises(Invalid) as caught:
        moving.move(incident, due_at, reason, BY, NOON + MINUTE)

    assert set(caught.value.problems) == {field}
    assert [each.outcome for each in incident.promises] == [None]


def test_nothing_to_move_is_said_so(open_incident):
    incident = open_incident(promise=Said(none_because="Night."))

    with pytest.raises(Conflict, match="Post an update to promise one"):
        moving.after(incident, HOUR, "Longer.", BY, NOON)


def test_newcomers_are_told_what_is_promised_now(open_incident):
    incident = open_incident()
    moving.move(incident, NOON + 90 * MINUTE, "Longer.", BY, NOON + MINUTE)
    moved = messages.current_state(incident.updates[0], "aaaaaaaaaaaa", NOON + 2 * MINUTE)["sms"]
    moving.withdraw(incident, "The vendor has it.", BY, NOON + 3 * MINUTE)
    withdrawn = messages.current_state(incident.updates[0], "bbbbbbbbbbbb", NOON + 4 * MINUTE)["sms"]

    assert "Next update by 13:30 UTC" in moved["text"]
    assert "No further update is planned: The vendor has it." in withdrawn["text"]
