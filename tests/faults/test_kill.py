"""Everything is killed in the middle of a fan-out and started again: nobody is left out."""

import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path

from statuspage.delivery.dispatcher import WINDOW
from tests.doubles import SmtpSink
from tests.running import Running, wait_until

RECIPIENTS = 2000
# So many that a stop always comes in the middle, however fast the machine.
MANY = 4000
# What may come twice after a kill: what was on the wire or answered and not yet noted, for each sending process.
AT_MOST_TWICE = WINDOW
STOPS_WITHIN = 10.0


def subscribe_many(
    candor: Running, count: int, pattern: str = "reader{}@example.com", channel: str = "email"
) -> set[str]:
    """Confirmed subscribers, written straight into the instance's database."""
    from statuspage import settings
    from statuspage.clock import utcnow
    from statuspage.db import db
    from statuspage.models import Subscriber, Subscription
    from statuspage.pages import first
    from statuspage.vocabulary import SubscriberState
    from wsgi import create_app

    now = utcnow()
    app = create_app(settings.load(instance_dir=Path(candor.environment["CANDOR_INSTANCE_DIR"]), log_level="error"))
    with app.app_context():
        page = first()
        addresses = [pattern.format(number) for number in range(count)]
        for address in addresses:
            subscriber = Subscriber(
                page=page,
                channel=channel,
                address=address,
                address_key=address,
                state=SubscriberState.CONFIRMED,
                confirmed_at=now,
                state_changed_at=now,
                created_at=now,
            )
            subscriber.subscriptions = [Subscription()]
            db.session.add(subscriber)
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    return set(addresses)


def test_kill_in_the_middle_of_a_fan_out_loses_nobody(tmp_path, commands):
    with SmtpSink() as sink, Running(tmp_path, commands, CANDOR_SMTP_URL=sink.url) as candor:
        everybody = subscribe_many(candor, RECIPIENTS)
        incident = candor.command("incident", "open", "--title", "Lights out", "--severity", "sev1",
                                  "--status", "investigating", "--body", "We are looking into it.")  # fmt: skip
        wait_until(lambda: len(sink.received) > RECIPIENTS // 3, "the fan-out did not get going")

        candor.kill()
        before = len(sink.received)
        candor.start()
        wait_until(lambda: set(sink.recipients) == everybody, "the fan-out did not finish", patience=120)
        wait_until(lambda: _is_settled(candor, incident), "the ledger does not add up", patience=20)

    got = Counter(sink.recipients)
    duplicates = sum(count - 1 for count in got.values())
    print(f"\nkilled after {before} of {RECIPIENTS}: lost {len(everybody - set(got))}, duplicates {duplicates}")
    assert RECIPIENTS // 3 < before < RECIPIENTS
    assert everybody - set(got) == set()
    assert duplicates <= AT_MOST_TWICE * max(1, commands.count("worker"))
    assert _message_ids_repeat_only_with_recipients(sink)


def test_a_polite_stop_in_the_middle_of_a_fan_out_repeats_nothing(tmp_path, commands):
    with SmtpSink() as sink, Running(tmp_path, commands, CANDOR_SMTP_URL=sink.url) as candor:
        everybody = subscribe_many(candor, MANY)
        incident = candor.command("incident", "open", "--title", "Lights out", "--severity", "sev1",
                                  "--status", "investigating", "--body", "We are looking into it.")  # fmt: skip
        wait_until(lambda: len(sink.received) > 200, "the fan-out did not get going")

        code = candor.stop()
        before = len(sink.received)
        candor.start()
        wait_until(lambda: set(sink.recipients) == everybody, "the fan-out did not finish", patience=60)
        wait_until(lambda: _is_settled(candor, incident), "the ledger does not add up", patience=20)

    assert code == 0
    assert before < MANY
    assert Counter(sink.recipients) == Counter(dict.fromkeys(everybody, 1))


def test_a_service_manager_that_signals_every_process_at_once_is_obeyed_in_time(tmp_path, empty_database):
    with Running(tmp_path) as candor:
        reader = HTTPConnection("127.0.0.1", candor.port)
        reader.request("GET", "/")
        reader.getresponse().read()  # and the connection stays open

        asked_at = time.monotonic()
        code = candor.stop_all()
        took = time.monotonic() - asked_at
        reader.close()

    assert code == 0
    assert took < STOPS_WITHIN


def _is_settled(candor: Running, incident: str) -> bool:
    announcement = candor.incident(incident)["updates"][0]["announcement"]
    states = announcement["states"]
    return bool(announcement["owed"] > 0 and states.get("sent", 0) == announcement["owed"])


def _message_ids_repeat_only_with_recipients(sink: SmtpSink) -> bool:
    """A duplicate is recognisable (C4): equal Message-ID for the same person, another for everybody else."""
    pairs = {(mail["To"], mail["Message-ID"]) for mail in sink.mails()}
    return len(pairs) == len({identity for _, identity in pairs}) == len(set(sink.recipients))
