"""Many messages at once: taken when there is room, told as they are answered, none held up by another."""

import threading
from collections.abc import Iterator

import pytest

from notifiers import (
    DeliveryError,
    Envelope,
    Message,
    Outcome,
    PermanentDeliveryError,
    Receipt,
    UncertainDeliveryError,
)
from notifiers._pool import deliver_pooled

PATIENCE = 10
WORDS = Message("reference", "subject", "text")
GONE = PermanentDeliveryError("Gone.")
DOWN = DeliveryError("The wire is down.", is_channel_wide=True)


def to(*addresses: str) -> list[Envelope]:
    return [Envelope(address, address, WORDS) for address in addresses]


class Wire:
    """A wire on which some addresses stall until they are let go, and some fail."""

    def __init__(self, *stalled: str, **fails: Exception) -> None:
        self.gates = {address: threading.Event() for address in stalled}
        self.fails = fails
        self.tried: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def __call__(self, envelope: Envelope) -> Receipt:
        address = envelope.address
        with self._lock:
            self.tried.append(address)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if gate := self.gates.get(address):
                assert gate.wait(PATIENCE)
            if error := self.fails.get(address):
                raise error
            return Receipt(address)
        finally:
            with self._lock:
                self._at_once -= 1

    def let_go(self) -> None:
        for gate in self.gates.values():
            gate.set()


def test_everybody_gets_an_outcome_of_their_own():
    wire = Wire(b=GONE)

    outcomes = {outcome.key: outcome.result for outcome in deliver_pooled(wire, to("a", "b", "c"), 2)}

    assert outcomes == {"a": Receipt("a"), "b": GONE, "c": Receipt("c")}


def test_nobody_waits_for_one_that_stalls():
    wire = Wire("stuck")

    outcomes = deliver_pooled(wire, to("stuck", *"abcdef"), 2)
    others = [next(outcomes).key for _ in range(6)]
    wire.let_go()

    assert others == list("abcdef")
    assert [outcome.key for outcome in outcomes] == ["stuck"]


def test_never_more_at_once_than_allowed():
    names = [f"n{number}" for number in range(40)]
    wire = Wire()

    assert len(list(deliver_pooled(wire, to(*names), 5))) == 40
    assert wire.most_at_once <= 5


def test_an_envelope_is_taken_only_when_there_is_room():
    wire, taken = Wire("a", "b"), []

    def feed() -> Iterator[Envelope]:
        for envelope in to("a", "b", "c", "d"):
            taken.append(envelope.key)
            if envelope.key == "b":
                threading.Timer(0.05, wire.gates["a"].set).start()
            yield envelope

    outcomes = deliver_pooled(wire, feed(), 2)
    first = next(outcomes)
    taken_by_then = list(taken)
    wire.let_go()
    list(outcomes)

    assert first.key == "a"
    assert taken_by_then == ["a", "b"]


def test_envelopes_are_taken_in_the_callers_own_thread():
    threads = set()

    def feed() -> Iterator[Envelope]:
        for envelope in to("a", "b"):
            threads.add(threading.current_thread())
            yield envelope

    list(deliver_pooled(Wire(), feed(), 2))

    assert threads == {threading.current_thread()}


def test_after_a_channel_wide_error_nothing_new_is_tried():
    wire = Wire(a=DOWN)

    outcomes = {outcome.key: outcome.result for outcome in deliver_pooled(wire, to("a", "b", "c"), 1)}

    assert wire.tried == ["a"]
    assert outcomes["a"] is DOWN
    assert [type(outcomes[key]) for key in "bc"] == [DeliveryError, DeliveryError]
    assert str(outcomes["c"]) == "The wire is down."


def test_a_fault_of_ours_costs_its_own_message_alone():
    wire = Wire(a=ZeroDivisionError("oops"))

    outcomes = {outcome.key: outcome.result for outcome in deliver_pooled(wire, to("a", "b"), 2)}

    assert isinstance(outcomes["a"], UncertainDeliveryError)
    assert outcomes["b"] == Receipt("b")


def test_a_feed_that_breaks_loses_no_answer():
    def feed() -> Iterator[Envelope]:
        yield from to("a", "b")
        raise OSError("the database is gone")

    def hear_all() -> None:
        for outcome in deliver_pooled(wire, feed(), 4):
            told.append(outcome.key)
            wire.let_go()

    wire, told = Wire("a"), []
    with pytest.raises(OSError, match="the database is gone"):
        hear_all()

    assert told == ["b", "a"]


def test_who_stops_listening_ends_the_call():
    wire = Wire()
    outcomes = deliver_pooled(wire, to(*(f"n{number}" for number in range(100))), 1)

    next(outcomes)
    outcomes.close()

    assert len(wire.tried) <= 2


class Hurried(list[Envelope]):
    """Envelopes whose giver has run out of time once `is_over`."""

    is_over = False

    def is_out_of_time(self) -> bool:
        return self.is_over


def test_what_is_unanswered_when_time_is_up_may_have_left():
    wire, asked = Wire("stuck"), Hurried(to("stuck", "a"))

    outcomes = deliver_pooled(wire, asked, 2)
    first = next(outcomes)
    asked.is_over = True
    rest = list(outcomes)
    wire.let_go()

    assert first == Outcome("a", Receipt("a"))
    assert [(outcome.key, type(outcome.result)) for outcome in rest] == [("stuck", UncertainDeliveryError)]
