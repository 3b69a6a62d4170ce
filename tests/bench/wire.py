"""The mail channel alone: how fast envelopes reach a relay, against Debian's own generator on the same sink."""

import contextlib
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

from notifiers import Envelope, Message, Receipt
from notifiers.email import Email, build
from tests.bench.rows import Row
from tests.doubles import free_port

MAILS = 100_000
LOOP_SAMPLE = 1_000
RUNS = 3
FASTER = 1.5
FIFTY = 50.0
OF_THE_BOUND = 0.9
SLOW_SECONDS = 0.05
SLOW_CONNECTIONS = 50
SLOW_MAILS = 10_000


def wire_vs_source(scale: float) -> list[Row]:
    """Mails a second through the channel against `smtp-source -s 10 -d` on the same sink, and against a plain loop."""
    count = max(1_000, int(MAILS * scale))
    ours, source, loop = [], [], []
    with sink() as port, contextlib.closing(channel(port)) as email:
        deliver(email, 1_000)
        for _ in range(RUNS):
            source.append(count / seconds_of_source(port, count))
            ours.append(count / deliver(email, count))
            loop.append(LOOP_SAMPLE / seconds_of_loop(port, email, LOOP_SAMPLE))
    what = f"{count} personal mails of 4 KB through deliver(), 10 connections"
    fast, reference, plain = median(ours), median(source), median(loop)
    return [
        Row("wire_vs_source", f"{what}, against smtp-source -s 10 -d -l 4096, same sink, medians of {RUNS}", fast,
            "1/s", reference, f"ratio at least {FASTER}", fast / reference >= FASTER),
        Row("wire_vs_loop", f"{what}, against an EmailMessage built and sent by smtplib for each recipient "
            f"(sample of {LOOP_SAMPLE} on one kept connection, extrapolated)", fast,
            "1/s", plain, f"ratio at least {FIFTY:g}", fast / plain >= FIFTY),
    ]  # fmt: skip


def slow_relay(scale: float) -> list[Row]:
    """A relay that takes 50 ms to answer the final dot: what counts is that no connection ever waits for us."""
    count = max(SLOW_CONNECTIONS * 20, int(SLOW_MAILS * scale))
    bound = SLOW_CONNECTIONS / SLOW_SECONDS
    with slow_sink() as port, contextlib.closing(channel(port, SLOW_CONNECTIONS)) as email:
        deliver(email, SLOW_CONNECTIONS * 4)
        rate = count / deliver(email, count)
    what = (
        f"{count} mails over {SLOW_CONNECTIONS} connections to a relay that takes 50 ms, against connections / latency"
    )
    goal = f"ratio at least {OF_THE_BOUND}"
    return [Row("slow_wire", what, rate, "1/s", bound, goal, rate / bound >= OF_THE_BOUND)]


def channel(port: int, connections: int = 10) -> Email:
    """The mail channel on a relay of this machine."""
    return build(
        {
            "CANDOR_SMTP_URL": f"smtp://127.0.0.1:{port}?connections={connections}",
            "CANDOR_MAIL_FROM": "Example Status <status@example.com>",
            "CANDOR_BASE_URL": "https://status.example.com",
        }
    )


def message() -> Message:
    """An update as it goes out: 4 KB of words, with four places that differ per recipient."""
    line = "Card payments fail for some customers in Europe since 14:02; we have found the cause and are mending it.\n"
    links = "Change what you get: __a1b2c3d4e5f6_manage__\nStop: __a1b2c3d4e5f6_unsubscribe__\n"
    text = line * 12 + links
    html = "<p>" + line * 13 + '</p><p><a href="__a1b2c3d4e5f6_manage__">Change</a></p>\n'
    return Message(
        reference="__a1b2c3d4e5f6_reference__",
        subject="[Example] Card payments fail in Europe",
        text=text,
        html=html,
        thread="incident12ab",
        from_name="Example Status",
        unsubscribe_url="__a1b2c3d4e5f6_unsubscribe__",
        list_id="Example <p1.status.example.com>",
        said_at=datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
    )


def envelopes(count: int) -> Iterator[Envelope]:
    """So many recipients of one message."""
    shared = message()
    for number in range(count):
        token = f"s{number:011d}.0.{number:032x}"
        values = {
            "__a1b2c3d4e5f6_reference__": f"a1b2c3d4e5f6-s{number}-email",
            "__a1b2c3d4e5f6_manage__": f"https://status.example.com/manage/{token}",
            "__a1b2c3d4e5f6_unsubscribe__": f"https://status.example.com/unsubscribe/{token}",
        }
        yield Envelope(number, f"reader{number}@example.net", shared, values)


def deliver(email: Email, count: int) -> float:
    """Hand over so many mails and be sure that all were taken; the seconds it took."""
    started = time.perf_counter()
    taken = sum(isinstance(outcome.result, Receipt) for outcome in email.deliver(envelopes(count)))
    seconds = time.perf_counter() - started
    assert taken == count, f"{taken} of {count} were taken"
    return seconds


def seconds_of_source(port: int, count: int) -> float:
    """The same number of mails from Debian's generator."""
    started = time.perf_counter()
    program = _program("smtp-source")
    subprocess.run(
        [program, "-s", "10", "-d", "-m", str(count), "-l", "4096", f"127.0.0.1:{port}"], check=True, timeout=600
    )
    return time.perf_counter() - started


def seconds_of_loop(port: int, email: Email, count: int) -> float:
    """As most programs do it: one EmailMessage built and sent after the other."""
    started = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        for envelope in envelopes(count):
            smtp.send_message(email.render(envelope.personal(), envelope.address), email.sender, envelope.address)
    return time.perf_counter() - started


@contextlib.contextmanager
def sink(*options: str) -> Iterator[int]:
    """Debian's smtp-sink; the port it listens on."""
    port = free_port()
    user = ["-u", "postfix"] if os.geteuid() == 0 else []
    process = subprocess.Popen([_program("smtp-sink"), *user, *options, f"127.0.0.1:{port}", "1000"])
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def slow_sink() -> Iterator[int]:
    """A relay that takes its time, in a process of its own: smtp-sink only knows delays of whole seconds."""
    words = [sys.executable, "-m", "tests.slow_relay", str(SLOW_SECONDS)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        threading.Event().wait(0.02)
    raise AssertionError("smtp-sink does not listen")


def _program(name: str) -> str:
    """Where Debian's postfix package has it, also where sbin is not on the path."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    assert found, f"{name} is not installed: apt-get install -y postfix"
    return found
