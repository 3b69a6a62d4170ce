"""What a tick asks of the database: the same number of statements, however many promises are open or due."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from statuspage import pages
from statuspage.cadence import reminders
from statuspage.db import db, new_id
from statuspage.models import Deadline, DeadlineReminder, Delivery, Page, Reminder
from statuspage.vocabulary import DeadlineKind, DeliveryState, StaffRole
from tests.conftest import NOON
from tests.counting import statements
from tests.promising import promise_many

DUE = NOON + timedelta(hours=1)
FAR = timedelta(days=3)


@pytest.fixture
def promises(page, colleague):
    """Adds open incidents by the hundred, the first so many with a promise that is due; each person leads some."""
    leads = [colleague(StaffRole.COMMS_LEAD, f"lead{number}@candor.example").id for number in range(10)]

    def add(due: int, others: int) -> None:
        promise_many(pages.first(), leads, [DUE] * due + [DUE + FAR] * others, NOON)

    return add


def count(now) -> int:
    db.session.execute(update(Delivery).values(state=DeliveryState.SENT))
    db.session.commit()
    db.session.expunge_all()
    with statements() as run:
        reminders.remind_due(now)
    return len(run)


def test_a_tick_takes_as_many_statements_for_a_hundred_due_as_for_ten(promises):
    promises(due=10, others=50)
    few = count(DUE)
    promises(due=100, others=400)
    many = count(DUE + timedelta(seconds=1))

    assert db.session.scalar(select(db.func.count()).select_from(Reminder)) == 110
    assert many == few
    assert many <= 30


def test_a_tick_with_nothing_due_is_one_question(promises):
    promises(due=0, others=100)

    assert count(DUE) == 1


def test_a_tick_over_what_is_told_already_asks_nothing_more(promises):
    promises(due=20, others=20)
    reminders.remind_due(DUE)

    assert count(DUE + timedelta(seconds=1)) == 1


def owe_deadlines(numbers, owner, due):
    """An early warning is owed on each of these incidents, by the same person."""
    row = {"name": "Early warning", "kind": DeadlineKind.AUTHORITY, "owner": f"person:{owner}", "is_waived": False}
    rows = [{**row, "public_id": new_id(), "incident_id": each, "due_at": due, "created_at": NOON} for each in numbers]
    db.session.execute(insert(Deadline), rows)
    db.session.commit()


def test_a_tick_takes_as_many_statements_for_a_hundred_deadlines_as_for_ten(page, colleague):
    lead, owner = (
        colleague(StaffRole.COMMS_LEAD, "lead@candor.example"),
        colleague(StaffRole.VIEWER, "v@candor.example"),
    )
    lead_id, owner_id, page_id = lead.id, owner.public_id, page.id

    def owed(number):
        owe_deadlines(promise_many(db.session.get(Page, page_id), [lead_id], [DUE] * number, NOON), owner_id, DUE)

    owed(10)
    few = count(DUE)
    owed(100)
    many = count(DUE + timedelta(seconds=1))

    assert db.session.scalar(select(db.func.count()).select_from(DeadlineReminder)) == 110
    assert many == few
    assert many <= 34
    assert many == few
    assert many <= 34
