"""The whole way of an update: published, laid out, sent with the ledger written, against Debian's own generator."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.place import Place, median_of
from tests.bench.rows import Row
from tests.bench.wire import LOOP_SAMPLE, channel, seconds_of_loop, seconds_of_source, sink, slow_sink
from tests.postgres import Server

MAILS, MANY, FEW = 100_000, 1_000_000, 10_000
RUNS = 3
SLOW_SECONDS, SLOW_CONNECTIONS = 0.05, 50


def fanout_sqlite(scale: float) -> list[Row]:
    """Mails a second from the publish to the last line in the ledger, on SQLite, in one engine."""
    count = max(2_000, int(MAILS * scale))
    with sink() as port, tempfile.TemporaryDirectory() as folder, _place(folder, count, port) as place:
        place.start("engine")
        place.wait(place.publish("A first one, to warm up"))
        first, rates, source, loops = [], [], [], []
        for run in range(RUNS):
            source.append(count / seconds_of_source(port, count))
            reached, told, taken = _tell(place, f"Payments fail, {run}")
            assert taken == count, f"{taken} of {count} were told"
            first.append(reached)
            rates.append(count / told)
            loops.append(LOOP_SAMPLE / seconds_of_loop(port, channel(port), LOOP_SAMPLE))
    ours, reference, loop = median_of(rates), median_of(source), median_of(loops)
    what = f"{count} personal mails with ledger, leases and lanes, SQLite, one engine, window 50; publish to last line"
    return [
        Row("fanout_sqlite", f"{what}; against smtp-source -s 10 -d on the same sink, medians of {RUNS}", ours, "1/s",
            reference, "ratio at least 1.0", ours / reference >= 1.0),
        Row("fanout_vs_loop", f"{what}; against a Flask-Mail style loop (sample of {LOOP_SAMPLE}, extrapolated)", ours,
            "1/s", loop, "ratio at least 50", ours / loop >= 50),
        Row("first_message", f"publish to the first message taken, {count} subscribers, no hold; reference: the goal",
            median_of(first), "s", 1.0, "at most 1 s", median_of(first) <= 1.0),
    ]  # fmt: skip


def fanout_postgres(scale: float) -> list[Row]:
    """The same on PostgreSQL: a scheduler and two workers on the queue."""
    count = max(2_000, int(MAILS * scale))
    with (
        Server() as server, sink() as port, tempfile.TemporaryDirectory() as folder,
        _place(folder, count, port, server.create("bench")) as place,
    ):  # fmt: skip
        place.start("scheduler", "worker", "worker")
        place.wait(place.publish("A first one, to warm up"))
        rates, source = [], []
        for run in range(RUNS):
            source.append(count / seconds_of_source(port, count))
            _, told, taken = _tell(place, f"Payments fail, {run}")
            assert taken == count, f"{taken} of {count} were told"
            rates.append(count / told)
    ours, reference = median_of(rates), median_of(source)
    what = f"{count} personal mails, PostgreSQL (fsync off), scheduler and two workers on Procrastinate, window 50 each"
    return [
        Row("fanout_postgres", f"{what}; against smtp-source -s 10 -d on the same sink, medians of {RUNS}", ours, "1/s",
            reference, "ratio at least 0.8", ours / reference >= 0.8),
    ]  # fmt: skip


def flat(scale: float) -> list[Row]:
    """What a message costs, and what the sender needs in memory, with many subscribers against few."""
    many, few = max(20_000, int(MANY * scale)), max(2_000, int(FEW * scale))
    costs, memories = {}, {}
    for count in (few, many):
        with sink() as port, tempfile.TemporaryDirectory() as folder, _place(folder, count, port) as place:
            place.start("engine")
            place.wait(place.publish("A first one, to warm up"))
            before, seen = place.cpu_seconds(), []
            for number in range(RUNS if count == few else 1):
                first, told, taken = _tell(place, f"Payments fail {number}")
                assert taken == count, f"{taken} of {count} were told"
                seen.append((told - first) / count * 1e6)
            costs[count] = median_of(seen)
            memories[count] = place.memory()
            print(f"  {count}: {(place.cpu_seconds() - before) / count / len(seen) * 1e6:.1f} us of CPU a message")
    return [
        Row("cost_flat",
            f"microseconds a message, {many} against {few} subscribers (second publish; of the few, median of {RUNS})",
            costs[many], "us", costs[few], "ratio at most 1.2", costs[many] / costs[few] <= 1.2),
        Row("memory_flat", f"most resident memory of the sending process, {many} against {few} subscribers",
            memories[many], "MB", memories[few], "ratio at most 1.1, at most 150 MB",
            memories[many] / memories[few] <= 1.1 and memories[many] <= 150),
    ]  # fmt: skip


def slow_relay_fanout(scale: float) -> list[Row]:
    """A relay that takes 50 ms a message, fifty connections: the whole way keeps them all busy."""
    count = max(2_000, int(20_000 * scale))
    bound = SLOW_CONNECTIONS / SLOW_SECONDS
    with (
        slow_sink() as port, tempfile.TemporaryDirectory() as folder,
        _place(folder, count, port, connections=SLOW_CONNECTIONS) as place,
    ):  # fmt: skip
        place.start("engine")
        first, told, taken = _tell(place, "Payments fail")
    assert taken == count, f"{taken} of {count} were told"
    rate = count / (told - first)
    what = f"{count} mails over {SLOW_CONNECTIONS} connections, 50 ms each, whole way; against connections / latency"
    return [Row("slow_relay", what, rate, "1/s", bound, "ratio at least 0.9", rate / bound >= 0.9)]


def _tell(place: Place, title: str) -> tuple[float, float, int]:
    announcement = place.publish(title)
    place.wait(announcement)
    return place.figures(announcement)


@contextmanager
def _place(folder: str, count: int, port: int, database: str = "", connections: int = 10) -> Iterator[Place]:
    with Place(Path(folder), count, f"smtp://127.0.0.1:{port}?connections={connections}", database) as place:
        yield place
