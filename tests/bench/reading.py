"""The public page while a fan-out runs beside it: readers should hardly notice."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from statuspage.clock import utcnow
from tests.bench.place import ROOT, Place, median_of
from tests.bench.rows import Row
from tests.bench.wire import sink

MAILS, RATE, SECONDS, RUNS = 100_000, 200, 10.0, 3
MOST = 3.0
Taken = list[tuple[float, float]]


def page_during_fanout(scale: float) -> list[Row]:
    """The slowest of a hundred readers while everybody is being told, against a page with nothing else to do."""
    count, seconds = max(2_000, int(MAILS * scale)), max(2.0, SECONDS * scale)
    idle, busy, ratios, mails = [], [], [], 0
    with sink() as port, tempfile.TemporaryDirectory() as folder, Place(
        Path(folder), count, f"smtp://127.0.0.1:{port}?connections=10"
    ) as place:  # fmt: skip
        place.start("web", "engine")
        place.wait(place.publish("A first one, to warm up"))
        _read(place, seconds / 2)
        for run in range(RUNS):
            idle.append(_p99(_read(place, seconds)))
            taken, told = _read_during_fanouts(place, seconds, f"Payments fail, {run}")
            busy.append(_p99(taken))
            ratios.append(busy[-1] / idle[-1])
            mails += told * count
            print(f"  idle {idle[-1]:.1f} ms, during {told} fan-outs {busy[-1]:.1f} ms of {len(taken)} pages")
    reference, ratio = median_of(idle), median_of(ratios)
    what = (
        f"p99 of the page at {RATE}/s on a fixed schedule while {count} mails go out again and again, SQLite, 2 web "
        f"workers, one engine; against the same without mails; pairs, medians of {RUNS}"
    )
    return [
        Row("page_during_fanout", what, reference * ratio, "ms", reference, f"ratio at most {MOST:g}", ratio <= MOST)
    ]


def _read_during_fanouts(place: Place, seconds: float, title: str) -> tuple[Taken, int]:
    """Publish one after the other while readers come; what those met who came between a publish and its last mail."""
    spans: list[tuple[float, float]] = []
    readers = _readers(place, seconds)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        said_at = utcnow().timestamp()
        announcement = place.publish(f"{title}.{len(spans)}")
        place.wait(announcement)
        _, last, told = place.figures(announcement)
        assert told == place.count, f"{told} of {place.count} were told"
        spans.append((said_at, said_at + last))
    taken = _answer_of(readers)
    return [each for each in taken if any(begin <= each[0] <= end for begin, end in spans)], len(spans)


def _read(place: Place, seconds: float) -> Taken:
    return _answer_of(_readers(place, seconds))


def _readers(place: Place, seconds: float) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.bench.readers", f"http://127.0.0.1:{place.port}/", str(RATE), str(seconds)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _answer_of(readers: subprocess.Popen[str]) -> Taken:
    printed, _ = readers.communicate()
    assert readers.returncode == 0, "a reader was not answered"
    return [(moment, took) for moment, took in json.loads(printed)]


def _p99(taken: Sequence[tuple[float, float]]) -> float:
    """Milliseconds."""
    times = sorted(took for _, took in taken)
    return times[int(len(times) * 0.99)] * 1000
