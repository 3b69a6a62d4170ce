"""Two who do the same at the same moment, on whichever database: one after the other, and nothing twice."""

import itertools
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from statuspage import components, pages, publishing, staff, subscribers, subscriptions
from statuspage.audit import Actor
from statuspage.cadence import handing, pauses, reminders
from statuspage.db import db, patiently
from statuspage.errors import CandorError
from statuspage.models import (
    ChasePause,
    Component,
    Delivery,
    Incident,
    IncidentAssignment,
    IncidentUpdate,
    Reminder,
    StaffUser,
    Subscriber,
)
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import ComponentStatus, IncidentStatus, Severity, StaffRole, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import said

ADDRESS, PHONE = "ada@example.com", "+4915112345678"


@pytest.fixture
def at_once(app):
    """Does something in so many threads at the same instant; what each got, or the kind of its refusal."""

    def race(count, act):
        db.session.rollback()
        start, results = threading.Barrier(count), []

        def run():
            with app.app_context():
                start.wait()
                try:
                    results.append(act())
                except CandorError as refusal:
                    results.append(type(refusal).__name__)
                finally:
                    db.session.remove()

        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        db.session.rollback()
        assert len(results) == count, "somebody met an error that nobody foresaw"
        return results

    return race


def count(model):
    return db.session.scalar(select(func.count()).select_from(model))


def test_signing_up_twice_is_one_subscriber_and_one_message(page, at_once):
    at_once(6, lambda: subscriptions.sign_up(pages.first(), "email", ADDRESS, Wishes(), "form", "net", NOON))

    assert (count(Subscriber), count(Delivery)) == (1, 1)


def test_confirming_twice_tells_the_open_incident_once(page, open_incident, at_once):
    open_incident()
    subscriptions.sign_up(page, "email", ADDRESS, Wishes(), "form", "net", NOON)
    [public_id] = db.session.scalars(select(Subscriber.public_id))
    at_once(6, lambda: subscriptions.confirm(subscriptions.find_by_id(public_id), NOON))

    assert count(Delivery) == 2  # the confirmation asked for, and how the incident stands


def test_guesses_at_a_code_are_counted_one_by_one(page, at_once):
    subscriptions.sign_up(page, "sms", PHONE, Wishes(), "form", "net", NOON)
    results = at_once(12, lambda: subscriptions.confirm_by_code(pages.first(), "sms", PHONE, "000000", NOON))

    assert set(results) == {"Invalid"}
    assert db.session.scalar(select(Subscriber.code_attempts)) == 12


def test_confirming_does_not_bring_back_who_leaves_at_the_same_moment(page, at_once):
    subscriptions.sign_up(page, "email", ADDRESS, Wishes(), "form", "net", NOON)
    [public_id] = db.session.scalars(select(Subscriber.public_id))
    turns = iter([subscriptions.confirm, lambda each, now: subscriptions.unsubscribe(each, "link", BY, now)])
    at_once(2, lambda: next(turns)(subscriptions.find_by_id(public_id), NOON))

    assert db.session.scalar(select(Subscriber.state)) is SubscriberState.UNSUBSCRIBED


def test_provider_that_refuses_twice_unsubscribes_once(subscribe, at_once):
    number = subscribe(PHONE, channel="sms").id
    at_once(4, lambda: subscribers.stop_after_refusal(number, subscribers.OPTED_OUT, "STOP", NOON))

    assert db.session.scalar(select(Subscriber.state)) is SubscriberState.UNSUBSCRIBED


def test_one_component_of_a_name(page, at_once):
    results = at_once(5, lambda: components.add(pages.first(), "API", BY, NOON).name)

    assert sorted(results) == ["API", "Conflict", "Conflict", "Conflict", "Conflict"]
    assert count(Component) == 1


def test_one_account_for_an_address(app, at_once):
    results = at_once(4, lambda: staff.add(ADDRESS, StaffRole.VIEWER, BY, NOON).email)

    assert results.count("Conflict") == 3


def test_sign_in_link_lets_one_browser_in(colleague, at_once):
    secret = staff.new_sign_in_link(colleague(), BY, NOON)
    results = at_once(5, lambda: staff.use_sign_in_link(secret, NOON).email)

    assert results.count("NotFound") == 4


def test_two_admins_who_demote_each_other_leave_one(colleague, at_once):
    people = iter([colleague(StaffRole.ADMIN, f"{name}@candor.example").public_id for name in ("ada", "bob")])

    def demote():
        user = staff.find(next(people))
        staff.edit(user, "", "", StaffRole.VIEWER, True, BY, NOON)

    results = at_once(2, demote)

    assert results.count("Conflict") == 1
    assert [user.staff_role for user in db.session.scalars(select(StaffUser))].count(StaffRole.ADMIN) == 1


def test_two_incidents_with_the_same_components_do_not_lock_each_other_out(page, open_incident, api, web, at_once):
    both = [api.public_id, web.public_id]
    orders = {open_incident(title="One").public_id: both, open_incident(title="Two").public_id: both[::-1]}
    turns = iter([*orders.items()] * 4)
    states = itertools.cycle(ComponentStatus)

    def post():
        public_id, order = next(turns)
        incident = publishing.find_incident(pages.first(), public_id)
        changes = {components.find(pages.first(), each): next(states) for each in order}
        body = f"Word {threading.get_ident()}."
        return publishing.post_update(incident, said(body, IncidentStatus.IDENTIFIED, components=changes), BY, NOON).id

    results = at_once(8, post)

    assert len(set(results)) == 8
    assert count(IncidentUpdate) == 10


def test_same_incident_opened_twice_is_one(page, at_once, app):
    from statuspage.drafts import IncidentDraft
    from statuspage.vocabulary import IncidentType

    draft = IncidentDraft("Slow", IncidentType.OUTAGE, Severity.SEV2, said("We look.", IncidentStatus.INVESTIGATING))
    keyed = at_once(6, lambda: publishing.open_incident(pages.first(), draft, BY, NOON, "key").public_id)
    unkeyed = at_once(6, lambda: publishing.open_incident(pages.first(), draft, BY, NOON).public_id)

    assert len(set(keyed)) == 1
    assert unkeyed == ["Conflict"] * 6


class Busy(Exception):
    """What psycopg says of a deadlock."""

    sqlstate = "40P01"


def test_write_that_meets_a_busy_database_is_done_again(app):
    tries = []

    def write():
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("UPDATE", {}, Busy("deadlock detected"))

    patiently(write)

    assert len(tries) == 3


def test_write_that_is_wrong_is_not_repeated(app):
    def write():
        raise OperationalError("UPDATE", {}, Exception("no such table"))

    with pytest.raises(OperationalError):
        patiently(write)


DUE = NOON + timedelta(hours=1)


def test_six_clocks_are_one(colleague, open_incident, at_once):
    colleague()
    for number in range(4):
        open_incident(title=f"Incident {number}")
    told = at_once(6, lambda: reminders.remind_due(DUE))

    assert (sum(told), count(Reminder)) == (4, 4)


def test_a_clock_and_an_update_leave_no_reminder_of_what_was_answered(colleague, open_incident, at_once):
    colleague()
    number = open_incident().id
    turns = itertools.count()

    def act():
        if next(turns) % 3:
            return reminders.remind_due(DUE)
        return publishing.post_update(db.session.get_one(Incident, number), said(body=str(next(turns))), BY, DUE).id

    at_once(6, act)

    assert all(each.cancelled_at for each in db.session.scalars(select(Reminder)))
    assert {row.state.value for row in db.session.scalars(select(Delivery))} <= {"withdrawn", "superseded"}


def test_six_taps_are_one(colleague, open_incident, at_once):
    user, number = colleague().id, open_incident().id

    def tap():
        person = db.session.get_one(StaffUser, user)
        return pauses.acknowledge(db.session.get_one(Incident, number), person, Actor(person, "test"), NOON).id

    assert len(set(at_once(6, tap))) == 1
    assert count(ChasePause) == 1


def test_two_who_take_over_at_once_are_not_both_the_lead(colleague, open_incident, at_once):
    people = [colleague(email=f"lead{number}@candor.example").id for number in range(6)]
    number, turns = open_incident().id, itertools.count()

    def take():
        person = db.session.get_one(StaffUser, people[next(turns)])
        handing.take_over(db.session.get_one(Incident, number), Actor(person, "test"), NOON)

    at_once(6, take)

    assert count(IncidentAssignment) == 1
