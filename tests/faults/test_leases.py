"""FM-05, 11, 13, 16: whoever holds a range dies, sleeps, is cut off, or comes back to a hundred thousand."""

import os
import signal
import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import make_url

from statuspage import postgres
from statuspage.clock import utcnow
from statuspage.delivery.dispatcher import WINDOW
from tests.faults.stage import LEASE, Stage
from tests.ledger_sink import LedgerSink
from tests.relays import SILENCE, Moment, Relay
from tests.running import wait_until

# Megabytes, and seconds from the start of the processes to the first message.
MOST_MEMORY = 200
FIRST_WITHIN = 3.0
# The small one shares its machine with other tests: that it begins at all is enough.
CROWDS = [pytest.param(5_000, 20 * FIRST_WITHIN), pytest.param(100_000, FIRST_WITHIN, marks=pytest.mark.long)]


def test_who_dies_between_lease_and_connection_costs_nobody_anything(tmp_path, senders, figures):
    is_silent = True

    def answer(moment: Moment) -> str | None:
        return SILENCE if is_silent and moment.stage == "banner" else None

    with Relay(answer=answer) as relay, Stage(tmp_path, 1_000, relay.url) as stage:
        announcement = stage.publish()
        stage.start(*senders)
        wait_until(lambda: relay.connections > 0, "nobody called the relay")
        stage.kill()
        held = stage.leased_shards(announcement)
        is_silent = False
        freed_after = time.monotonic()
        stage.start(*senders)
        wait_until(lambda: len(relay.taken) > 0, "the range is not taken up again")
        freed_after = time.monotonic() - freed_after
        stage.wait(announcement)

    lost, twice = stage.people - set(relay.counts), relay.counts.total() - len(relay.counts)
    figures(lost=len(lost), duplicates=twice, taken_up_after=f"{freed_after:.1f} s")
    assert held > 0
    assert lost == set()
    assert twice == 0


def test_who_sleeps_over_a_lease_sends_nothing_that_others_have_taken_up(tmp_path, ground, figures):
    several = ground == "postgres"
    with LedgerSink(tmp_path, 0.01) as sink, Stage(tmp_path, 3_000, sink.url) as stage:
        stage.start(*(("scheduler", "worker", "worker", "worker") if several else ("engine",)))
        announcement = stage.publish()
        wait_until(lambda: len(sink.lines) > 600, "the fan-out did not get going")

        asleep = stage.processes[-2:]
        put_to_sleep(stage, asleep, within=False)
        before = len(sink.lines)
        if several:  # the one that is awake does the work of all
            stage.wait(announcement)
        else:
            wait_until(lambda: stage.has_lapsed(announcement), "the lease does not end")
        woken_at = utcnow()
        for process in asleep:
            os.kill(process.pid, signal.SIGCONT)
        stage.wait(announcement)
        wait_until(lambda: stage.has_beaten_since(woken_at), "who slept does not work again")
        states, taken = stage.states(announcement), sink.taken

    duplicates = taken.total() - len(taken)
    figures(lost=3_000 - len(taken), duplicates=duplicates, slept_at=before, slept=len(asleep))
    assert before < 3_000
    assert {address for address, _ in taken} == stage.people
    assert len(taken) == 3_000
    assert duplicates <= (WINDOW * len(asleep) if several else 0)
    assert states == {"sent": 3_000}


@pytest.mark.long_on("postgres")
@pytest.mark.parametrize(("people", "first_within"), CROWDS)
def test_a_restart_with_a_crowd_waiting_sends_at_once_and_needs_little(
    tmp_path, senders, people, first_within, figures
):
    with LedgerSink(tmp_path) as sink, Stage(tmp_path, people, sink.url) as stage:
        announcement = stage.publish()
        stage.start(*senders)
        wait_until(lambda: len(sink.lines) > people // 20, "the fan-out did not get going")
        stage.kill()
        before = len(sink.lines)

        *others, sender = senders
        started = utcnow()
        stage.start(sender)
        # The ledger's word, not the sink's: what the dead had put on the wire may still be coming in there.
        wait_until(lambda: stage.first_since(announcement, started) is not None, "nothing is sent after the restart")
        first = stage.first_since(announcement, started)
        assert first is not None
        first_after = (first - started).total_seconds()
        stage.start(*others)
        stage.wait(announcement, patience=600)
        memory = stage.memory()
        taken = sink.taken

    duplicates = taken.total() - len(taken)
    figures(lost=people - len(taken), duplicates=duplicates, waited=people - before,
            first_after=f"{first_after:.1f} s", memory=f"{memory:.0f} MB")  # fmt: skip
    assert before < people
    assert len(taken) == people
    assert duplicates <= WINDOW * max(1, senders.count("worker"))
    assert first_after < first_within
    assert memory < MOST_MEMORY


# Somebody who wrote, has not committed, and says no more.
FROZEN = """
    SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l USING (pid) JOIN pg_class c ON c.oid = l.relation
    WHERE c.relname = 'delivery' AND l.mode = 'RowExclusiveLock' AND l.granted AND a.state = 'idle in transaction'
    AND a.state_change < clock_timestamp() - interval '0.06 s'
"""


@pytest.mark.postgres
@pytest.mark.long
def test_who_falls_asleep_in_the_middle_of_writing_holds_up_nobody(tmp_path, ground, figures):
    people = 20_000
    with LedgerSink(tmp_path, 0.01) as sink, Stage(tmp_path, people, sink.url) as stage:
        stage.start("scheduler", "worker", "worker")
        announcement = stage.publish()
        wait_until(lambda: len(sink.lines) > 300, "the fan-out did not get going")
        asleep = stage.processes[-1:]
        put_to_sleep(stage, asleep, within=True)
        slept_at = utcnow()
        wait_until(lambda: stage.has_lapsed(announcement), "the lease does not end")
        wait_until(lambda: utcnow() - slept_at > 4 * timedelta(seconds=LEASE), "time stands still")
        held_up = stage.ask("SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        stage.wait(announcement)  # the one that is awake does the work of both
        missed = stage.log.read_text().count("maximum number of running instances")
        os.kill(asleep[0].pid, signal.SIGCONT)
        woken_at = utcnow()
        wait_until(lambda: stage.has_beaten_since(woken_at), "who slept does not work again")
        taken = sink.taken

    figures(lost=people - len(taken), duplicates=taken.total() - len(taken), missed_ticks=missed, held_up=len(held_up))
    assert missed == 0
    assert held_up == [], "nobody waits for the lines of the one that sleeps"
    assert len(taken) == people
    assert taken.total() - len(taken) <= WINDOW


def put_to_sleep(stage: Stage, processes, *, within: bool) -> None:
    """Stop them, in the middle of writing or outside of it, as wanted."""
    is_sqlite = stage.environment["CANDOR_DATABASE_URL"] == ""
    for number in range(400):
        for process in processes:
            os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.08)  # so that one that is only busy is told from one that is stopped
        if (stage.is_written_to() if is_sqlite else bool(stage.ask(FROZEN))) is within:
            return
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.003 + number % 7 * 0.0017)
    raise AssertionError("they could not be stopped at the right moment")


AT_A_RANGE = """
    FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND query LIKE '%shard%' AND pid <> pg_backend_pid()
"""


@pytest.mark.postgres
def test_a_connection_cut_in_the_middle_of_a_claim_costs_nothing(tmp_path, ground, figures):
    people, cuts = 6_000, 0
    with LedgerSink(tmp_path) as sink, Stage(tmp_path, people, sink.url) as stage:
        announcement = stage.publish()
        stage.lay_out()
        with nobody_claims(stage):
            stage.start("scheduler", "worker", "worker", "worker", "worker")
            for _ in range(3):
                cuts += cut(stage)
        wait_until(lambda: len(sink.lines) > people // 4, "the fan-out does not go on")
        with nobody_claims(stage):
            cuts += cut(stage)
        stage.wait(announcement)
        states, taken = stage.states(announcement), sink.taken

    figures(lost=people - len(taken), duplicates=taken.total() - len(taken), cuts=cuts)
    assert cuts >= 4
    assert Counter(address for address, _ in taken.elements()) == dict.fromkeys(stage.people, 1)
    assert states == {"sent": people}


@contextmanager
def nobody_claims(stage: Stage):
    """Whoever wants to lease a range, or to note how far they are, waits in the middle of it; reading goes on."""
    address = postgres.plain(make_url(stage.environment["CANDOR_DATABASE_URL"]))
    with psycopg.connect(address) as connection:
        connection.execute("LOCK TABLE shard IN EXCLUSIVE MODE")
        yield


def cut(stage: Stage) -> int:
    """Wait until somebody is in the middle of it, and cut them off; how many were."""
    gone: list[tuple[object, ...]] = []

    def has_cut() -> bool:
        gone.extend(stage.ask(f"SELECT pg_terminate_backend(pid) {AT_A_RANGE}"))
        return gone != []

    wait_until(has_cut, "nobody tries to claim", patience=30)
    return len(gone)
