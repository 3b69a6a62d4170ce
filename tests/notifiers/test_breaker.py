"""When a relay is left in peace, and how it comes back."""

from datetime import timedelta

import pytest

from notifiers import DeliveryError, Receipt
from notifiers._breaker import LONGEST_PAUSE, Admission, Breaker
from notifiers._delivery import Round
from notifiers._line import Letter
from notifiers._relay import Relay as RelaySetting
from notifiers._station import EASE_SECONDS, IDLE_SECONDS, Station
from tests.relays import SILENCE, Relay

DOWN = DeliveryError("The relay is down.", code="unreachable", is_channel_wide=True)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_breaker_opens_tries_one_and_closes():
    breaker = Breaker()

    assert breaker.admit(0) is Admission.YES
    breaker.trip(DOWN, 0, jitter=1.0)
    assert (breaker.admit(1.9), breaker.until) == (Admission.NO, 2.0)
    assert [breaker.admit(2.0), breaker.admit(2.0)] == [Admission.ONE, Admission.LATER]
    breaker.mend()
    assert breaker.admit(2.1) is Admission.YES


def test_each_failure_in_a_row_doubles_the_pause_up_to_a_minute():
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(8):
        breaker.trip(DOWN, now, jitter=1.0)
        pauses.append(breaker.until - now)
        now = breaker.until
        breaker.admit(now)

    assert pauses == [2, 4, 8, 16, 32, 60, 60, LONGEST_PAUSE]


def test_jitter_shortens_a_pause_by_half_at_most():
    breaker = Breaker()
    breaker.trip(DOWN, 0, jitter=0.0)

    assert breaker.until == 1.0


def test_what_the_relay_asks_for_is_the_least():
    breaker = Breaker()
    breaker.trip(DeliveryError("x", timedelta(minutes=5), is_channel_wide=True), 0, jitter=1.0)

    assert breaker.until == 300


def test_several_lines_that_tell_the_same_trouble_count_once():
    breaker = Breaker()
    for _ in range(5):
        breaker.trip(DOWN, 0, jitter=1.0)

    assert breaker.failures == 1


def test_one_who_did_not_get_to_it_lets_the_next_try():
    breaker = Breaker()
    breaker.trip(DOWN, 0, jitter=1.0)
    breaker.admit(5)
    breaker.release(5)

    assert breaker.admit(5) is Admission.ONE


def test_after_a_421_half_the_connections_stay_and_come_back_one_by_one():
    clock = Clock()
    station = Station(RelaySetting("relay.test", 25, connections=8), clock)
    station._open = 8
    station.ease()
    assert (station.limit, station.is_overfull) == (4, True)

    limits = []
    for _ in range(5):
        clock.now += EASE_SECONDS
        limits.append(station.limit)

    assert limits == [5, 6, 7, 8, 8]


# With a relay


def letters(count: int, first: int = 0):
    return (
        Letter(number, f"p{number}@example.com", "status@example.com", b"Subject: x\r\n\r\nx\r\n", f"<{number}@x>")
        for number in range(first, first + count)
    )


@pytest.fixture
def station():
    with Relay() as relay:
        clock = Clock()
        port = int(relay.url.rpartition(":")[2])
        station = Station(RelaySetting("127.0.0.1", port), clock, jitter=lambda: 1.0)
        yield station, relay, clock
        station.close()


def test_while_it_is_open_nothing_is_tried(station):
    station, relay, _ = station
    station.trip(DOWN)

    outcomes = list(Round([station], letters(3)).outcomes())

    assert relay.connections == 0
    assert all(outcome.result.is_channel_wide for outcome in outcomes)
    assert outcomes[0].result.retry_after == timedelta(seconds=2)
    assert station.health().state == "open"


def test_one_letter_tries_it_and_the_others_follow(station):
    station, relay, clock = station
    station.trip(DOWN)
    clock.now += 3
    at_first = []

    def asked():
        for letter in letters(30):
            at_first.append((letter.key, len(relay.taken), station.health().state))
            yield letter

    outcomes = list(Round([station], asked()).outcomes())

    assert all(isinstance(outcome.result, Receipt) for outcome in outcomes)
    # The second one is asked for when the first has arrived.
    assert at_first[:2] == [(0, 0, "half_open"), (1, 1, "closed")]


def test_a_try_that_fails_doubles_the_pause(station):
    station, relay, clock = station
    relay.answer = lambda moment: "421 4.3.2 Not yet" if moment.stage == "MAIL" else None
    station.trip(DOWN)
    clock.now += 3

    first, second = Round([station], letters(2)).outcomes()

    assert "421" in str(first.result)
    assert second.result.retry_after == timedelta(seconds=4)
    assert relay.connections == 1


def test_the_letter_that_tries_a_silent_relay_holds_up_no_other(station):
    second, relay, clock = station
    with Relay(answer=lambda moment: SILENCE) as mute:
        port = int(mute.url.rpartition(":")[2])
        first = Station(RelaySetting("127.0.0.1", port, command_timeout=1.0), clock, jitter=lambda: 1.0)
        first.trip(DOWN)
        clock.now += 3
        outcomes = [(outcome.key, first.health().state) for outcome in Round([first, second], letters(30)).outcomes()]

    assert [state for _, state in outcomes] == ["half_open"] * 29 + ["open"]
    assert outcomes[-1][0] == 0
    assert len(relay.taken) == 30


def test_a_caller_who_leaves_lets_the_next_try(station):
    station, _, clock = station
    station.trip(DOWN)
    clock.now += 3

    assert list(Round([station], iter(())).outcomes()) == []
    assert [type(each.result) for each in Round([station], letters(1)).outcomes()] == [Receipt]


def test_an_idle_connection_is_left_after_half_a_minute(station):
    station, relay, clock = station
    list(Round([station], letters(1)).outcomes())
    clock.now += IDLE_SECONDS + 1
    list(Round([station], letters(1, first=1)).outcomes())

    assert relay.connections == 2


def test_health_names_no_secret():
    station = Station(RelaySetting("relay.test", 25, username="me", password="s3cret"))
    station.trip(DOWN)

    assert "s3cret" not in repr(station.health())
    assert station.health().destination == "relay.test:25"
