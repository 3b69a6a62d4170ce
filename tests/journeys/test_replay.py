"""A history of 399 incidents, said again in its order: the ledger adds up to the last row."""

from collections import Counter

import pytest
from sqlalchemy import select

from notifiers import Channel, Envelope, Outcome, Receipt
from statuspage.db import db, relax_sqlite
from statuspage.delivery.dispatcher import Dispatcher
from statuspage.models import Announcement, Delivery, IncidentUpdate, Subscriber
from statuspage.vocabulary import DeliveryState, EventLevel
from tests.histories import INCIDENTS, UPDATES, history
from tests.replay import Replay, growth


class Wire:
    """A channel that takes everything and remembers what it took."""

    is_live, label = True, "Wire"

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.taken: list[tuple[str, str]] = []

    def clean(self, address: str) -> str:
        return address

    def deliver(self, envelopes):
        for envelope in envelopes:
            self._take(envelope)
            yield Outcome(envelope.key, Receipt())

    def _take(self, envelope: Envelope) -> None:
        self.taken.append((envelope.address, envelope.message.reference))


def owed(announcement: Announcement, subscribers: list[Subscriber]) -> set[int]:
    """Who should get it, worked out here by hand and not by the query under test."""
    touched = set(announcement.component_ids)
    return {
        subscriber.id
        for subscriber in subscribers
        if (subscriber.level is EventLevel.EVERY_UPDATE or announcement.is_key_moment)
        and any(row.component_id is None or row.component_id in touched for row in subscriber.subscriptions)
    }


@pytest.mark.own_app
def test_every_update_of_the_history_reaches_exactly_those_who_asked(app, page):
    db.session.rollback()
    relax_sqlite(db.engine)  # as the engine process does for its marks
    db.engine.dispose()
    source, said = history()
    replay = Replay()
    replay.prepare(said)
    wires: dict[str, Channel] = {"email": Wire("email"), "sms": Wire("sms")}  # type: ignore[dict-item]

    for each in said:
        replay.say(each)
        Dispatcher(wires, clock=lambda at=each.at: at).run_until_idle()

    print(f"\nReplayed {source}: last hundred publishes against first hundred: {growth(replay.seconds):.2f}")
    subscribers = list(db.session.scalars(select(Subscriber)))
    announcements = list(db.session.scalars(select(Announcement)))
    by_announcement: dict[int, Counter[int]] = {}
    states: Counter[DeliveryState] = Counter()
    for announcement_id, subscriber_id, state in db.session.execute(
        select(Delivery.announcement_id, Delivery.subscriber_id, Delivery.state)
    ):
        by_announcement.setdefault(announcement_id, Counter())[subscriber_id or 0] += 1
        states[state] += 1
    taken = [entry for wire in wires.values() for entry in wire.taken]  # type: ignore[attr-defined]

    assert len(replay.incidents) == INCIDENTS
    assert db.session.query(IncidentUpdate).count() == len(announcements) == UPDATES
    for announcement in announcements:
        got = by_announcement.get(announcement.id, Counter())
        assert set(got) == owed(announcement, subscribers), announcement.id
        assert set(got.values()) <= {1}
    assert set(states) == {DeliveryState.SENT}
    assert sum(states.values()) == len(taken) == len(set(taken))
