"""FM-01, 15: the machine goes while an update is being published. It is there as a whole or not at all."""

import json
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

import pytest

from statuspage import api_keys, components, pages, publishing
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import IncidentDraft, UpdateDraft
from statuspage.vocabulary import ComponentStatus, IncidentStatus, IncidentType, Scope, Severity
from tests.bench.place import BODY, BY, ROOT
from tests.faults.stage import Stage
from tests.ledger_sink import LedgerSink
from tests.running import wait_until

PEOPLE = 200
TITLE = "Card payments fail in Europe"
BLOCK = 512

# In the middle of publishing the database takes long: the update is written, its announcement almost.
_NUMBERS = "n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e9)"
DAWDLE = {
    "sqlite": (
        f"CREATE VIEW long AS WITH RECURSIVE {_NUMBERS} SELECT count(*) AS c FROM n",
        "CREATE TRIGGER dawdle AFTER INSERT ON announcement BEGIN SELECT c FROM long; END",
    ),
    "postgres": (
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NEW; END'",
        "CREATE TRIGGER dawdle AFTER INSERT ON announcement FOR EACH ROW EXECUTE FUNCTION dawdle()",
    ),
}  # fmt: skip
HURRY = {
    "sqlite": ("DROP TRIGGER dawdle", "DROP VIEW long"),
    "postgres": ("DROP TRIGGER dawdle ON announcement", "DROP FUNCTION dawdle"),
}
ASLEEP = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


@pytest.mark.long_on("postgres")
def test_web_killed_before_its_commit_has_said_nothing_and_the_same_request_says_it_once(
    tmp_path, ground, senders, figures
):
    with LedgerSink(tmp_path) as sink, Stage(tmp_path, PEOPLE, sink.url) as stage:
        page, key = page_and_key(stage)
        for statement in DAWDLE[ground]:
            stage.ask(statement)
        stage.start("web")
        wait_until(lambda: read(stage, "/readyz") != "", "the page does not answer")
        asking = threading.Thread(target=publish, args=[stage, page, key])
        asking.start()
        wait_until(lambda: is_in_the_middle(stage, ground), "nothing is being published")
        stage.kill()
        asking.join()

        for statement in HURRY[ground]:
            stage.ask(statement)
        stage.start("web", *senders)
        wait_until(lambda: read(stage, "/readyz") != "", "the page does not answer after the kill")
        heard = stage.announcements()
        shown = [path for path in ("/", "/history", "/history.atom", "/api/v2/incidents.json")
                 if TITLE in read(stage, path)]  # fmt: skip
        first, second = publish(stage, page, key), publish(stage, page, key)
        wait_until(lambda: len(stage.announcements()) == 1, "it was not published")
        [announcement] = stage.announcements()
        stage.wait(announcement)
        taken = sink.taken

    figures(lost=PEOPLE - len(taken), duplicates=taken.total() - len(taken))
    assert heard == []
    assert shown == []
    assert first == second != ""
    assert {address for address, _ in taken} == stage.people
    assert set(taken.values()) == {1}


@pytest.mark.sqlite
def test_file_cut_anywhere_within_the_last_commit_holds_all_of_the_publish_or_nothing(tmp_path, ground, figures):
    with Stage(tmp_path, PEOPLE, "") as stage:
        file = tmp_path / "instance" / "candor.db"
        with stage.app.app_context():
            api = components.add(pages.first(), "API", BY, utcnow())
            db.session.rollback()
            with db.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            first = UpdateDraft(IncidentStatus.INVESTIGATING, BODY, {api: ComponentStatus.MAJOR_OUTAGE})
            draft = IncidentDraft(TITLE, IncidentType.OUTAGE, Severity.SEV2, first)
            publishing.open_incident(pages.first(), draft, BY, utcnow(), key="the form's own")
            db.session.remove()
        whole, log = file.read_bytes(), file.with_name("candor.db-wal").read_bytes()

    cuts = sorted({*range(0, len(log), BLOCK), len(log)})
    found = [what_a_copy_holds(tmp_path / "copy.db", whole, log[:cut]) for cut in cuts]
    nothing, everything = found[0], found[-1]
    figures(cuts=len(cuts), held_all=found.count(everything), held_nothing=found.count(nothing))
    assert {name for name in everything if everything[name] != nothing[name]} >= {
        "announcement", "audit_entry", "component", "idempotency_key", "incident", "incident_update", "page",
    }  # fmt: skip
    assert len(log) > BLOCK
    assert all(each in (nothing, everything) for each in found)
    # And in their order: once it is there, nothing written later takes it away.
    assert found == [nothing] * found.count(nothing) + [everything] * found.count(everything)


@pytest.mark.sqlite
@pytest.mark.long
def test_publish_is_on_the_disk_before_anybody_hears_of_it(tmp_path, ground, figures):
    with Stage(tmp_path, PEOPLE, "") as stage:
        words = [sys.executable, "-m", "wsgi", "incident", "open", "--title", TITLE, "--body", BODY]
        subprocess.run(
            ["strace", "-f", "-y", "-s", "32", "-e", "trace=pwrite64,fdatasync,fsync,write", "-o", tmp_path / "calls",
             *words],
            env=stage.environment, check=True, capture_output=True, cwd=ROOT,
        )  # fmt: skip
    calls = (tmp_path / "calls").read_text(errors="replace").splitlines()
    written = max(number for number, call in enumerate(calls) if "pwrite64" in call and "candor.db-wal" in call)
    synced = max(number for number, call in enumerate(calls) if "sync(" in call and "candor.db-wal" in call)
    answered = next(number for number, call in enumerate(calls) if " write(1<" in call)

    figures(calls=f"written {written}, synced {synced}, answered {answered}")
    assert written < synced < answered


def page_and_key(stage: Stage) -> tuple[str, str]:
    with stage.app.app_context():
        page = pages.first()
        _, key = api_keys.add(page, "faults", (Scope.PUBLISH,), BY, utcnow())
        found = page.public_id
        db.session.remove()
    return found, key


def publish(stage: Stage, page: str, key: str) -> str:
    """The same request each time, with the same key; the id of what it made, or nothing."""
    body = {"incident": {"name": TITLE, "status": "investigating", "body": BODY}}
    asked = urllib.request.Request(
        f"{stage.url}/v1/pages/{page}/incidents.json",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"OAuth {key}",
            "Content-Type": "application/json",
            "Idempotency-Key": "one-and-the-same",
        },
        method="POST",
    )
    with suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(asked, timeout=30) as answer:
        return str(json.load(answer)["id"])
    return ""


def read(stage: Stage, path: str) -> str:
    gone = (urllib.error.URLError, ConnectionError, TimeoutError)
    with suppress(*gone), urllib.request.urlopen(stage.url + path, timeout=10) as answer:
        return str(answer.read(), "utf-8")
    return ""


def is_in_the_middle(stage: Stage, database: str) -> bool:
    """Whether somebody is at it: on SQLite, whoever writes keeps everybody else from writing."""
    if database == "postgres":
        return stage.ask(ASLEEP) != []
    return stage.is_written_to()


def what_a_copy_holds(file: Path, whole: bytes, log: bytes) -> dict[str, list[tuple[object, ...]]]:
    """Every row of a database that was left with so much of its log."""
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    file.write_bytes(whole)
    file.with_name(f"{file.name}-wal").write_bytes(log)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
