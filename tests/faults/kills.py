"""Random kill -9 of sending processes in the middle of fan-outs, counted at a sink that writes before it answers.

`python -m tests.faults.kills --database postgres --kills 200` prints what was lost and what came twice. The workers
are forked by a server that has imported everything, so that a kill costs a lease and not a start.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from statuspage import settings, urls
from statuspage.clock import utcnow
from statuspage.db import db, relax_sqlite
from statuspage.delivery import claims, shards
from statuspage.delivery.closing import close_next
from statuspage.delivery.dispatcher import WINDOW
from statuspage.delivery.engine import Engine
from statuspage.delivery.expansion import expand_next
from statuspage.models import Announcement, Delivery
from tests.bench.place import Place
from tests.postgres import Server
from wsgi import create_app

LEASE = 2.0
PATIENCE = 120.0
# Bytes that the sink writes about the connections cut by a kill.
LAST_WORDS = 10 * len("broken\n")


@dataclass(frozen=True)
class Tally:
    """What a run came to. `window` is what one kill may make arrive twice; `broken` were cut while on the wire."""

    database: str
    seed: int
    recipients: int
    fan_outs: int
    kills: int
    lost: int
    duplicates: int
    window: int
    broken: int
    unsettled: int
    other_ids: int


def run(database: str, kills: int, recipients: int, workers: int, seed: int, seconds: float = 0.004) -> Tally:
    """Fan-outs one after the other, a worker killed every so often, until there were so many kills."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, _sink(Path(name) / "ledger", seconds) as port, _url(database) as url:
        folder = Path(name)
        with Place(folder, recipients, f"smtp://127.0.0.1:{port}?connections=10", url) as place:
            done, rounds = 0, 0
            crew = _Crew(place.environment, workers)
            try:
                with _clock(place.app):
                    while done < kills:
                        announcement = place.publish(f"Fan-out {rounds}")
                        rounds += 1
                        done += _trouble(place, crew, announcement, kills - done, chance, folder / "ledger")
            finally:
                crew.end()
            lost, unsettled = _missing(place.app, recipients * rounds)
        lines = (folder / "ledger").read_text().splitlines()
    taken = Counter(line for line in lines if line != "broken")
    by_person = Counter(line.split(" ")[0] for line in taken)
    return Tally(
        database, seed, recipients, rounds, done,
        lost=lost + recipients * rounds - len(taken),
        duplicates=sum(taken.values()) - len(taken),
        window=WINDOW,
        broken=lines.count("broken"),
        unsettled=unsettled,
        # One Message-ID for each announcement, whatever the attempt: a person has as many as there were fan-outs.
        other_ids=sum(1 for count in by_person.values() if count != rounds),
    )  # fmt: skip


class _Crew:
    """So many sending processes; whoever is killed is replaced."""

    def __init__(self, environment: Mapping[str, str], count: int) -> None:
        self.environment = dict(environment) | {"CANDOR_LEASE_SECONDS": str(LEASE), "CANDOR_RETRY_SECONDS": "1"}
        # Forked by a server that has imported everything and has no threads.
        self.context = get_context("forkserver")
        self.context.set_forkserver_preload(["wsgi", "notifiers.email", "statuspage.delivery.engine"])
        self.members = [self._begin() for _ in range(count)]

    def kill(self, chance: random.Random) -> None:
        """Kill -9 of one of them, and another in its place."""
        number = chance.randrange(len(self.members))
        self.members[number].kill()
        self.members[number].join()
        self.members[number] = self._begin()

    def end(self) -> None:
        """All are gone."""
        for member in self.members:
            member.kill()
            member.join()

    def _begin(self) -> BaseProcess:
        member = self.context.Process(target=work, args=(self.environment,), daemon=True)
        member.start()
        return member


def work(environment: Mapping[str, str]) -> None:
    """What `candor worker` does, for as long as it lives."""
    os.environ.update(environment)
    app = create_app(settings.load(log_level="error"))
    with app.app_context():
        relax_sqlite(db.engine)
        given, email = urls.settings(), app.extensions["candor.channels"]["email"]
    Engine(app, given, {"email": email}, expands=False).start()
    while True:
        time.sleep(60)


def _trouble(place: Place, crew: _Crew, announcement: int, most: int, chance: random.Random, ledger: Path) -> int:
    """Kill now and then until everybody is told; how many were killed is returned.

    The next one dies no sooner than the sink has heard from those that are left.
    """
    killed, deadline, heard = 0, time.monotonic() + PATIENCE, _heard(ledger)
    while not place._is_told(announcement):
        assert time.monotonic() < deadline, "the fan-out does not come to its end"
        if killed < most and _heard(ledger) <= heard:
            time.sleep(0.01)
            continue
        time.sleep(chance.uniform(0.1, 0.7))
        if killed < most and not place._is_told(announcement):
            crew.kill(chance)
            killed += 1
            deadline, heard = time.monotonic() + PATIENCE, _heard(ledger) + LAST_WORDS
    return killed


def _heard(ledger: Path) -> int:
    """How much the sink has written down."""
    return ledger.stat().st_size if ledger.exists() else 0


def _missing(app: Flask, owed: int) -> tuple[int, int]:
    with app.app_context():
        settled = db.session.scalars(select(Delivery.state)).all()
        unexpanded = db.session.scalars(select(Announcement.id).where(Announcement.expanded_at.is_(None))).all()
        db.session.remove()
    told = sum(state.value == "sent" for state in settled)
    return owed - told, len(settled) - told + len(unexpanded)


@contextmanager
def _clock(app: Flask) -> Iterator[None]:
    """What the scheduler does, in a thread that nobody kills: lay out, and free what was leased to the dead."""
    over = threading.Event()

    def tick() -> None:
        lease = timedelta(seconds=LEASE)
        while not over.wait(0.1):
            with app.app_context():
                try:
                    while expand_next(utcnow()) or close_next(utcnow()):
                        pass
                    claims.release_lapsed(lease, utcnow())
                    shards.release_lapsed(lease, utcnow())
                finally:
                    db.session.remove()

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def _sink(file: Path, seconds: float) -> Iterator[int]:
    words = [sys.executable, "-m", "tests.ledger_sink", str(file), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@contextmanager
def _url(database: str) -> Iterator[str]:
    if database == "sqlite":
        yield ""
        return
    with Server() as server:
        yield server.create("kills")


def main() -> None:
    """Print the tally as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--recipients", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=0, help="4 on PostgreSQL, 1 on SQLite unless told")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    workers = given.workers or (4 if given.database == "postgres" else 1)
    started = time.monotonic()
    tally = run(given.database, given.kills, given.recipients, workers, given.seed)
    print(json.dumps(asdict(tally) | {"workers": workers, "seconds": round(time.monotonic() - started)}))


if __name__ == "__main__":
    main()
