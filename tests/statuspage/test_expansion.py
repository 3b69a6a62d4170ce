import itertools
from datetime import timedelta

import pytest
from sqlalchemy import insert, text as sql
from sqlalchemy.exc import IntegrityError

from statuspage import publishing, subscriptions
from statuspage.db import db, new_id
from statuspage.delivery.expansion import CHUNK, expand_next
from statuspage.drafts import IncidentDraft
from statuspage.models import Announcement, Delivery, Incident, Page, Subscriber, Subscription
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import AnnouncementKind, DeliveryState, IncidentStatus, IncidentType, Severity
from tests.breaking import allow_inserts, refuse_inserts
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, announcements, ledger, said, states

LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def crowd(page):
    """More subscribers than one chunk holds."""

    def gather(count):
        rows = [
            {
                "public_id": new_id(),
                "page_id": page.id,
                "channel": "email",
                "address": f"s{number}@example.com",
                "address_key": f"s{number}@example.com",
                "state": "confirmed",
                "confirmed_at": NOON,
                "state_changed_at": NOON,
                "created_at": NOON,
            }
            for number in range(count)
        ]
        db.session.execute(insert(Subscriber), rows)
        db.session.execute(sql("INSERT INTO subscription (subscriber_id) SELECT id FROM subscriber"))
        db.session.commit()
        return count

    return gather


def expand_all():
    rounds = 0
    while expand_next(NOON):
        rounds += 1
    return rounds


def test_everyone_confirmed_is_owed_the_update_once(open_incident, subscribe):
    for number in range(5):
        subscribe(f"s{number}@example.com")
    open_incident()
    expand_all()

    assert sorted(row.address for row in ledger()) == [f"s{number}@example.com" for number in range(5)]


def test_nothing_to_expand_is_no_work(app):
    assert not expand_next(NOON)


def test_update_that_concerns_nobody_is_done_at_once(open_incident):
    open_incident()

    assert expand_all() == 1
    assert announcements()[0].expanded_at == NOON


def test_crowd_is_expanded_in_chunks(open_incident, crowd):
    count = crowd(2 * CHUNK + 1)
    open_incident()

    assert expand_all() == 3
    assert states() == {"pending": count}


@pytest.mark.parametrize("count", [CHUNK - 1, CHUNK, CHUNK + 1])
def test_nobody_is_skipped_at_the_edge_of_a_chunk(open_incident, crowd, count):
    crowd(count)
    open_incident()
    expand_all()

    assert len(ledger()) == count


def test_crash_in_a_chunk_leaves_it_to_be_done_again(open_incident, crowd):
    count = crowd(2 * CHUNK)
    open_incident()
    expand_next(NOON)
    refuse_inserts("delivery", "killed")
    db.session.commit()
    with pytest.raises(Exception, match="killed"):
        expand_next(NOON)
    db.session.rollback()
    assert len(ledger()) == CHUNK
    allow_inserts("delivery")
    db.session.commit()
    expand_all()

    assert len({row.subscriber_id for row in ledger()}) == count


def test_replay_from_the_start_adds_nothing(open_incident, crowd):
    count = crowd(3)
    open_incident()
    expand_all()
    db.session.execute(sql("UPDATE announcement SET expanded_to = 0, expanded_at = NULL"))
    db.session.commit()
    expand_all()

    assert len(ledger()) == count


def test_database_itself_refuses_to_owe_the_same_twice(open_incident, subscribe):
    subscribe("a@example.com")
    open_incident()
    expand_all()
    [row] = ledger()

    again = f"INSERT INTO delivery ({_columns()}) SELECT {_columns()} FROM delivery WHERE id = {row.id}"
    with pytest.raises(IntegrityError):
        db.session.execute(sql(again))


def _columns():
    return ", ".join(column.name for column in Delivery.__table__.columns if column.name != "id")


def test_older_announcement_is_expanded_first(open_incident, subscribe):
    subscribe("a@example.com")
    incident = open_incident()
    publishing.post_update(incident, said(), BY, LATER)
    expand_next(LATER)

    assert [row.sequence for row in ledger()] == [1]


def test_row_carries_the_time_of_the_words_not_of_the_expansion(open_incident, subscribe):
    subscribe("a@example.com")
    open_incident()
    expand_next(LATER)

    [row] = ledger()
    assert (row.created_at, row.due_at) == (NOON, LATER)


ORDERS = [
    order
    for turn in ("expand", "deliver")
    for order in itertools.permutations(("open", "confirm", turn, "update"))
    if order.index("open") < order.index("update")
]


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_who_confirms_in_the_middle_hears_each_state_once_whatever_the_order(page, order, dispatch):
    subscriptions.sign_up(page, "email", "ada@example.com", Wishes(), "form", "net", NOON)
    page_id, mail = page.id, FakeChannel()

    def do(step):
        page = db.session.get(Page, page_id)
        match step:
            case "open":
                draft = IncidentDraft("Slow", IncidentType.OUTAGE, Severity.SEV2, said("We look."))
                publishing.open_incident(page, draft, BY, NOON)
            case "confirm":
                subscriptions.confirm(subscriptions.find(page, "email", "ada@example.com"), NOON)
            case "expand":
                expand_all()
            case "update":
                incident = db.session.query(Incident).one()
                publishing.post_update(incident, said("Found it."), BY, NOON)
            case "deliver":
                dispatch(email=mail)

    for step in (*order, "deliver"):
        do(step)

    heard = [row.sequence for row in ledger() if row.announcement.kind is not AnnouncementKind.CONFIRMATION]
    assert len(heard) == len(set(heard))
    assert max(heard) == 2
    assert heard == sorted(heard)


def test_who_confirmed_when_all_was_over_hears_nothing(page, open_incident, subscribe, dispatch):
    incident = open_incident()
    publishing.post_update(incident, said(status=IncidentStatus.RESOLVED), BY, NOON)
    dispatch()
    subscribe("late@example.com")
    dispatch()

    assert ledger() == []


def test_newer_update_takes_the_place_of_one_that_failed(open_incident, subscribe):
    subscribe("a@example.com")
    incident = open_incident()
    expand_all()
    db.session.execute(sql("UPDATE delivery SET attempt_count = 1"))
    db.session.commit()
    publishing.post_update(incident, said(), BY, LATER)
    expand_all()

    assert [row.state for row in ledger()] == [DeliveryState.SUPERSEDED, DeliveryState.PENDING]


def test_newer_update_waits_behind_one_that_has_not_had_its_turn(open_incident, subscribe):
    subscribe("a@example.com")
    incident = open_incident()
    expand_all()
    publishing.post_update(incident, said(), BY, LATER)
    expand_all()

    assert states() == {"pending": 2}


def test_other_incidents_and_other_people_supersede_nothing(open_incident, subscribe):
    subscribe("a@example.com")
    open_incident()
    expand_all()
    db.session.execute(sql("UPDATE delivery SET attempt_count = 1"))
    db.session.commit()
    open_incident(title="Another")
    expand_all()

    assert states() == {"pending": 2}


def test_wishes_count_as_they_are_when_the_words_are_expanded(open_incident, subscribe, api):
    ada = subscribe("ada@example.com")
    open_incident()
    subscriptions.change(ada, Wishes((api,)), NOON)
    expand_all()

    assert ledger() == []
    assert db.session.query(Subscription).count() == 1
    assert db.session.query(Announcement).count() == 1
