import itertools
from datetime import timedelta

import pytest
from sqlalchemy import select, text as sql
from sqlalchemy.exc import IntegrityError

from notifiers import DeliveryError
from statuspage import publishing, subscriptions
from statuspage.db import db
from statuspage.delivery import expansion
from statuspage.delivery.expansion import SHARD, expand_next
from statuspage.drafts import IncidentDraft
from statuspage.models import Announcement, Delivery, Incident, Page, Shard, Subscription
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import AnnouncementKind, DeliveryState, EventLevel, IncidentStatus, IncidentType, Severity
from tests.breaking import allow_inserts, refuse_inserts
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, announcements, ledger, said, states

LATER = NOON + timedelta(minutes=5)


def laid_out():
    db.session.rollback()
    return list(db.session.scalars(select(Shard).order_by(Shard.id)))


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

    assert [(shard.channel, shard.rank, shard.owed) for shard in laid_out()] == [("email", 0, 5)]
    assert states() == {"pending": 5}


def test_nothing_to_expand_is_no_work(app):
    assert not expand_next(NOON)


def test_update_that_concerns_nobody_is_done_at_once(open_incident):
    open_incident()

    assert expand_all() == 1
    assert announcements()[0].expanded_at == NOON


def test_crowd_is_laid_out_in_ranges_without_a_row_for_anybody(open_incident, crowd):
    count = crowd(2 * SHARD + 1)
    open_incident()

    assert expand_all() == 1
    assert [shard.owed for shard in laid_out()] == [SHARD, SHARD, 1]
    assert (states(), ledger()) == ({"pending": count}, [])


@pytest.mark.parametrize("count", [SHARD - 1, SHARD, SHARD + 1])
def test_nobody_is_skipped_at_the_edge_of_a_range(open_incident, crowd, dispatch, count):
    crowd(count)
    open_incident()
    mail = FakeChannel()
    dispatch(email=mail)

    assert sorted(mail.recipients) == sorted(f"s{number}@example.com" for number in range(count))


def test_crash_in_a_stretch_leaves_it_to_be_done_again(open_incident, crowd, monkeypatch):
    monkeypatch.setattr(expansion, "STRETCH", SHARD)
    crowd(2 * SHARD)
    open_incident()
    expand_next(NOON)
    refuse_inserts("shard", "killed")
    db.session.commit()
    with pytest.raises(Exception, match="killed"):
        expand_next(NOON)
    db.session.rollback()
    assert len(laid_out()) == 1
    allow_inserts("shard")
    db.session.commit()
    expand_all()

    assert [(shard.rank, shard.owed) for shard in laid_out()] == [(0, SHARD), (1, SHARD)]


def test_replay_from_the_start_adds_nothing(open_incident, crowd):
    crowd(3)
    open_incident()
    expand_all()
    db.session.execute(sql("UPDATE announcement SET expanded_to = 0, expanded_at = NULL"))
    db.session.commit()
    expand_all()

    assert [shard.owed for shard in laid_out()] == [3]


def test_database_itself_refuses_to_owe_the_same_twice(open_incident, subscribe, dispatch):
    subscribe("a@example.com")
    open_incident()
    dispatch()
    [row] = ledger()

    copy = f"INSERT INTO delivery ({_columns()}) SELECT {_columns()} FROM delivery WHERE id = {row.id}"

    with pytest.raises(IntegrityError):
        db.session.execute(sql(copy))


def _columns():
    return ", ".join(column.name for column in Delivery.__table__.columns if column.name != "id")


def test_older_announcement_is_expanded_first(open_incident, subscribe):
    subscribe("a@example.com")
    incident = open_incident()
    publishing.post_update(incident, said(), BY, LATER)
    expand_next(LATER)

    assert [shard.announcement.sequence for shard in laid_out()] == [1]


def test_row_carries_the_time_of_the_words_not_of_the_sending(open_incident, subscribe, dispatch):
    subscribe("a@example.com")
    open_incident()
    dispatch(LATER)

    [row] = ledger()
    assert (row.created_at, row.settled_at) == (NOON, LATER)


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


BUSY = DeliveryError("The relay is busy.")


def test_newer_update_takes_the_place_of_one_that_failed(open_incident, subscribe, dispatch):
    subscribe("a@example.com")
    incident = open_incident()
    dispatch(email=FakeChannel(BUSY))
    publishing.post_update(incident, said(), BY, LATER)
    dispatch(email=FakeChannel())

    assert [row.state for row in ledger()] == [DeliveryState.SUPERSEDED, DeliveryState.SENT]


def test_newer_update_waits_behind_one_that_has_not_had_its_turn(open_incident, subscribe):
    subscribe("a@example.com")
    incident = open_incident()
    expand_all()
    publishing.post_update(incident, said(), BY, LATER)
    expand_all()

    assert states() == {"pending": 2}


def test_other_incidents_and_other_people_supersede_nothing(open_incident, subscribe, dispatch):
    subscribe("a@example.com")
    open_incident()
    dispatch(email=FakeChannel(BUSY))
    open_incident(title="Another")
    dispatch(email=FakeChannel(BUSY))

    assert states() == {"pending": 2}


def test_who_wants_key_moments_alone_loses_none_to_a_newer_update_in_between(open_incident, subscribe, dispatch):
    subscribe("a@example.com", level=EventLevel.KEY_MOMENTS)
    incident = open_incident()
    dispatch(email=FakeChannel(BUSY))
    publishing.post_update(incident, said(), BY, LATER)
    mail = FakeChannel()
    dispatch(LATER + timedelta(hours=2), email=mail)

    assert (mail.recipients, states()) == (["a@example.com"], {"sent": 1})


def test_wishes_count_as_they_are_when_the_words_are_expanded(open_incident, subscribe, api):
    ada = subscribe("ada@example.com")
    open_incident()
    subscriptions.change(ada, Wishes((api,)), NOON)
    expand_all()

    assert ledger() == []
    assert db.session.query(Subscription).count() == 1
    assert db.session.query(Announcement).count() == 1
