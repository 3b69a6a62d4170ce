"""Several machines over one PostgreSQL: whichever of them goes, each thing is done once."""

from collections import Counter

import psycopg
import pytest

from tests.doubles import SmtpSink
from tests.faults.test_kill import subscribe_many
from tests.running import SEVERAL, Running, kill, wait_until

pytestmark = pytest.mark.postgres

CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
SCHEDULERS = [number for number, command in enumerate(SEVERAL) if command == "scheduler"]


def ask(candor: Running, statement: str):
    """Look into the database beside the processes."""
    address = candor.environment["CANDOR_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def leader(candor: Running) -> int:
    """Which of the processes keeps the clock."""
    [(owner,)] = ask(candor, "SELECT owner FROM lease WHERE name = 'clock'")
    return next(number for number in SCHEDULERS if owner.endswith(f":{candor.processes[number].pid}"))


def has_leader(candor: Running) -> bool:
    try:
        return leader(candor) is not None
    except (StopIteration, ValueError):
        return False


def reminders(sink: SmtpSink) -> Counter[tuple[str, str]]:
    """Who was reminded of what, and how often."""
    return Counter((mail["To"], mail["Subject"]) for mail in sink.mails() if "Update" in mail["Subject"])


def test_two_schedulers_four_workers_and_a_leader_that_dies_remind_everybody_once(tmp_path, empty_database):
    with SmtpSink() as sink, Running(tmp_path, SEVERAL, CANDOR_SMTP_URL=sink.url) as candor:
        people = [f"lead{number}@example.com" for number in range(3)]
        for person in people:
            candor.command("user", "add", "--email", person, "--role", "comms_lead")
        candor.command("policy", "set", "--severity", "sev1", "--first", "14s", "--interval", "14s", "--lead", "7s")
        wait_until(lambda: has_leader(candor), "nobody keeps the clock")
        candor.command("incident", "open", "--title", "Lights out", "--severity", "sev1",
                       "--status", "investigating", "--body", "We are looking into it.")  # fmt: skip
        wait_until(lambda: len(reminders(sink)) >= len(people), "the first reminder did not come")

        gone = leader(candor)
        kill(candor.processes[gone])
        wait_until(lambda: has_leader(candor) and leader(candor) != gone, "nobody took over", patience=20)
        wait_until(lambda: len(reminders(sink)) >= 2 * len(people), "the second reminder did not come")
        candor.replace(gone)
        wait_until(lambda: not unsettled(candor), "the ledger is not settled")

    told = reminders(sink)
    assert set(told.values()) == {1}
    assert Counter(person for person, _ in told) == dict.fromkeys(people, 2)


def unsettled(candor: Running):
    return ask(candor, "SELECT 1 FROM delivery WHERE state IN ('pending', 'leased') AND due_at < now()")


def publish(candor: Running) -> str:
    return candor.command("incident", "open", "--title", "Lights out", "--severity", "sev1",
                          "--status", "investigating", "--body", "We are looking into it.")  # fmt: skip


def test_connections_cut_in_the_middle_of_a_fan_out_cost_nothing(tmp_path, empty_database):
    with SmtpSink() as sink, Running(tmp_path, SEVERAL, CANDOR_SMTP_URL=sink.url) as candor:
        everybody = subscribe_many(candor, 2000)
        publish(candor)
        cuts = 0
        for share in (3, 6, 9, 12):
            wait_until(lambda at=share: len(sink.received) > len(everybody) * at // 15, "the fan-out does not go on")
            cuts += len(ask(candor, CUT))
        wait_until(lambda: set(sink.recipients) == everybody, "the fan-out did not finish", patience=60)

    got = Counter(sink.recipients)
    print(f"\ncut {cuts} connections: duplicates {sum(got.values()) - len(got)}")
    assert cuts > len(SEVERAL)
    assert got == Counter(dict.fromkeys(everybody, 1))


@pytest.mark.parametrize("lost", ["job", "queue"])
def test_work_whose_job_is_lost_is_done_all_the_same(tmp_path, empty_database, lost):
    with SmtpSink() as sink, Running(tmp_path, ("web",), CANDOR_SMTP_URL=sink.url) as candor:
        everybody = subscribe_many(candor, 300)
        publish(candor)
        assert ask(candor, "SELECT queue_name FROM procrastinate_jobs WHERE status = 'todo'") == [("outbox",)]

        ask(candor, {"job": "DELETE FROM procrastinate_jobs", "queue": "DROP TABLE procrastinate_jobs CASCADE"}[lost])
        candor.commands = ("web", "scheduler", "worker", "worker")
        candor.processes += [candor._begin(command) for command in candor.commands[1:]]
        wait_until(lambda: set(sink.recipients) == everybody, "the lost work is not done", patience=30)

    assert Counter(sink.recipients) == Counter(dict.fromkeys(everybody, 1))
