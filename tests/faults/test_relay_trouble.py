"""FM-19, 21, 24: a relay that puts off, refuses and breaks off. Each row ends where it should."""

from datetime import timedelta

import pytest

from statuspage.delivery.owed import ASK_AGAIN_AFTER
from tests.faults.stage import Stage
from tests.ledger_sink import Fate, LedgerSink, Trouble
from tests.running import wait_until

GREYLISTED = timedelta(minutes=1)
SIZES = [1_000, pytest.param(5_000, marks=pytest.mark.long)]


@pytest.mark.parametrize("people", SIZES)
def test_whatever_a_relay_answers_every_row_ends_in_its_own_state(tmp_path, senders, people, seed, figures):
    trouble = Trouble(seed, later=0.30, refused=0.05, dropped=0.01)
    with LedgerSink(tmp_path, trouble=trouble) as sink, Stage(tmp_path, people, sink.url) as stage:
        of = {fate: {each for each in stage.people if trouble.fate(each) is fate} for fate in Fate}
        stage.start(*senders)
        first = stage.publish()
        wait_until(lambda: stage.states(first).total() == people, "not everybody was tried once")
        wait_until(lambda: not stage.states(first)["leased"], "a lease is left")
        waiting = {address: line for address, line in stage.lines(first).items() if line.state == "pending"}

        stage.let_time_pass()
        stage.wait(first)
        told = sink.taken
        lines = stage.lines(first)
        second = stage.publish("Another thing altogether")
        stage.wait(second)
        asked_again = sink.met(Fate.REFUSED)
        quarantined = stage.subscribers("quarantined")
        states = stage.states(second)

    reached = {address for address, _ in told}
    lost = stage.people - of[Fate.REFUSED] - reached
    duplicates = told.total() - len(told) + sum(1 for pair in sink.dropped if pair in told)
    figures(lost=len(lost), duplicates=duplicates, **{fate.value: len(each) for fate, each in of.items() if each})

    # While they waited: greylisted a minute at least, and said so; whoever may have got it, ten minutes.
    assert set(waiting) == of[Fate.LATER] | of[Fate.DROPPED]
    assert all(waiting[each].pause >= GREYLISTED for each in of[Fate.LATER])
    assert all("Greylisted" in waiting[each].reason for each in of[Fate.LATER])
    assert {waiting[each].pause for each in of[Fate.DROPPED]} <= {ASK_AGAIN_AFTER}
    # In the end.
    assert {address: (line.state, line.attempts) for address, line in lines.items()} == {
        **dict.fromkeys(of[Fate.TAKEN], ("sent", 1)),
        **dict.fromkeys(of[Fate.LATER], ("sent", 2)),
        **dict.fromkeys(of[Fate.DROPPED], ("sent", 2)),
        **dict.fromkeys(of[Fate.REFUSED], ("failed", 1)),
    }
    assert lost == set()
    assert set(told.values()) == {1}
    assert len(told) == len(reached)
    assert sink.dropped.keys() <= told.keys(), "a second try bore another Message-ID"
    assert {address for address, _ in sink.dropped} == of[Fate.DROPPED]
    assert duplicates == len(of[Fate.DROPPED])
    # Whoever was refused is never tried again.
    assert asked_again == dict.fromkeys(of[Fate.REFUSED], 1)
    assert quarantined == of[Fate.REFUSED]
    assert states == {"sent": people - len(of[Fate.REFUSED])}
