"""The chase: what a tick costs over many open promises, and how late a reminder is while everybody is being told."""

import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import select

from statuspage import pages, staff
from statuspage.cadence import policies, reminders
from statuspage.cadence.policy import Cadence
from statuspage.cadence.steps import COMMS_LEAD, LadderStep
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import Delivery, Reminder
from statuspage.vocabulary import DeliveryState, ReminderStep, Severity, StaffRole
from tests.bench.place import BY, Place
from tests.bench.rows import Row
from tests.bench.wire import sink
from tests.counting import statements
from tests.promising import promise_many
from tests.running import wait_until

OPEN, DUE, PEOPLE, TICKS = 10_000, 100, 100, 5
RUNS = 3
LONGEST_TICK, LATEST = 1.0, 2.0
MAILS, REMINDED = 100_000, 20
HOUR = timedelta(hours=1)


def tick(scale: float) -> list[Row]:
    """One tick with a hundred promises due, over ten thousand open ones: seconds, and statements beside ten due."""
    many = max(200, int(OPEN * scale))
    due = min(DUE, many // 2)
    with tempfile.TemporaryDirectory() as folder, Place(Path(folder), 0) as place, place.app.app_context():
        now, leads = utcnow(), _people(PEOPLE)
        promise_many(pages.first(), leads, [now + (2 + number % 50) * HOUR for number in range(many - due)], now)
        few = _tick(leads, due // 10, now)[1]
        figures = [_tick(leads, due, now + (run + 1) * timedelta(seconds=1)) for run in range(TICKS)]
        counts = {count for _, count in figures}
    seconds = median(took for took, _ in figures)
    what = (
        f"one tick, {due} due of {many} open promises, {len(leads)} people, SQLite; {max(counts)} statements, {few} "
        f"with {due // 10} due; reference: the goal; median of {TICKS}"
    )
    is_met = seconds <= LONGEST_TICK and counts == {few}
    goal = f"a fixed number of statements, at most {LONGEST_TICK:g} s"
    return [Row("tick", what, seconds, "s", LONGEST_TICK, goal, is_met)]


def reminder_lateness(scale: float) -> list[Row]:
    """Reminders that fall due one after the other while a fan-out runs: from the due time to the relay's answer."""
    count = max(2_000, int(MAILS * scale))
    with sink() as port, tempfile.TemporaryDirectory() as folder, Place(
        Path(folder), count, f"smtp://127.0.0.1:{port}?connections=10"
    ) as place:  # fmt: skip
        with place.app.app_context():
            leads = _people(REMINDED)
            only = (LadderStep(ReminderStep.DUE, timedelta(0), COMMS_LEAD),)
            once = Cadence(HOUR, HOUR, timedelta(minutes=5), ladder=only)
            policies.set_policy(pages.first(), Severity.SEV2, once, BY, utcnow())
            db.session.remove()
        place.start("engine")
        warm = place.publish("A first one, to warm up")
        place.wait(warm)
        _, lasts, _ = place.figures(warm)
        late: list[float] = []
        for run in range(RUNS):
            late += _chase_meanwhile(place, leads, place.publish(f"Payments fail, {run}"), lasts)
    p99 = sorted(late)[int(len(late) * 0.99)]
    what = (
        f"p99 of {len(late)} reminders, due time to the relay's answer, while {count} mails go out, SQLite, "
        f"one engine; median {median(late):.2f} s; reference: the goal"
    )
    return [Row("reminder_lateness", what, p99, "s", LATEST, f"at most {LATEST:g} s", p99 <= LATEST)]


def _people(count: int) -> list[int]:
    now = utcnow()
    return [staff.add(f"lead{number}@example.com", StaffRole.COMMS_LEAD, BY, now).id for number in range(count)]


def _tick(leads: list[int], due: int, now: datetime) -> tuple[float, int]:
    """Seconds and statements of one tick over so many that have just fallen due."""
    promise_many(pages.first(), leads, [now] * due, now - HOUR)
    db.session.execute(db.update(Delivery).values(state=DeliveryState.SENT))
    db.session.commit()
    db.session.expunge_all()
    started = time.perf_counter()
    with statements() as run:
        told = reminders.remind_due(now)
    took = time.perf_counter() - started
    assert told == due, f"{told} of {due} were reminded"
    return took, len(run)


def _chase_meanwhile(place: Place, leads: list[int], announcement: int, lasts: float) -> list[float]:
    """Promises fall due one after the other for as long as everybody is being told; how late each reminder was."""
    with place.app.app_context():
        now, before = utcnow(), db.session.scalar(select(db.func.max(Reminder.id))) or 0
        times = [now + timedelta(seconds=lasts * (0.1 + 0.8 * number / REMINDED)) for number in range(REMINDED)]
        promise_many(pages.first(), leads, times, now)
        db.session.remove()
    place.wait(announcement)
    query = (
        select(Reminder.due_at, Delivery.settled_at)
        .join(Delivery, Delivery.announcement_id == Reminder.announcement_id)
        .where(Reminder.id > before, Delivery.channel == "email")
    )
    found: list[tuple[datetime, datetime | None]] = []
    wait_until(lambda: _all_left(place, query, len(times), found), "not every reminder left")
    return [(left - due_at).total_seconds() for due_at, left in found if left is not None]


def _all_left(place: Place, query: Any, count: int, found: list[tuple[datetime, datetime | None]]) -> bool:
    with place.app.app_context():
        found[:] = [(due_at, left) for due_at, left in db.session.execute(query)]
        db.session.remove()
    return len(found) == count and all(left for _, left in found)
