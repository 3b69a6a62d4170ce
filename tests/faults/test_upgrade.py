"""FM-17: an upgrade of the schema is killed at any moment. What is left is the old one or the new one, and whole."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text

from statuspage import schema
from statuspage.db import db
from tests.bench.place import ROOT
from tests.faults.stage import Stage
from tests.running import kill, wait_until

OLD = "0001"
SIZES = [(2_000, 2), pytest.param(50_000, 12, marks=pytest.mark.long)]
# Tables that upgrades change early, in the middle and late: where one is read, PostgreSQL's upgrade waits in front.
STATIONS = ("announcement", "incident", "subscriber")
BLOCKED = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ALTER TABLE%'"


@pytest.mark.long_on("postgres")
@pytest.mark.parametrize(("people", "kills"), SIZES)
def test_upgrade_killed_at_any_moment_is_done_or_not_begun(tmp_path, empty_database, people, kills, seed, figures):
    chance, left = random.Random(seed), []
    kill_it = kill_where_it_waits if empty_database == "postgres" else kill_while_it_writes
    with Stage(tmp_path, people, "") as stage:
        new = shape(stage)
        go_back(stage)
        old = shape(stage)
        for number in range(kills):
            kill_it(stage, number, chance)
            found = shape(stage)
            left.append({new: "new", old: "old"}.get(found, "half"))
            if found == new:
                go_back(stage)

        refused = serve_as_it_is(stage)
        stage.start("web")
        wait_until(lambda: shape(stage) == new, "the next start does not finish what was begun")
        survivors = len(stage.subscribers("confirmed"))
        copies = [people_in(copy) for copy in (tmp_path / "instance").glob("candor.before-*.db")]

    figures(left=", ".join(left))
    assert set(left) <= {"old", "new"}
    assert "old" in left, "no kill landed in the middle"
    assert "CANDOR_AUTO_MIGRATE" in refused
    assert survivors == people
    # A copy that was cut short has no name that anybody would restore.
    assert set(copies) <= {people}


def kill_where_it_waits(stage: Stage, number: int, _chance: random.Random) -> None:
    """On PostgreSQL: in front of a table that somebody reads, with all that came before it done in its transaction."""
    table = STATIONS[number % len(STATIONS)]
    with stage.app.app_context(), db.engine.connect() as reader:
        reader.execute(text(f"LOCK TABLE {table} IN ACCESS SHARE MODE"))
        process = upgrade(stage)
        wait_until(lambda: stage.ask(BLOCKED) != [], f"the upgrade does not come to {table}")
        kill(process)


def kill_while_it_writes(stage: Stage, _number: int, chance: random.Random) -> None:
    """On SQLite: so many milliseconds after it has begun to write."""
    process = upgrade(stage)
    while not stage.is_written_to() and process.poll() is None:
        pass
    time.sleep(chance.uniform(0, 0.2))
    kill(process)


def shape(stage: Stage) -> str:
    """The schema as it is: version, tables, columns and indexes."""
    with stage.app.app_context():
        look = inspect(db.engine)
        found = {
            name: (sorted(column["name"] for column in look.get_columns(name)),
                   sorted(str(index["name"]) for index in look.get_indexes(name)))
            for name in look.get_table_names() if schema.is_ours(name, "table", {})
        }  # fmt: skip
        said = json.dumps([schema.current(), found], sort_keys=True)
        if db.engine.dialect.name == "sqlite":
            with db.engine.connect() as connection:
                assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        db.engine.dispose()
    return said


def go_back(stage: Stage) -> None:
    """As if nobody had upgraded yet."""
    with stage.app.app_context():
        command.downgrade(schema._config(), OLD)
        db.session.remove()
        db.engine.dispose()


def upgrade(stage: Stage) -> subprocess.Popen[bytes]:
    """`candor db upgrade`, at work."""
    words = [sys.executable, "-m", "wsgi", "db", "upgrade"]
    with stage.log.open("ab") as log:
        return subprocess.Popen(words, env=stage.environment, stdout=log, stderr=log, start_new_session=True, cwd=ROOT)


def people_in(copy: Path) -> int:
    """How many subscribers a copy of an SQLite file holds."""
    with closing(sqlite3.connect(copy)) as connection:
        return int(connection.execute("SELECT count(*) FROM subscriber").fetchone()[0])


def serve_as_it_is(stage: Stage) -> str:
    """What `web` says that may not upgrade, and finds the old schema."""
    done = subprocess.run(
        [sys.executable, "-m", "wsgi", "web"], env=stage.environment | {"CANDOR_AUTO_MIGRATE": "0"},
        capture_output=True, text=True, check=False, timeout=60, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode != 0
    return done.stderr
