"""A running installation tells machines whether it works, and stops telling when it does not."""

from tests.doubles import SmtpSink
from tests.running import Running, wait_until


def test_engine_and_clock_are_seen_from_outside(tmp_path):
    with SmtpSink() as sink, Running(tmp_path, CANDOR_SMTP_URL=sink.url) as candor:
        wait_until(lambda: "engine: working" in candor.get("/readyz"), "no engine was seen", patience=30)
        ready, metrics = candor.get("/readyz"), candor.get("/metrics")

    assert "clock: working" in ready
    assert "trouble" not in ready
    assert "candor_engine_heartbeat_age_seconds" in metrics
    assert 'candor_waiting_messages{channel="email"} 0' in metrics
