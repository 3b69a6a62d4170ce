"""`/metrics`, `/readyz` and the dead-man's ping: whether it works, told to machines."""

import re
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest

from notifiers import DeliveryError
from statuspage import deadman, leases, publishing, vitals
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.delivery.expansion import expand_next
from statuspage.delivery.pulse import FORGET_AFTER, Pulse, forget_old
from statuspage.delivery.waiting import Queue
from statuspage.jobs import DUTY, HOLD_FOR
from statuspage.models import Breaker, Heartbeat
from statuspage.vitals import ChannelSigns, Signs
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, Worker, said

TOKEN = "a-token-of-some-length"


def samples(client, **how):
    answer = client.get("/metrics", **how)
    assert answer.status_code == 200, answer.text
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    return dict(re.findall(r"^(candor_\S+) (\S+)$", answer.text, re.MULTILINE))


@pytest.fixture
def guarded(houses):
    """A client of an app whose metrics have a token."""
    with houses.open(metrics_token=TOKEN) as app:
        yield app.test_client()


class TestWhoMayLook:
    def test_this_machine_may_where_no_token_is_set(self, client):
        assert client.get("/metrics").status_code == 200

    @pytest.mark.parametrize(
        ("headers", "sender"),
        [
            ({}, "203.0.113.9"),
            ({"Host": "status.example.com"}, "127.0.0.1"),
            ({"X-Forwarded-For": "203.0.113.9"}, "127.0.0.1"),
            ({"Forwarded": "for=203.0.113.9"}, "127.0.0.1"),
        ],
    )
    def test_a_stranger_finds_nothing(self, client, headers, sender):
        answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": sender})

        assert answer.status_code == 404
        assert "candor_" not in answer.text

    def test_the_token_opens_from_everywhere(self, guarded):
        far = {"REMOTE_ADDR": "203.0.113.9"}
        found = guarded.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, environ_base=far)

        assert "candor_promises_overdue 0" in found.text

    @pytest.mark.parametrize("given", [None, "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer ünïcode"])
    def test_without_it_there_is_no_way_not_even_from_here(self, guarded, given):
        answer = guarded.get("/metrics", headers={"Authorization": given} if given else {})

        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_what_waits_is_counted_by_channel(client, crowd, open_incident):
    crowd(3)
    open_incident()
    expand_next(NOON)
    found = samples(client)

    assert found['candor_waiting_messages{channel="email"}'] == "3"
    assert float(found['candor_waiting_oldest_seconds{channel="email"}']) > 60
    assert found['candor_waiting_messages{channel="sms"}'] == "0"
    assert found['candor_waiting_oldest_seconds{channel="sms"}'] == "0"


def test_a_breaker_is_seen(client, crowd, open_incident):
    crowd(1)
    open_incident()
    Worker({"email": FakeChannel(DeliveryError("Down.", is_channel_wide=True))}).run()
    found = samples(client)

    assert found['candor_breaker_open{channel="email"}'] == "1"
    assert found['candor_breaker_open{channel="sms"}'] == "0"


def test_the_last_days_deliveries_are_counted_by_state(client, crowd, open_incident):
    crowd(2)
    incident = open_incident()
    Worker({"email": FakeChannel()}).run()
    old = samples(client)
    incident.updates[0].created_at = utcnow()
    db.session.execute(db.text("UPDATE announcement SET created_at = :now"), {"now": utcnow().replace(tzinfo=None)})
    db.session.commit()

    assert old['candor_deliveries_recent{state="sent"}'] == "0"
    assert samples(client)['candor_deliveries_recent{state="sent"}'] == "2"


def test_promises_are_counted_by_what_became_of_them(client, open_incident):
    incident = open_incident()
    before = samples(client)
    overdue = before["candor_promises_overdue"]
    publishing.post_update(incident, said(), BY, NOON + timedelta(minutes=59))
    publishing.post_update(incident, said("More."), BY, NOON + timedelta(minutes=120))
    found = samples(client)

    assert overdue == "1"
    assert [found[f'candor_promises_settled{{outcome="{each}"}}'] for each in ("kept", "late", "withdrawn")] == [
        "1",
        "1",
        "0",
    ]
    assert (before["candor_promises_open"], before["candor_promises_open_late"]) == ("1", "1")
    assert (found["candor_promises_kept_total"], found["candor_promises_late_total"]) == ("1", "1")
    assert "# TYPE candor_promises_kept_total counter" in client.get("/metrics").text


def test_a_counter_never_goes_back(client, open_incident):
    incident = open_incident()
    publishing.post_update(incident, said(), BY, NOON + timedelta(minutes=59))
    publishing.hide(incident, BY, NOON + timedelta(minutes=60))
    found = samples(client)

    assert found["candor_promises_kept_total"] == "1"
    assert found['candor_promises_settled{outcome="kept"}'] == "0"


def test_what_has_never_been_has_no_age(client):
    assert not [name for name in samples(client) if "engine" in name or "scheduler" in name]


def test_engine_and_clock_have_an_age(client):
    now = utcnow()
    pulse = Pulse("host:1")
    pulse.part("email-bulk-0", now - timedelta(seconds=40), "email")
    pulse.note(now - timedelta(seconds=20))
    leases.hold(DUTY, "host:1", HOLD_FOR, now - timedelta(seconds=10))
    found = samples(client)

    assert 19 < float(found["candor_engine_heartbeat_age_seconds"]) < 30
    assert 9 < float(found["candor_scheduler_lease_age_seconds"]) < 20
    assert 39 < float(found['candor_sender_round_age_seconds{channel="email"}']) < 50


class TestPulse:
    def test_who_only_lays_out_is_no_engine_that_sends(self):
        pulse = Pulse("scheduler:1")
        pulse.part("expand", NOON)
        pulse.note(NOON)

        assert not vitals.is_engine_alive(vitals.read(NOON))

    def test_it_says_what_the_channel_says_of_its_destinations(self):
        trouble = SimpleNamespace(destination="hooks.example.com", state="open", reason="It refuses.")
        channel = SimpleNamespace(health=lambda: (trouble,))
        pulse = Pulse("host:1")
        pulse.part("webhook-bulk-0", NOON, "webhook")
        pulse.note(NOON, {"webhook": channel})

        (found,) = vitals.read(NOON).channels["webhook"].destinations
        assert (found.name, found.state, found.reason) == ("hooks.example.com", "open", "It refuses.")

    def test_it_is_one_row_for_each_part_however_often_it_beats(self):
        pulse = Pulse("host:1")
        beat = pulse.part("email-bulk-0", NOON, "email")
        for seconds in range(3):
            beat.at = NOON + timedelta(seconds=seconds)
            pulse.note(beat.at)

        assert [row.beat_at for row in db.session.scalars(db.select(Heartbeat))] == [NOON + timedelta(seconds=2)]

    def test_processes_long_gone_are_forgotten(self):
        Pulse("host:1", {}).note(NOON)
        pulse = Pulse("host:2")
        pulse.part("expand", NOON)
        pulse.note(NOON)
        forget_old(NOON + FORGET_AFTER + timedelta(seconds=1))

        assert db.session.scalars(db.select(Heartbeat)).all() == []

    @pytest.fixture(autouse=True)
    def inside(self, app):
        """All of it needs the database."""


class TestReady:
    def test_the_page_is_ready_whether_an_engine_works_or_not(self, client):
        answer = client.get("/readyz")

        assert answer.status_code == 200
        assert answer.text == "ready\nengine: not seen\nclock: not seen\n"

    def test_it_says_what_works_and_what_is_in_trouble(self, client):
        now = utcnow()
        pulse = Pulse("host:1")
        pulse.part("email-bulk", now, "email")
        pulse.note(now)
        db.session.add(Breaker(channel="email", failures=1, reason="Down.", opened_at=NOON, until=NOON))
        db.session.commit()

        assert client.get("/readyz").text == "ready\nengine: working\nclock: not seen\ntrouble: email\n"


class TestDeadMan:
    @pytest.fixture
    def listener(self):
        """Somebody elsewhere who waits for our ping; `heard` is what came."""

        class Ear(BaseHTTPRequestHandler):
            def do_GET(self):
                self.server.heard.append(self.path)
                self.send_response(self.server.status)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()

            def log_message(self, *_args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        server.heard, server.status = [], 200
        Thread(target=server.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{server.server_address[1]}/ping/key"
        yield server
        server.shutdown()
        server.server_close()

    def well(self, **more):
        channel = ChannelSigns("email", "Email", Queue("email"), beat_at=NOON)
        return Signs(NOON, {"email": channel}, engine_seen_at=NOON, **more)

    def test_what_works_says_so(self, listener):
        assert deadman.ping(listener.url, self.well())
        assert listener.heard == ["/ping/key"]

    def test_what_does_not_work_says_so_too(self, listener):
        assert deadman.ping(listener.url, self.well(unexpanded_since=NOON - timedelta(minutes=5)))
        assert listener.heard == ["/ping/key/fail"]

    @pytest.mark.parametrize("status", [302, 404, 500])
    def test_an_answer_that_is_none_is_no_hearing(self, listener, status):
        listener.status = status

        assert not deadman.ping(listener.url, self.well())
        assert len(listener.heard) == 1

    def test_nobody_there_breaks_nothing(self):
        assert not deadman.ping("http://127.0.0.1:9/", self.well())

    def test_a_query_stays_behind_the_path(self):
        assert deadman.failing("https://ping.example/a/?key=b") == "https://ping.example/a/fail?key=b"
