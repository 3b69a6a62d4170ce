"""Was this address told, when, in which words? Also after the address was forgotten, and after it came back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from notifiers import Receipt
from statuspage import lookup, pseudonyms, publishing, subscriptions
from statuspage.db import Base, db
from statuspage.errors import Conflict
from statuspage.models import AuditEntry, Delivery, Subscriber
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import AnnouncementKind, DeliveryState, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, Worker, acts, ledger, said

ADA = "Ada@example.com"
YEAR_AND_A_HALF = timedelta(days=550)


@pytest.fixture
def ada(subscribe):
    return subscribe(ADA)


@pytest.fixture
def worker(ada, open_incident):
    """A worker that has told Ada about an incident."""
    worker = Worker({"email": FakeChannel(Receipt("M1"))})
    worker.incident = open_incident()
    worker.run()
    return worker


def sign_up(page, address=ADA, now=NOON):
    subscriptions.sign_up(page, "email", address, Wishes(), "form 1", "network", now)


def rows():
    db.session.rollback()
    return list(db.session.scalars(select(Subscriber).order_by(Subscriber.id)))


@pytest.mark.usefixtures("worker")
def test_the_answer_names_the_time_the_state_and_the_words(page):
    (found,) = lookup.told(page, "email", ADA)

    assert (found.kind, found.said_at, found.settled_at) == (AnnouncementKind.INCIDENT_UPDATE, NOON, NOON)
    assert found.state is DeliveryState.SENT
    assert found.subject == "[Status] Payments fail"
    assert "We are looking into it." in found.text
    assert "[their own unsubscribe]" in found.text


@pytest.mark.usefixtures("worker")
def test_capitals_make_no_other_address(page):
    assert lookup.told(page, "email", "ADA@EXAMPLE.COM") == lookup.told(page, "email", ADA)


@pytest.mark.usefixtures("worker")
def test_who_was_never_told_has_no_answer(page):
    assert lookup.told(page, "email", "bob@example.com") == []
    assert lookup.told(page, "sms", ADA) == []


@pytest.mark.usefixtures("worker")
def test_a_forgotten_address_still_has_its_answer(page, ada):
    before = lookup.told(page, "email", ADA)
    subscriptions.unsubscribe(ada, "link", BY, NOON)
    pseudonyms.pseudonymise(ada, BY, NOON)

    assert lookup.told(page, "email", ADA) == before


@pytest.mark.usefixtures("worker")
def test_a_forgotten_address_is_nowhere_in_the_database(ada):
    pseudonyms.erase(ada, BY, NOON)
    dump = "\n".join(
        str(tuple(row)) for table in Base.metadata.sorted_tables for row in db.session.execute(table.select())
    )

    assert ADA not in dump
    assert ADA.casefold() not in dump


def test_nothing_more_is_sent_to_who_was_erased(worker, ada):
    publishing.post_update(worker.incident, said(), BY, NOON)
    pseudonyms.erase(ada, BY, NOON)
    worker.run()

    assert worker.channels["email"].recipients == [ADA]


@pytest.mark.usefixtures("worker")
def test_what_waited_for_who_was_erased_is_suppressed(ada):
    (row,) = ledger()
    row.state, row.settled_at = DeliveryState.PENDING, None
    db.session.commit()
    pseudonyms.erase(ada, BY, NOON)

    (row,) = ledger()
    assert (row.state, row.reason, row.settled_at) == (DeliveryState.SUPPRESSED, pseudonyms.ERASED, NOON)


def test_erasing_leaves_a_pseudonym_and_the_record(ada):
    pseudonyms.erase(ada, BY, NOON)
    pseudonyms.erase(ada, BY, NOON)

    (row,) = rows()
    assert (row.address, row.state, row.consent, row.subscriptions) == ("", SubscriberState.UNSUBSCRIBED, "", [])
    assert acts().count("subscriber.erase") == 1


def test_only_who_left_long_ago_is_forgotten(app, subscribe):
    kept, recent, old, dead = (subscribe(f"{name}@example.com") for name in ("kept", "recent", "old", "dead"))
    subscriptions.unsubscribe(old, "link", BY, NOON)
    dead.state, dead.state_changed_at = SubscriberState.QUARANTINED, NOON
    subscriptions.unsubscribe(recent, "link", BY, NOON + timedelta(days=200))

    assert pseudonyms.pseudonymise_old(NOON + timedelta(days=399)) == 0
    assert pseudonyms.pseudonymise_old(NOON + timedelta(days=401)) == 2
    assert pseudonyms.pseudonymise_old(NOON + timedelta(days=401)) == 0
    assert [row.address for row in rows()] == ["kept@example.com", "recent@example.com", "", ""]
    assert kept.state is SubscriberState.CONFIRMED


@pytest.mark.parametrize("forget", [pseudonyms.erase, pseudonyms.pseudonymise])
def test_who_was_forgotten_may_sign_up_again(page, ada, worker, forget):
    forget(ada, BY, NOON)
    sign_up(page)
    worker.run()
    again = rows()[-1]
    subscriptions.confirm(again, NOON)
    worker.run()

    assert [(row.address, row.state.value) for row in rows()] == [("", "unsubscribed"), (ADA, "confirmed")]
    assert [found.kind.value for found in lookup.told(page, "email", ADA)] == [
        "current_state",
        "confirmation",
        "incident_update",
    ]


def test_a_stranger_who_types_a_forgotten_address_brings_nothing_back(page, ada):
    pseudonyms.erase(ada, BY, NOON)
    sign_up(page)

    assert rows()[0].address == ""
    assert rows()[1].state is SubscriberState.PENDING


def test_an_address_may_come_and_go_more_than_once(page, ada):
    pseudonyms.erase(ada, BY, NOON)
    for days in range(1, 4):
        now = NOON + timedelta(days=days)
        sign_up(page, now=now)
        subscriptions.confirm(rows()[-1], now)
        pseudonyms.erase(rows()[-1], BY, now)

    keys = {row.address_key for row in rows()}
    assert len(keys) == 4
    assert len(pseudonyms.known_by(page, "email", ADA)) == 4


@pytest.mark.usefixtures("app")
def test_nobody_else_signs_up_who_has_left_even_when_forgotten(page, ada):
    pseudonyms.erase(ada, BY, NOON)

    with pytest.raises(Conflict, match="Only they can sign it up again"):
        subscriptions.add_attested(page, "email", ADA, Wishes(), BY, "a list", NOON)


def test_who_has_come_back_by_themselves_is_served_like_anybody(page, ada):
    pseudonyms.erase(ada, BY, NOON)
    sign_up(page)
    subscriptions.confirm(rows()[-1], NOON)

    assert subscriptions.add_attested(page, "email", ADA, Wishes(), BY, "a list", NOON) == rows()[-1]


@pytest.mark.usefixtures("worker")
def test_who_asked_is_on_record_without_the_address(page):
    lookup.ask(page, "email", ADA, BY, NOON)

    entry = db.session.scalars(select(AuditEntry).filter_by(act="subscriber.lookup")).one()
    assert (entry.detail["channel"], entry.detail["found"], len(entry.detail["pseudonym"])) == ("email", 1, 32)
    assert "ada" not in str(entry.detail).casefold()


@pytest.mark.usefixtures("worker")
def test_the_ledger_of_a_forgotten_address_has_no_address(ada):
    pseudonyms.erase(ada, BY, NOON)

    assert set(db.session.scalars(select(Delivery.address))) == {""}


def test_half_a_thousand_at_a_time(page, monkeypatch, subscribe):
    monkeypatch.setattr(pseudonyms, "AT_ONCE", 2)
    for name in "abc":
        subscriptions.unsubscribe(subscribe(f"{name}@example.com"), "link", BY, NOON)

    later = NOON + YEAR_AND_A_HALF
    assert [pseudonyms.pseudonymise_old(later) for _ in range(3)] == [2, 1, 0]
