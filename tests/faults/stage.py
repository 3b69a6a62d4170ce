"""A stage for one fault: an installation full of subscribers, short leases, real processes, the ledger read."""

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Self

from sqlalchemy import func, select, text, update

from statuspage.clock import utcnow
from statuspage.db import db, patiently
from statuspage.delivery.expansion import expand_next
from statuspage.models import Announcement, Attempt, Delivery, Heartbeat, Shard, Subscriber
from statuspage.vocabulary import DeliveryState
from tests.bench.place import ROOT, Place
from tests.running import kill, wait_until

LEASE = 2.0

_LAST_TRY = select(Attempt.delivery_id, func.max(Attempt.ended_at)).group_by(Attempt.delivery_id)


class Line(NamedTuple):
    """What the ledger says of one person."""

    address: str
    state: str
    attempts: int
    reason: str
    message_id: str
    # Until the next try, counted from the end of the last one.
    pause: timedelta


class Stage(Place):
    """`with Stage(tmp_path, 1000, sink.url) as stage:` is migrated and full of people; `start` runs processes."""

    def __init__(self, folder: Path, people: int, smtp_url: str, **settings: str) -> None:
        super().__init__(folder, people, smtp_url, os.environ.get("CANDOR_DATABASE_URL", ""))
        self.environment |= {"CANDOR_LEASE_SECONDS": f"{LEASE:g}", "CANDOR_RETRY_SECONDS": "1", **settings}

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        super().__exit__(*error)

    @property
    def people(self) -> set[str]:
        """Whom there is to tell."""
        return {f"reader{number}@example.com" for number in range(1, self.count + 1)}

    def start(self, *commands: str) -> None:
        """Run these commands of ours; whoever needs them at work waits for what they do."""
        for command in commands:
            with self.log.open("ab") as log:
                words = [sys.executable, "-m", "wsgi", command]
                self.processes.append(
                    subprocess.Popen(
                        words, env=self.environment, stdout=log, stderr=log, start_new_session=True, cwd=ROOT
                    )
                )

    def kill(self) -> None:
        """Kill -9 of every process at once."""
        for process in self.processes:
            kill(process)
        self.processes.clear()

    def lay_out(self) -> None:
        """Everything said is in ranges, ready to be leased."""
        with self.app.app_context():
            while expand_next(utcnow()):
                pass
            db.session.remove()

    def wait(self, announcement_id: int, patience: float = 120.0) -> None:
        """Return when everybody has been told."""
        wait_until(
            lambda: self._is_told(announcement_id), "not told in time", lambda: self.log.read_text()[-2000:], patience
        )

    @property
    def url(self) -> str:
        """Where the page answers once `web` runs."""
        return f"http://127.0.0.1:{self.port}"

    def states(self, announcement_id: int) -> Counter[str]:
        """How many lines of the ledger say what of this announcement."""
        query = select(Delivery.state, func.count()).filter_by(announcement_id=announcement_id)
        with self.app.app_context():
            found = Counter({str(state): count for state, count in db.session.execute(query.group_by(Delivery.state))})
            db.session.remove()
        return found

    def lines(self, announcement_id: int) -> dict[str, Line]:
        """The ledger of this announcement, by address."""
        query = select(Delivery, Subscriber.address).join(Delivery.subscriber)
        with self.app.app_context():
            rows = db.session.execute(query.where(Delivery.announcement_id == announcement_id)).all()
            ended = {number: at for number, at in db.session.execute(_LAST_TRY)}  # noqa: C416 - rows are not pairs
            found = {
                address: Line(
                    address, row.state.value, row.attempt_count, row.reason, row.provider_id,
                    row.due_at - ended.get(row.id, row.due_at),
                )
                for row, address in rows
            }  # fmt: skip
            db.session.remove()
        return found

    def subscribers(self, state: str) -> set[str]:
        """Whose subscription is in this state."""
        with self.app.app_context():
            found = set(db.session.scalars(select(Subscriber.address).where(Subscriber.state == state)))
            db.session.remove()
        return found

    def let_time_pass(self) -> None:
        """Whatever waits for its moment has waited long enough."""
        late = update(Delivery).where(Delivery.state == DeliveryState.PENDING, Delivery.due_at > utcnow())

        def bring_forward() -> None:
            db.session.execute(late.values(due_at=utcnow()).execution_options(synchronize_session=False))
            db.session.commit()

        with self.app.app_context():
            patiently(bring_forward)
            db.session.remove()

    def leased_shards(self, announcement_id: int) -> int:
        """How many ranges of this announcement a worker holds."""
        query = select(func.count()).select_from(Shard)
        with self.app.app_context():
            held = query.where(Shard.announcement_id == announcement_id, Shard.lease_token != "")
            found = db.session.scalar(held) or 0
            db.session.remove()
        return found

    def has_lapsed(self, announcement_id: int) -> bool:
        """Whether somebody held a range of this announcement for longer than their lease."""
        query = select(func.count()).select_from(Shard).where(Shard.announcement_id == announcement_id)
        with self.app.app_context():
            found = db.session.scalar(query.where(Shard.lease_token != "", Shard.leased_until < utcnow())) or 0
            db.session.remove()
        return found > 0

    def has_beaten_since(self, moment: datetime) -> bool:
        """Whether every process has shown its pulse since."""
        with self.app.app_context():
            seen = set(db.session.scalars(select(Heartbeat.process).where(Heartbeat.noted_at > moment)))
            db.session.remove()
        return all(any(name.endswith(f":{process.pid}") for name in seen) for process in self.processes)

    def is_written_to(self) -> bool:
        """On SQLite: whether somebody is in the middle of writing, which keeps everybody else from it."""
        file = Path(self.environment["CANDOR_INSTANCE_DIR"]) / "candor.db"
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            connection.execute("ROLLBACK")
        return False

    def sent_by(self, announcement_id: int, channel: str) -> int:
        """How many were told over this channel."""
        query = select(func.count()).select_from(Delivery).where(Delivery.state == DeliveryState.SENT)
        with self.app.app_context():
            found = db.session.scalar(query.filter_by(announcement_id=announcement_id, channel=channel)) or 0
            db.session.remove()
        return found

    def span(self, announcement_id: int, channel: str) -> tuple[datetime, datetime]:
        """When it was said, and when the last of those who were told over this channel was."""
        last = select(func.max(Delivery.settled_at)).where(Delivery.state == DeliveryState.SENT)
        with self.app.app_context():
            said = db.session.get_one(Announcement, announcement_id).created_at
            found = db.session.scalar(last.filter_by(announcement_id=announcement_id, channel=channel))
            db.session.remove()
        assert found is not None
        return said, found

    def first_since(self, announcement_id: int, moment: datetime) -> datetime | None:
        """When the first message was taken of those that were noted since; None while there is none."""
        query = select(func.min(Delivery.settled_at)).where(Delivery.settled_at > moment)
        with self.app.app_context():
            found = db.session.scalar(query.filter_by(announcement_id=announcement_id, state=DeliveryState.SENT))
            db.session.remove()
        return found

    def tries(self, begin: datetime, end: datetime, announcement_id: int | None = None) -> int:
        """How many tries that have a line of their own ended between these moments."""
        query = select(func.count()).select_from(Attempt).join(Attempt.delivery)
        within = query.where(Attempt.ended_at > begin, Attempt.ended_at <= end)
        if announcement_id is not None:
            within = within.where(Delivery.announcement_id == announcement_id)
        with self.app.app_context():
            found = db.session.scalar(within) or 0
            db.session.remove()
        return found

    def announcements(self) -> list[int]:
        """What has been said so far, in its order."""
        with self.app.app_context():
            found = list(db.session.scalars(select(Announcement.id).order_by(Announcement.id)))
            db.session.remove()
        return found

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Look into the database beside the processes, and change it."""
        with self.app.app_context(), db.engine.begin() as connection:
            found = connection.execute(text(statement))
            return [tuple(row) for row in found] if found.returns_rows else []
