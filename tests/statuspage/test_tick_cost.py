"""What a tick asks of the database: the same number of statements, however many promises are open or due."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from statuspage import publishing
from statuspage.cadence import reminders
from statuspage.db import db, new_id
from statuspage.models import Delivery, Incident, IncidentAssignment, IncidentUpdate, Promise, Reminder
from statuspage.vocabulary import DeliveryState, IncidentRole, StaffRole
from tests.conftest import BY, NOON
from tests.counting import statements

DUE = NOON + timedelta(hours=1)
FAR = timedelta(days=3)


@pytest.fixture
def promises(page, open_incident, colleague):
    """Adds open incidents by the hundred, the first so many with a promise that is due; each person leads some."""
    people = [colleague(StaffRole.COMMS_LEAD, f"lead{number}@candor.example").id for number in range(10)]
    model = open_incident(title="The one that all look like")
    words = {name: getattr(model.updates[0], name) for name in ("status", "body", "audience", "created_at")}
    columns = {each.name: getattr(model, each.key) for each in Incident.__table__.columns if each.name != "id"}

    def add(due: int, others: int) -> None:
        rows = []
        for number in range(due + others):
            at = DUE if number < due else DUE + FAR
            rows.append({**columns, "public_id": new_id(), "next_update_due_at": at, "next_look_at": at})
        db.session.execute(insert(Incident), rows)
        numbers = list(
            db.session.scalars(select(Incident.id).where(Incident.public_id.in_([r["public_id"] for r in rows])))
        )
        role = IncidentRole.COMMUNICATIONS_LEAD
        db.session.execute(insert(IncidentAssignment), [
            {"incident_id": each, "staff_user_id": people[place % 10], "role": role}
            for place, each in enumerate(numbers)
        ])  # fmt: skip
        db.session.execute(insert(IncidentUpdate), [
            {**words, "public_id": new_id(), "incident_id": each, "sequence": 1} for each in numbers
        ])  # fmt: skip
        db.session.execute(insert(Promise), [
            {"public_id": new_id(), "incident_id": each, "made_at": NOON, "due_at": DUE} for each in numbers
        ])  # fmt: skip
        db.session.commit()

    publishing.hide(model, BY, NOON)
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
