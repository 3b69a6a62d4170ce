"""The queue beside the ledger: a hint that comes and goes with the transaction, and is never more than a hint."""

import pytest
from sqlalchemy import inspect, text

from statuspage import queueing
from statuspage.db import db
from statuspage.delivery.expansion import SHARD, expand_next
from statuspage.jobs import Clock
from tests.conftest import NOON

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("app")]


def jobs():
    """What waits, as (queue, arguments)."""
    return [
        tuple(row) for row in db.session.execute(text("SELECT queue_name, args FROM procrastinate_jobs ORDER BY id"))
    ]


def forget():
    db.session.execute(text("DELETE FROM procrastinate_jobs"))
    db.session.commit()


def test_publishing_writes_one_job_in_its_own_transaction(open_incident):
    open_incident()

    assert jobs() == [("outbox", {"announcement": 1})]


def test_job_goes_with_the_transaction_that_did_not_become_true(page):
    queueing.hint_announcement(7)
    db.session.rollback()

    assert jobs() == []


def test_shards_come_in_batches_so_that_several_workers_may_join(open_incident, crowd):
    crowd((queueing.BATCH + 1) * SHARD)
    open_incident()
    forget()
    expand_next(NOON)

    assert [(queue, args["batch"]) for queue, args in jobs()] == [("email", 0), ("email", 1)]


def test_announcement_without_a_job_gets_one(app, open_incident):
    open_incident()
    forget()
    Clock(app)._sweep()
    Clock(app)._sweep()

    assert jobs() == [("outbox", {})]


def test_channel_with_work_and_without_a_job_gets_one():
    assert queueing.sweep(["email", "sms"], has_unexpanded=False) == 2
    assert queueing.sweep(["email"], has_unexpanded=False) == 0
    assert jobs() == [("email", {"channel": "email"}), ("sms", {"channel": "sms"})]


def test_nothing_due_is_no_job(app):
    Clock(app)._sweep()

    assert jobs() == []


def test_jobs_that_nobody_takes_are_dropped(open_incident):
    open_incident()
    queueing.forget_unheard()

    assert jobs() == []


def test_jobs_wait_for_a_worker_that_is_there(open_incident):
    db.session.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())"))
    open_incident()
    queueing.forget_unheard()

    assert queueing.census() == (1, 1)


def test_queue_that_is_broken_keeps_nobody_from_publishing(open_incident):
    db.session.execute(text("DROP FUNCTION procrastinate_defer_jobs_v1 CASCADE"))
    db.session.commit()

    assert open_incident().sequence == 1


def test_database_without_a_queue_is_one_without_hints(open_incident, monkeypatch):
    monkeypatch.setattr(queueing, "_looked_at", {})
    for table in ("periodic_defers", "events", "jobs", "workers"):
        db.session.execute(text(f"DROP TABLE procrastinate_{table} CASCADE"))
    db.session.commit()

    assert not queueing.is_on()
    assert open_incident().sequence == 1
    queueing._looked_at.clear()


def test_installing_again_changes_nothing():
    before = inspect(db.engine).get_table_names()
    queueing.install(db.engine)

    assert inspect(db.engine).get_table_names() == before
    assert queueing.is_on()


def test_installing_a_newer_queue_takes_only_the_steps_that_are_new(monkeypatch, tmp_path):
    (tmp_path / "03.00.00_01_old.sql").write_text("SELECT 1/0")
    (tmp_path / "98.00.00_01_new.sql").write_text("CREATE TABLE procrastinate_new (id int); SELECT '%s'")
    (tmp_path / "99.00.00_01_newer.sql").write_text("ALTER TABLE procrastinate_new ADD more int")
    monkeypatch.setattr("procrastinate.schema.migrations_path", tmp_path)
    queueing.install(db.engine)
    queueing.install(db.engine)

    assert [column["name"] for column in inspect(db.engine).get_columns("procrastinate_new")] == ["id", "more"]


def test_queue_that_cannot_be_installed_stops_nobody(monkeypatch, tmp_path):
    (tmp_path / "99.00.00_01_new.sql").write_text("NONSENSE")
    monkeypatch.setattr("procrastinate.schema.migrations_path", tmp_path)
    queueing.install(db.engine)

    assert queueing.is_on()
