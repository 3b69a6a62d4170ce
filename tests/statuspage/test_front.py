"""Public documents are made once for many readers, and anew as soon as something has changed."""

import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from statuspage import components
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import Promise
from statuspage.models import AuditEntry, Page
from statuspage.vocabulary import ComponentStatus
from statuspage.web.front import OLDEST, Document, Front, caching
from tests.conftest import BY, NOON

PUBLIC = ("/", "/history?month=2026-03", "/history.atom", "/api/v2/summary.json")


class Maker:
    """Makes documents and counts them."""

    def __init__(self):
        self.made = 0

    def __call__(self):
        self.made += 1
        return Document(f"made {self.made} times")


@pytest.fixture
def time():
    """What the clock shows; a test may move it."""
    return [0.0]


@pytest.fixture
def front(time):
    return Front(clock=lambda: time[0])


def test_what_has_not_changed_is_not_made_again(front):
    make = Maker()

    assert [front.get("/", 7, make).body for _ in range(3)] == ["made 1 times"] * 3


def test_another_version_is_made_at_once(front):
    make = Maker()

    assert [front.get("/", version, make).body for version in (7, 8)] == ["made 1 times", "made 2 times"]


def test_what_time_alone_changes_is_a_second_old_at_most(front, time):
    make = Maker()
    front.get("/", 7, make)
    time[0] = OLDEST

    assert front.get("/", 7, make).body == "made 2 times"


def test_what_has_fallen_due_is_made_again_at_that_moment(time):
    moment = [NOON]
    front, promised = Front(clock=lambda: time[0], now=lambda: moment[0]), Document("by noon", changes_at=NOON)
    moment[0] = NOON - timedelta.resolution
    front.get("/", 7, lambda: promised)

    assert front.get("/", 7, Maker()).body == "by noon"
    moment[0] = NOON
    assert front.get("/", 7, Maker()).body == "made 1 times"


@pytest.mark.parametrize(
    ("left", "fresh", "stale"),
    [(None, 5, 60), (3600, 5, 60), (65, 5, 60), (30.9, 5, 25), (4.2, 4, 0), (0.5, 0, 0), (-9, 0, 0)],
)
def test_caches_keep_nothing_beyond_its_time(left, fresh, stale):
    told = caching(timedelta(seconds=left) if left is not None else None)

    assert told.startswith(f"public, max-age={fresh}, s-maxage={fresh}, stale-while-revalidate={stale}, ")


@pytest.mark.parametrize("path", ["/", "/incidents/{id}", "/history.atom", "/history.rss"])
def test_no_cache_in_between_keeps_a_promise_that_is_about_to_fall_due(client, open_incident, path):
    incident = open_incident(promise=Promise(within=utcnow() - NOON + timedelta(seconds=20)))
    told = client.get(path.format(id=incident.public_id)).headers["Cache-Control"]

    kept = [int(number) for number in re.findall(r"max-age=(\d+), .*revalidate=(\d+)", told)[0]]
    assert 0 < sum(kept) <= 20


def test_many_who_come_at_once_wait_for_one_to_make_it(front):
    begun, may_end, make = threading.Event(), threading.Event(), Maker()

    def slowly():
        begun.set()
        may_end.wait(10)
        return make()

    first = threading.Thread(target=front.get, args=("/", 7, slowly))
    first.start()
    begun.wait(10)
    others = [threading.Thread(target=front.get, args=("/", 7, make)) for _ in range(5)]
    for other in others:
        other.start()
    may_end.set()
    for each in (first, *others):
        each.join(10)

    assert make.made == 1


def test_what_cannot_be_made_is_not_remembered(front):
    def fail():
        raise OSError("The disk is gone.")

    with pytest.raises(OSError, match="disk"):
        front.get("/", 7, fail)

    assert front.get("/", 7, Maker()).body == "made 1 times"


def test_addresses_nobody_will_ask_again_do_not_pile_up(front):
    for number in range(1000):
        front.get(number, 7, Maker())

    assert len(front.documents) <= 200


@pytest.mark.parametrize("path", PUBLIC)
def test_readers_see_what_was_said_at_once(client, open_incident, path):
    before = client.get(path).text
    open_incident(title="Nothing works")

    assert "Nothing works" not in before
    assert "Nothing works" in client.get(path).text


def test_readers_see_a_component_as_it_is(client, api):
    client.get("/")
    components.set_status(api, ComponentStatus.MAJOR_OUTAGE, BY, NOON)

    assert "Major outage" in client.get("/").text


def test_what_another_process_has_said_is_seen_too(client, page):
    client.get("/")
    db.session.rollback()
    act = {"at": NOON, "via": "panel", "act": "page.changed", "object_kind": "page", "object_id": "1", "detail": {}}
    with db.engine.begin() as elsewhere:
        elsewhere.execute(update(Page).values(name="Renamed elsewhere"))
        elsewhere.execute(insert(AuditEntry).values(act))

    assert "Renamed elsewhere" in client.get("/").text


def test_each_month_of_the_history_is_its_own(client):
    months = [client.get(f"/history?month=2025-0{number}").text for number in (1, 2)]

    assert months[0] != months[1]
