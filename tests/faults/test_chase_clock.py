"""The clock itself: two engines through an hour that passes in half a minute, and one that was away for a while."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from statuspage import pages, publishing, staff
from statuspage.cadence import policies
from statuspage.cadence.policy import Cadence
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.delivery import letters
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.models import Announcement, Delivery, Incident, Reminder
from statuspage.vocabulary import (
    AnnouncementKind,
    DeliveryState,
    IncidentRole,
    IncidentStatus,
    IncidentType,
    Severity,
    StaffRole,
)
from tests.bench.place import BY, ROOT, Place
from tests.conftest import NOON
from tests.running import wait_until

MINUTE = timedelta(minutes=1)
TIMES_FASTER = 120
HOUR = 60 * MINUTE
# `candor engine`. Faketime cannot serve the call behind Python's sleep while waiting is in real time; an event can.
# It makes poll() wait that many times shorter, too: psycopg's tenth of a second becomes none at all, so that its
# threads burn all processors for an answer that takes forty times longer. It is given as much more.
ENGINE = """
import sys, threading, time
time.sleep = lambda seconds: threading.Event().wait(seconds)
if len(sys.argv) > 1:
    import psycopg
    interval, timeout = psycopg.Connection.wait.__defaults__
    psycopg.Connection.wait.__defaults__ = (interval * int(sys.argv[1]), timeout)
sys.argv = ["candor", "engine"]
from wsgi import main
main()
"""
# Due soon at 10, due at 20, overdue at 30 and again at 50 and 70 minutes: the last is beyond the hour.
SHORT = Cadence(20 * MINUTE, 20 * MINUTE, 10 * MINUTE)
# The engines begin so long before the hour: starting takes seconds, and a second is two minutes.
BEFORE = 20 * MINUTE


@pytest.fixture
def place(database, fresh, tmp_path):
    if database == "sqlite":
        shutil.copytree(fresh, tmp_path / "instance")
    with Place(tmp_path, 0, "", os.environ.get("CANDOR_DATABASE_URL", "")) as found:
        yield found


def declare(place: Place, count: int, now, role: IncidentRole = IncidentRole.COMMUNICATIONS_LEAD) -> None:
    """So many incidents of one comms lead, each with its promise."""
    with place.app.app_context():
        page = pages.first()
        policies.set_policy(page, Severity.SEV2, SHORT, BY, now)
        lead = staff.add("lead@candor.example", StaffRole.COMMS_LEAD, BY, now)
        for number in range(count):
            first = UpdateDraft(IncidentStatus.INVESTIGATING, "We are looking into it.")
            draft = IncidentDraft(
                f"Incident {number}", IncidentType.OUTAGE, Severity.SEV2, first, roles=((role, lead),)
            )
            publishing.open_incident(page, draft, BY, now + number * timedelta(seconds=1))
        db.session.remove()


def begin(place: Place, *words: str, faster: int = 0, **environment: str) -> subprocess.Popen[bytes]:
    with place.log.open("ab") as log:
        return subprocess.Popen(
            [*words, sys.executable, "-c", ENGINE, *([str(faster)] if faster else [])],
            env=place.environment | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=ROOT,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


def asked(place: Place, query):
    with place.app.app_context():
        found = db.session.execute(query).all()
        db.session.remove()
    return found


def test_two_engines_through_an_hour_climb_each_step_once(place: Place) -> None:
    program = shutil.which("faketime")
    assert program, "the package faketime is missing: make test installs it"
    declare(place, 3, NOON)
    last = select(func.max(Reminder.created_at))
    start = f"{NOON - BEFORE:%Y-%m-%d %H:%M:%S}"
    words = (program, "-f", f"@{start} x{TIMES_FASTER}")
    # What is waited for is counted in real seconds: only the hour on the wall goes faster.
    environment = {"TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    engines = [begin(place, *words, faster=TIMES_FASTER, **environment) for _ in range(2)]
    try:
        wait_until(
            lambda: (asked(place, last)[0][0] or NOON) >= NOON + 49 * MINUTE,
            "the hour did not pass",
            lambda: place.log.read_text(errors="replace")[-3000:],
            patience=90,
        )
        time.sleep(5 * 60 / TIMES_FASTER)  # to within the hour's end, in which nothing more is due
        assert all(engine.poll() is None for engine in engines), place.log.read_text()[-2000:]
    finally:
        for engine in engines:
            end(engine)

    rows = asked(
        place, select(Reminder.incident_id, Reminder.step, Reminder.round).where(Reminder.created_at < NOON + HOUR)
    )
    steps = [(incident, step.value, number) for incident, step, number in rows]
    wanted = [("due_soon", 0), ("due", 0), ("overdue", 0), ("overdue", 1)]
    incidents = sorted({incident for incident, *_ in steps})

    assert len(incidents) == 3
    assert Counter(steps) == Counter((incident, *step) for incident in incidents for step in wanted)


def test_an_engine_that_was_away_over_six_due_reminders_brings_one_and_says_so(place: Place) -> None:
    declare(place, 6, utcnow() - 45 * MINUTE)
    engine = begin(place)
    is_out = select(func.count()).select_from(Delivery).where(Delivery.state == DeliveryState.CAPTURED)
    try:
        wait_until(
            lambda: bool(
                asked(place, is_out.join(Announcement).where(Announcement.kind == AnnouncementKind.REMINDER))[0][0]
            ),
            "nobody was reminded",
            lambda: place.log.read_text(errors="replace")[-3000:],
        )
        time.sleep(3)  # a few ticks more, in which nothing comes twice
    finally:
        end(engine)
    with place.app.app_context():
        (only,) = db.session.scalars(select(Announcement).where(Announcement.kind == AnnouncementKind.REMINDER))
        (row,) = db.session.scalars(select(Delivery).where(Delivery.announcement_id == only.id))
        message = letters.personal(row)
        count = db.session.scalar(select(func.count()).select_from(Reminder))
        titles = list(db.session.scalars(select(Incident.title)))
        db.session.remove()

    assert (count, len(titles)) == (6, 6)
    assert message.subject.startswith("6 updates wait for you")
    assert "This reminder should have come at" in message.text
    assert all(title in message.text for title in titles)
