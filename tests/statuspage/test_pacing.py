"""No sender sends more than its rate in any second, however many processes want to send."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from statuspage import urls
from statuspage.db import db
from statuspage.models import Pace
from statuspage.pacing import Rhythm, Throttle, _reserve, nap, reserve
from tests.conftest import NOON
from tests.statuspage.fakes import Clock, FakeChannel

SENDER = "sms:+15005550006"
SECOND = timedelta(seconds=1)


class PacedChannel(FakeChannel):
    """A channel with a pace."""

    def __init__(self, per_second: float | None) -> None:
        super().__init__(kind="sms")
        self.pace = (SENDER, per_second) if per_second else None


def most_in_a_second(moments: Sequence[float]) -> int:
    """The most moments in any second, wherever it begins."""
    moments, first, most = sorted(moments), 0, 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def moments_of(throttle: Throttle, clock: Clock, count: int) -> list[float]:
    """When so many messages leave, on a clock that only sleeping moves."""
    moments = []
    for _ in range(count):
        throttle.wait()
        moments.append((clock.now - NOON) / SECOND)
    return moments


def sleeper(clock: Clock):
    return lambda seconds: clock.move(seconds=seconds)


@pytest.mark.parametrize("per_second", [0.5, 1, 3, 10, 40, 97, 1000])
@pytest.mark.usefixtures("app")
def test_no_second_sees_more_than_the_rate_and_most_of_it_is_used(per_second):
    clock = Clock()
    throttle = Throttle(PacedChannel(per_second), clock, sleeper(clock))

    moments = moments_of(throttle, clock, int(per_second * 1.5) + 5)

    assert most_in_a_second(moments) <= max(1, per_second)
    assert len(moments) / (moments[-1] + Rhythm.of(per_second).each / SECOND) >= 0.94 * per_second


@pytest.mark.parametrize("wanted", [1, 2, 3, 7])
@pytest.mark.usefixtures("app")
def test_several_workers_with_small_wishes_leave_no_gap_to_slip_through(wanted):
    clock, moments = Clock(), []
    throttles = [Throttle(PacedChannel(300), clock, sleeper(clock)) for _ in range(3)]
    for turn in range(450):
        throttles[turn % 3].wait(wanted)
        moments.append((clock.now - NOON) / SECOND)

    assert most_in_a_second(moments) <= 300


@pytest.mark.usefixtures("app")
def test_who_comes_second_gets_the_moment_after():
    first, second = reserve(SENDER, 1, 10, Clock()), reserve(SENDER, 1, 10, Clock())

    assert first == (1, timedelta())
    assert second == (1, timedelta(milliseconds=103.5))


@pytest.mark.usefixtures("app")
def test_idle_time_is_not_saved_up():
    reserve(SENDER, 1, 10, Clock())
    later = Clock(NOON + timedelta(hours=1))

    assert [reserve(SENDER, 1, 10, later)[1] for _ in range(2)] == [timedelta(), timedelta(milliseconds=103.5)]


@pytest.mark.usefixtures("app")
def test_senders_do_not_wait_for_each_other():
    reserve(SENDER, 1, 1, Clock())

    assert reserve("sms:other", 1, 1, Clock())[1] == timedelta()


@pytest.mark.usefixtures("app")
def test_a_clock_that_was_put_back_stops_nobody():
    reserve(SENDER, 1, 10, Clock(NOON + timedelta(hours=2)))

    assert reserve(SENDER, 1, 10, Clock())[1] == timedelta()


def test_the_clock_is_read_once_the_row_is_ours(app):
    is_free, asked = threading.Event(), []

    def clock() -> datetime:
        asked.append(is_free.is_set())
        return NOON

    def reserve_elsewhere() -> None:
        with app.app_context():
            _reserve(SENDER, 1, 10, clock)

    with db.engine.begin() as connection:
        connection.execute(insert(Pace).values(sender=SENDER, free_from=0))
        thread = threading.Thread(target=reserve_elsewhere)
        thread.start()
        thread.join(0.2)
        is_free.set()
    thread.join(10)

    assert asked == [True]


@pytest.mark.usefixtures("app")
def test_who_oversleeps_waits_for_the_next_moment():
    clock = Clock()
    late = iter([timedelta(milliseconds=80)])

    def sleep(seconds: float) -> None:
        clock.move(seconds=seconds)
        clock.now += next(late, timedelta())

    throttle = Throttle(PacedChannel(40), clock, sleep)
    moments = moments_of(throttle, clock, 3)

    assert moments == pytest.approx([0, 0.105875, 0.129375])


@pytest.mark.usefixtures("app")
def test_a_slow_database_costs_no_moment():
    clock = Clock()
    throttle = Throttle(PacedChannel(40), clock, sleeper(clock))
    each = Rhythm.of(40).each / SECOND
    moments = []
    for _ in range(8):
        throttle.wait()
        moments.append((clock.now - NOON) / SECOND)
        clock.move(seconds=each * 0.9)  # the worker is busy with something else

    assert moments == pytest.approx([number * each for number in range(8)], abs=0.001)


@pytest.mark.usefixtures("app")
def test_a_channel_without_a_pace_waits_for_nobody():
    def sleep(seconds: float) -> None:
        raise AssertionError("slept")

    for channel in (FakeChannel(kind="sms"), PacedChannel(None)):
        throttle = Throttle(channel, Clock(), sleep)
        throttle.wait()
        assert list(throttle.paced("abc")) == ["a", "b", "c"]


@pytest.mark.usefixtures("app")
def test_a_thing_is_made_when_its_turn_has_come():
    clock = Clock()
    throttle = Throttle(PacedChannel(10), clock, sleeper(clock))
    made = ((clock.now - NOON) / SECOND for _ in range(3))

    assert list(throttle.paced(made)) == pytest.approx([0, 0.1035, 0.207])


WORKER = """
import sys, time
from statuspage import settings
from statuspage.pacing import Throttle
from tests.statuspage.test_pacing import PacedChannel
from wsgi import create_app

app = create_app(settings.load(instance_dir=sys.argv[1], log_level="error"))
with app.app_context():
    throttle = Throttle(PacedChannel(40))
    until = time.time() + 3
    while time.time() < until:
        throttle.wait()
        print(throttle.clock().timestamp(), flush=True)
"""


def test_processes_share_one_pace(app):
    command = [sys.executable, "-c", WORKER, str(urls.settings().instance_dir)]
    root = Path(__file__).resolve().parents[2]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(3)]
    moments = [float(line) for worker in workers for line in worker.communicate(timeout=60)[0].splitlines()]

    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert len(moments) > 80
    assert most_in_a_second(moments) <= 40


def test_whoever_is_asked_to_end_does_not_sleep_on():
    stopping = threading.Event()
    threading.Timer(0.1, stopping.set).start()
    began_at = time.monotonic()

    nap(stopping.is_set)(60)

    assert time.monotonic() - began_at < 5
