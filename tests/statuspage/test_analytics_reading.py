"""Figures asked of a real database: what was said through the verbs comes out as it happened."""

import csv
import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import event

from notifiers import PermanentDeliveryError, Receipt
from statuspage import publishing, subscriptions
from statuspage.analytics import messages, reading, writing
from statuspage.analytics.figures import figures
from statuspage.analytics.periods import Period
from statuspage.audit import Actor
from statuspage.cadence import pauses
from statuspage.db import db, reading as only_reading
from statuspage.delivery.expansion import expand_next
from statuspage.drafts import IncidentDraft, Promise, UpdateDraft
from statuspage.models import Delivery, Incident
from statuspage.pseudonyms import erase
from statuspage.vocabulary import Audience, ComponentStatus, IncidentRole, IncidentStatus, IncidentType, Severity
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, Worker, said

LATER = NOON + timedelta(days=2)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def found(page, period=Period.DAYS_30, now=LATER):
    db.session.rollback()
    with only_reading():
        return figures(reading.history(page, period, now))


@pytest.fixture
def morning(page, api, colleague):
    """Declared inside at noon, told 10 minutes later with 30 minutes' promise, late by 15, kept, and over at 13:25."""
    ana = colleague(email="ana@example.com")
    draft = IncidentDraft(
        "=Payments fail", IncidentType.DEPLOYMENT, Severity.SEV1,
        UpdateDraft(IncidentStatus.INVESTIGATING, "We look.", audience=Audience.INTERNAL),
        roles=((IncidentRole.COMMUNICATIONS_LEAD, ana),), started_at=NOON - minutes(5),
    )  # fmt: skip
    incident = publishing.open_incident(page, draft, BY, NOON)
    half_an_hour = Promise(within=minutes(30))
    down, up = {api: ComponentStatus.MAJOR_OUTAGE}, {api: ComponentStatus.OPERATIONAL}
    publishing.post_update(incident, said("One", components=down, promise=half_an_hour), BY, NOON + minutes(10))
    publishing.post_update(incident, said("Two", promise=half_an_hour), BY, NOON + minutes(55))
    publishing.post_update(incident, said("Over", IncidentStatus.RESOLVED, components=up), BY, NOON + minutes(85))
    return incident


def test_an_empty_installation_has_nothing_to_tell(page):
    empty = found(page)

    assert empty.is_empty
    assert (empty.channels, empty.tides, empty.promises.tally.share) == ((), (), None)


def test_promises_come_out_as_they_were_settled(page, morning):
    promises = found(page).promises

    # The first public word, promised within 15 minutes by policy, came after 10.
    assert (promises.tally.kept, promises.tally.late, promises.tally.due) == (2, 1, 3)
    assert promises.lateness.longest == 15 * 60
    assert [(each.name, each.tally.due) for each in promises.by_component] == [("API", 3)]
    assert [(each.name, each.tally.due) for each in promises.by_lead] == [("ana@example.com", 3)]
    assert [each.name for each in promises.by_severity] == ["SEV1"]


def test_times_come_out_as_they_were_written_down(page, morning):
    figured = found(page)

    assert figured.first_words.all.median == 15 * 60
    assert figured.detecting.spread.mean == 5 * 60
    assert figured.repairing.spread.mean == 90 * 60
    assert figured.acknowledging.spread.mean == 10 * 60  # nobody acknowledged it before the first public word
    assert figured.changes.share == 1


def test_the_first_who_acknowledges_answers_the_alarm(page, api, colleague):
    ana = colleague(email="ana@example.com")
    inside = UpdateDraft(IncidentStatus.INVESTIGATING, "We look.", audience=Audience.INTERNAL)
    incident = publishing.open_incident(
        page, IncidentDraft("Slow", IncidentType.OUTAGE, Severity.SEV1, inside), BY, NOON
    )
    unheard = publishing.open_incident(page, IncidentDraft("Odd", IncidentType.OUTAGE, Severity.SEV1, inside), BY, NOON)
    pauses.acknowledge(incident, ana, Actor(ana, "test"), NOON + minutes(4))
    pauses.acknowledge(incident, ana, Actor(ana, "test"), NOON + minutes(5))
    publishing.post_update(incident, said("One", components={api: ComponentStatus.MAJOR_OUTAGE}), BY, NOON + minutes(9))
    figured = found(page)

    assert (figured.acknowledging.spread.mean, figured.acknowledging.recorded) == (4 * 60, 1)
    assert figured.acknowledging.of == 2
    publishing.post_update(
        unheard, said("Still odd.", IncidentStatus.INVESTIGATING, audience=Audience.INTERNAL), BY, NOON + minutes(10)
    )
    assert found(page).acknowledging.spread.mean == 7 * 60


def test_an_alarm_before_the_declaration_is_what_is_answered(page, open_incident):
    incident = open_incident()
    incident.detected_at = NOON - minutes(6)
    db.session.commit()

    assert found(page).acknowledging.spread.mean == 6 * 60


def test_what_is_overdue_is_broken_and_what_is_pending_is_not(page, open_incident):
    open_incident()

    assert found(page, now=NOON + minutes(59)).promises.tally.pending == 1
    assert found(page, now=NOON + minutes(61)).promises.tally.share == 0


def test_what_was_taken_off_the_page_is_left_out(page, morning, subscribe):
    publishing.hide(morning, BY, LATER)

    assert found(page).is_empty
    assert reading.promise_counts() == {}


def test_an_incident_belongs_to_the_period_in_which_it_began(page, morning):
    long_after = NOON + timedelta(days=60)

    assert [found(page, period, long_after).frequency.total for period in Period] == [0, 1, 1, 1]


def test_messages_are_counted_by_channel_with_their_times(page, crowd, open_incident, subscribe):
    """299 people are reached after 1 to 299 tenths of a second, one is not; a phone still waits."""
    crowd(300)
    open_incident()
    mail = FakeChannel(Receipt("ok"), for_address={"s0@example.com": PermanentDeliveryError("gone")})
    Worker({"email": mail}).run()
    rows = list(db.session.scalars(db.select(Delivery).order_by(Delivery.id)))
    for number, row in enumerate(rows):
        row.settled_at = NOON + timedelta(seconds=number / 10)
    db.session.commit()
    (told,) = found(page).channels

    assert (told.channel, told.owed, told.reached, told.lost, told.waiting) == ("email", 300, 299, 1, 0)
    assert (told.curve.until(0.5), told.curve.until(0.95), told.curve.last) == (15.0, 28.5, 29.9)


def test_who_is_still_in_a_queue_is_waiting(page, crowd, open_incident, dispatch):
    crowd(3)
    open_incident()
    expand_next(NOON)
    (told,) = found(page).channels

    assert (told.owed, told.waiting, told.curve.total) == (3, 3, 0)


def test_of_very_many_messages_the_newest_are_looked_at_and_it_is_said(
    page, crowd, morning, open_incident, monkeypatch
):
    crowd(5)
    Worker({"email": FakeChannel()}).run(hours=2)
    incident = open_incident(title="Another")
    Worker({"email": FakeChannel()}).run(hours=2)
    everything = found(page)
    monkeypatch.setattr(messages, "MOST", 4)
    newest = found(page)

    assert everything.measured == everything.announcements > newest.measured == 1
    assert newest.channels[0].owed == 5
    assert incident.is_open


class TestPeople:
    @pytest.fixture
    def told(self, open_incident):
        incident = open_incident()
        publishing.post_update(incident, said("Over", IncidentStatus.RESOLVED), BY, NOON + minutes(60))
        return incident

    def join(self, page, address, at):
        subscriptions.sign_up(page, "email", address, subscriptions.Wishes(), "form", "", at)
        subscriber = subscriptions.find(page, "email", address)
        subscriptions.confirm(subscriber, at)
        return subscriber

    def test_who_came_by_themselves_was_won_and_who_left_was_lost(self, page, told, subscribe):
        for number in range(3):
            self.join(page, f"new{number}@example.com", NOON + minutes(20))
        early = subscribe("early@example.com")  # brought by a colleague, at noon
        subscriptions.unsubscribe(early, "unsubscribed by link", subscriptions.SUBSCRIBER, NOON + minutes(90))
        ((incident, tide),) = found(page).tides

        assert incident.title == "Payments fail"
        assert (tide.won, tide.lost, tide.stopped) == (3, 1, 0)

    def test_leaving_and_being_erased_is_one_loss(self, page, told, subscribe):
        first, second = subscribe("a@example.com"), subscribe("b@example.com")
        subscriptions.unsubscribe(first, "link", subscriptions.SUBSCRIBER, NOON + minutes(30))
        erase(first, BY, NOON + minutes(31))
        erase(second, BY, NOON + minutes(32))

        assert found(page).tide.lost == 2

    def test_who_never_confirmed_is_nobodys_loss(self, page, told):
        subscriptions.sign_up(page, "email", "x@example.com", subscriptions.Wishes(), "form", "", NOON)
        pending = subscriptions.find(page, "email", "x@example.com")
        subscriptions.unsubscribe(pending, "link", subscriptions.SUBSCRIBER, NOON + minutes(30))

        assert found(page).tides == ()


def test_the_number_of_questions_does_not_grow_with_the_history(page, api, open_incident, crowd):
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    def questions() -> int:
        asked.clear()
        event.listen(db.engine, "before_cursor_execute", note)
        figured = found(page)
        event.remove(db.engine, "before_cursor_execute", note)
        document = writing.document(figured)
        assert document["incidents"]["total"] == db.session.query(Incident).count()
        return len(asked)

    empty = questions()
    crowd(5)
    counts = []
    for step in range(3):
        for number in range(4):
            incident = open_incident(title=f"{step}.{number}", components={api: ComponentStatus.PARTIAL_OUTAGE})
            publishing.post_update(
                incident,
                said("Over", IncidentStatus.RESOLVED, components={api: ComponentStatus.OPERATIONAL}),
                BY,
                NOON + minutes(9),
            )
        Worker({"email": FakeChannel()}).run(minutes=10)
        counts.append(questions())

    assert counts == [counts[0]] * 3
    assert empty <= counts[0] <= 16


class TestFiles:
    def test_csv_has_a_line_for_each_figure_and_runs_nothing(self, page, morning, subscribe, open_incident):
        subscriber = subscribe("a@example.com")
        subscriptions.unsubscribe(subscriber, "link", subscriptions.SUBSCRIBER, NOON + minutes(70))
        lines = list(csv.DictReader(io.StringIO("".join(writing.as_csv(found(page))))))
        by_name = {(line["section"], line["group"], line["figure"]): line for line in lines}

        assert by_name["promises.all", "", "kept"]["value"] == "2"
        assert by_name["promises.all", "", "kept"]["unit"] == ""
        assert (by_name["mttr.spread", "", "mean"]["value"], by_name["mttr.spread", "", "mean"]["unit"]) == (
            "5400.0",
            "seconds",
        )
        assert by_name["mtta.spread", "", "mean"]["value"] == "600.0"
        assert by_name["uptime.components", "API", "uptime"]["value"] == ""
        assert by_name["subscribers.by_incident", "'=Payments fail", "lost"]["value"] == "1"
        assert not [line for line in lines if any(cell.startswith(("=", "+", "-", "@")) for cell in line.values())]

    def test_json_says_null_where_nothing_is_recorded(self, page, morning):
        known = json.loads(writing.as_json(found(page)))

        assert known["mtta"]["recorded"] == 1
        assert known["promises"]["all"]["share"] == 0.6667
        assert known["subscribers"]["all"] == {"won": None, "lost": None, "stopped": None}
        assert known["incidents"]["by_month"] == {"2026-03": 1}

    def test_declared_by_its_first_public_word_it_has_no_time_to_acknowledge(self, page, open_incident):
        open_incident()

        assert json.loads(writing.as_json(found(page)))["mtta"] == {
            "recorded": 0,
            "of": 1,
            "spread": {"count": 0, "mean": None, "median": None, "p95": None, "longest": None},
        }
