"""FM-60, 63: hundreds of endpoints on a slow host, thousands of dead addresses. Nobody else's mail is held up."""

from datetime import timedelta

import pytest

from tests.doubles import HookAnswer, HookDouble
from tests.faults.stage import Stage
from tests.ledger_sink import Fate, LedgerSink, Trouble
from tests.running import wait_until

ALIVE, ENDPOINTS = 1_000, 300
SIZES = [2_000, pytest.param(20_000, marks=pytest.mark.long)]
# A retry has a fifth of the places; what is beyond it here is workers that found nothing else to do.
MOST_RETRIES = 0.4
TOLD_WITHIN = timedelta(seconds=30)
AT_ONCE_TO_ONE_HOST = 5
# A machine that runs all the tests has other things to do.
SLACK = timedelta(seconds=5)


@pytest.mark.long_on("postgres")
@pytest.mark.parametrize("dead", SIZES)
def test_dead_addresses_that_are_tried_again_do_not_hold_up_a_new_publish(tmp_path, senders, dead, figures):
    with (
        LedgerSink(tmp_path, trouble=Trouble(never="dead")) as sink,
        Stage(tmp_path, ALIVE + dead, sink.url) as stage,
    ):
        stage.ask(f"UPDATE subscriber SET address = 'dead' || id || '@example.com', address_key = 'dead' || id"
                  f" WHERE id > {ALIVE}")  # fmt: skip
        stage.start(*senders)
        for title in ("A first one, to warm up", "Card payments fail"):
            quiet = stage.publish(title)
            wait_until(lambda at=quiet: stage.states(at)["pending"] == dead, "not everybody was tried", patience=300)
        stage.let_time_pass()
        wait_until(lambda: sink.met(Fate.NEVER).total() > 2 * dead + 50, "nobody is tried again")

        busy = stage.publish("Transfers fail")
        wait_until(lambda: stage.states(busy)["sent"] == ALIVE, "not everybody alive was told", patience=120)
        stage.kill()
        before, after = told_within(stage, quiet), told_within(stage, busy)
        retries, others = tries_meanwhile(stage, busy)

    share = retries / (retries + others)
    figures(without=f"{before.total_seconds():.1f} s", meanwhile=f"{after.total_seconds():.1f} s",
            retries=f"{share:.0%}")  # fmt: skip
    assert after <= TOLD_WITHIN
    assert after <= 5 * before + SLACK
    assert share <= MOST_RETRIES


@pytest.mark.long_on("postgres")
def test_endpoints_on_one_slow_host_do_not_hold_up_mail(tmp_path, senders, figures):
    settings = {"CANDOR_WEBHOOKS": "on", "CANDOR_WEBHOOK_ALLOW_PRIVATE": "1"}
    with (
        HookDouble() as hook, LedgerSink(tmp_path) as sink,
        Stage(tmp_path, ALIVE + ENDPOINTS, sink.url, **settings) as stage,
    ):  # fmt: skip
        for number in range(ALIVE + 1, ALIVE + ENDPOINTS + 1):
            hook.on(f"/slow/{number}", HookAnswer(seconds=2))
        address = f"'{hook.url}/slow/' || id"
        stage.ask(f"UPDATE subscriber SET channel = 'webhook', address = {address}, address_key = {address},"
                  f" contact = 'ops@example.com', state = 'unsubscribed' WHERE id > {ALIVE}")  # fmt: skip
        stage.start(*senders)
        stage.wait(stage.publish("A first one, to warm up"))
        quiet = stage.publish("Card payments fail")
        stage.wait(quiet)
        stage.ask("UPDATE subscriber SET state = 'confirmed' WHERE channel = 'webhook'")

        busy = stage.publish("Transfers fail")
        wait_until(lambda: stage.sent_by(busy, "email") == ALIVE, "mail does not get through")
        wait_until(lambda: len(hook.received) > 0, "no endpoint was called")
        waiting = ENDPOINTS - stage.sent_by(busy, "webhook")
        stage.kill()
        before, after = told_within(stage, quiet), told_within(stage, busy)
        at_once = hook.most_at_once

    figures(without=f"{before.total_seconds():.1f} s", meanwhile=f"{after.total_seconds():.1f} s", waiting=waiting,
            sockets=at_once)  # fmt: skip
    assert waiting > ENDPOINTS / 2, "the endpoints were not slow"
    assert at_once <= AT_ONCE_TO_ONE_HOST * max(1, senders.count("worker"))
    assert after <= 2 * before + SLACK


def told_within(stage: Stage, announcement_id: int) -> timedelta:
    """From the publish to the last mail that was taken."""
    said, last = stage.span(announcement_id, "email")
    return last - said


def tries_meanwhile(stage: Stage, newer: int) -> tuple[int, int]:
    """While everybody alive was told the newer: how often somebody was tried again, and how often at first."""
    begin, end = stage.span(newer, "email")
    every, first = stage.tries(begin, end), stage.tries(begin, end, newer)
    return every - first, first + ALIVE
