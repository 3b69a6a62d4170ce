"""Whoever is asked to end is gone in ten seconds, also when the other side says nothing for ten minutes."""

import time
from collections import Counter

from statuspage.delivery.dispatcher import WINDOW
from tests.doubles import HookAnswer, HookDouble
from tests.faults.test_kill import subscribe_many
from tests.relays import PIPELINING, SILENCE, Moment, Relay
from tests.running import Running, wait_until

GONE_WITHIN = 10.0
RECIPIENTS = 300
OPEN = (
    "incident", "open", "--title", "Lights out", "--severity", "sev1", "--status", "investigating",
    "--body", "We are looking into it.",
)  # fmt: skip


def stop(candor: Running) -> float:
    """Ask every process to end; how long that took."""
    asked_at = time.monotonic()
    code = candor.stop()
    assert code == 0, candor.log.read_text(errors="replace")[-2000:]
    took = time.monotonic() - asked_at
    print(f"\ngone after {took:.1f} s")
    return took


def test_a_relay_that_falls_silent_after_the_final_dot_holds_up_no_end(tmp_path, commands):
    silenced: set[str] = set()

    def silent_from_the_hundredth(moment: Moment) -> str | None:
        if moment.stage != "end" or has_recovered or len(relay.taken) < 100:
            return None
        silenced.add(moment.recipient)
        return SILENCE

    has_recovered = False
    with Relay(PIPELINING, silent_from_the_hundredth) as relay:
        settings = {"CANDOR_SMTP_URL": f"{relay.url}?connections=5"}
        with Running(tmp_path, commands, **settings) as candor:
            everybody = subscribe_many(candor, RECIPIENTS)
            incident = candor.command(*OPEN)
            wait_until(lambda: len(silenced) >= 3, "the relay was not asked to be silent")

            took = stop(candor)
            has_recovered = True
            candor.start()
            wait_until(lambda: _is_over(candor, incident), "the rest was not told", patience=20)
            states = _states(candor, incident)

    told = Counter(relay.recipients)
    assert took < GONE_WITHIN
    assert set(told.values()) == {1}, "what may have left is not said again at once"
    assert states == {"sent": len(told), "pending": RECIPIENTS - len(told)}
    assert silenced <= everybody - set(told)
    assert states["pending"] <= WINDOW * max(1, commands.count("worker"))


def test_endpoints_that_take_their_time_hold_up_no_end(tmp_path, commands):
    with HookDouble(echoes=True) as hook, Running(tmp_path, commands, CANDOR_WEBHOOK_ALLOW_PRIVATE="1") as candor:
        for number in range(8):
            hook.on(f"/slow{number}", HookAnswer(seconds=25))
        subscribe_many(candor, 8, hook.url + "/slow{}", "webhook")
        incident = candor.command(*OPEN)
        hook.wait_for(5)

        took = stop(candor)
        states = _states(candor, incident)

    assert took < GONE_WITHIN
    assert states == {"pending": 8}


def _states(candor: Running, incident: str) -> dict[str, int]:
    states: dict[str, int] = candor.incident(incident)["updates"][0]["announcement"]["states"]
    return states


def _is_over(candor: Running, incident: str) -> bool:
    """Whether everybody is told but for those who may have been."""
    states = _states(candor, incident)
    return states.get("sent", 0) >= RECIPIENTS - WINDOW * 2 and states.get("leased", 0) == 0
