"""An installation for benchmarks: its subscribers written by the million, its processes real."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from flask import Flask
from sqlalchemy import select, text

from statuspage import pages, publishing, schema, settings
from statuspage.audit import Actor
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.delivery.receipts import progress
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.models import Announcement
from statuspage.vocabulary import IncidentStatus, IncidentType, Severity
from tests.doubles import free_port
from tests.running import wait_until
from wsgi import create_app

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 900.0
BODY = "Card payments fail for some customers in Europe. We have found the cause and are mending it."
BY = Actor(None, "bench")

_CROWD = """
INSERT INTO subscriber (public_id, page_id, channel, address, address_key, state, level, salt, code_attempts,
                        contact, secret_version, consent, consent_network, state_reason, confirmed_at,
                        state_changed_at, created_at)
SELECT 's' || substr('00000000000' || i, -11), {page}, 'email', 'reader' || i || '@example.com',
       'reader' || i || '@example.com', 'confirmed', 'every_update', 'b' || substr('00000000000' || i, -11), 0,
       '', 1, 'bench', '', '', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00'
FROM n
"""
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, {count}))",
}


class Place:
    """`with Place(folder, 1_000, smtp_url) as place:` is migrated and full of subscribers; `start` runs processes."""

    def __init__(self, folder: Path, subscribers: int, smtp_url: str = "", database_url: str = "") -> None:
        self.port = free_port()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")} | {
            "CANDOR_INSTANCE_DIR": str(folder / "instance"),
            "CANDOR_DATABASE_URL": database_url,
            "CANDOR_PORT": str(self.port),
            "CANDOR_LOG_LEVEL": "warning",
            "CANDOR_HOLD_SECONDS": "0",
            "CANDOR_API_REQUESTS_PER_MINUTE": "1000000",
            "CANDOR_MAIL_FROM": "status@example.com",
            "CANDOR_SMTP_URL": smtp_url,
        }
        self.count, self.log = subscribers, folder / "candor.log"
        self.commands: list[str] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        given = {
            name.removeprefix("CANDOR_").lower(): value
            for name, value in self.environment.items()
            if name.startswith("CANDOR_") and value
        }
        self.app: Flask = create_app(settings.load(**given | {"log_level": "error"}))
        with self.app.app_context():
            schema.upgrade(utcnow())
            self._gather()
            db.session.remove()
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        with self.app.app_context():
            db.engine.dispose()

    def start(self, *commands: str) -> None:
        """Run these commands of ours, and wait until each of them works."""
        for command in commands:
            with self.log.open("ab") as log:
                words = [sys.executable, "-m", "wsgi", command]
                process = subprocess.Popen(
                    words, env=self.environment, stdout=log, stderr=log, start_new_session=True, cwd=ROOT
                )
            self.commands.append(command)
            self.processes.append(process)
        wait_until(self._all_beat, "the processes did not start", lambda: self.log.read_text()[-2000:])

    def publish(self, title: str = "Card payments fail in Europe") -> int:
        """Open an incident that everybody is to be told of; the announcement's number."""
        with self.app.app_context():
            first = UpdateDraft(IncidentStatus.INVESTIGATING, BODY)
            draft = IncidentDraft(title, IncidentType.OUTAGE, Severity.SEV2, first)
            publishing.open_incident(pages.first(), draft, BY, utcnow())
            number: int = db.session.scalars(select(Announcement.id).order_by(Announcement.id.desc())).first() or 0
            db.session.remove()
        return number

    def wait(self, announcement_id: int) -> None:
        """Return when everybody has been told."""
        deadline = time.monotonic() + PATIENCE
        while not self._is_told(announcement_id):
            assert time.monotonic() < deadline, f"not told in time: {self.log.read_text()[-2000:]}"
            time.sleep(0.25)

    def figures(self, announcement_id: int) -> tuple[float, float, int]:
        """Seconds from the publish to the first and to the last message taken, and how many were taken."""
        query = text(
            "SELECT a.created_at, min(d.settled_at), max(d.settled_at), count(*) FROM announcement a"
            " JOIN delivery d ON d.announcement_id = a.id AND d.state = 'sent' WHERE a.id = :of GROUP BY a.created_at"
        )
        with self.app.app_context(), db.engine.connect() as connection:
            said, first, last, taken = connection.execute(query, {"of": announcement_id}).one()
        return _seconds(said, first), _seconds(said, last), taken

    def memory(self) -> float:
        """The most megabytes that the sending process had in memory."""
        status = Path(f"/proc/{self.processes[-1].pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def cpu_seconds(self) -> float:
        """What the sending process has used of a core so far."""
        fields = Path(f"/proc/{self.processes[-1].pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _gather(self) -> None:
        dialect, page = db.engine.dialect.name, pages.first().id
        db.session.rollback()
        if not self.count:
            return
        crowd = _CROWD.format(page=page)
        if dialect == "postgresql":
            crowd = crowd.replace("substr('00000000000' || i, -11)", "lpad(i::text, 11, '0')").replace(
                "'2026-01-01 00:00:00'", "timestamptz '2026-01-01 00:00:00+00'"
            )
        numbers = _NUMBERS[dialect].format(count=self.count)
        insert, rows = crowd.split("SELECT", 1)
        whole = f"{numbers} {insert} SELECT {rows}" if dialect == "sqlite" else f"{insert} {numbers} SELECT {rows}"
        db.session.execute(text(whole))
        db.session.execute(text("INSERT INTO subscription (subscriber_id) SELECT id FROM subscriber"))
        db.session.commit()

    def _all_beat(self) -> bool:
        """Whether every process that sends has shown its pulse, and the page answers where there is one."""
        if any(process.poll() is not None for process in self.processes):
            raise AssertionError(f"a process ended: {self.log.read_text()[-2000:]}")
        with self.app.app_context(), db.engine.connect() as connection:
            beating = {name for (name,) in connection.execute(text("SELECT DISTINCT process FROM heartbeat"))}
        return all(
            self._answers() if command == "web" else any(name.endswith(f":{process.pid}") for name in beating)
            for command, process in zip(self.commands, self.processes, strict=True)
        )

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _is_told(self, announcement_id: int) -> bool:
        with self.app.app_context():
            announcement = db.session.get_one(Announcement, announcement_id)
            found = progress(announcement)
            db.session.remove()
        return found.is_expanded and found.waiting == 0


def own_cpu_seconds() -> float:
    """What this process has used of a core so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def median_of(figures: Sequence[float]) -> float:
    """The middle one."""
    return sorted(figures)[len(figures) // 2]


def _seconds(earlier: Any, later: Any) -> float:
    from datetime import datetime

    first, second = (datetime.fromisoformat(each) if isinstance(each, str) else each for each in (earlier, later))
    return float((second - first).total_seconds())
