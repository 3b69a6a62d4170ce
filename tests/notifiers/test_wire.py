"""Many letters over many connections at once: nothing lost, nothing doubled, nobody waits for somebody else."""

import random
import ssl
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from notifiers import (
    DeliveryError,
    Envelope,
    Message,
    PermanentDeliveryError,
    Receipt,
    UncertainDeliveryError,
    email as email_channel,
)
from tests.doubles import free_port, parse_mail
from tests.relays import CHUNKING, DROP, PIPELINING, SILENCE, Relay
from tests.running import wait_until

LOOPBACK_PEM = Path(__file__).with_name("loopback.pem")
PLAIN = ("SIZE 100000000",)
every_way = pytest.mark.parametrize("extensions", [PLAIN, PIPELINING, CHUNKING], ids=["plain", "pipelined", "chunked"])

UPDATE = Message(
    reference="__an_reference__",
    subject="Login is back",
    text="It works again.\n.\nStop: __an_stop__\n",
    html='<p>It works again. <a href="__an_stop__">Stop</a></p>',
    unsubscribe_url="__an_stop__",
)


def channel(*relays: Relay | str, **how) -> email_channel.Email:
    settings = {
        "CANDOR_SMTP_URL": " ".join(each if isinstance(each, str) else each.url for each in relays),
        "CANDOR_MAIL_FROM": "status@example.com",
        "CANDOR_BASE_URL": "https://status.example.com",
    }
    built = email_channel.build(settings)
    return replace(built, relays=tuple(replace(each, **how) for each in built.relays))


def envelope(number: int, message: Message = UPDATE) -> Envelope:
    values = {"__an_reference__": f"an-s{number}-email", "__an_stop__": f"https://status.example.com/stop/{number}"}
    return Envelope(number, f"p{number}@example.com", message, values)


def envelopes(count: int):
    return (envelope(number) for number in range(count))


def deliver(email: email_channel.Email, count: int) -> list[Receipt | DeliveryError]:
    """What became of so many letters, in the order in which they were given; each has one outcome."""
    with closing(email):
        outcomes = list(email.deliver(envelopes(count)))
    assert sorted(outcome.key for outcome in outcomes) == list(range(count))
    return [outcome.result for outcome in sorted(outcomes, key=lambda each: each.key)]


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(LOOPBACK_PEM)
    return context


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(LOOPBACK_PEM))


# All is well


@every_way
def test_each_gets_their_own_mail_once(extensions):
    with Relay(extensions) as relay:
        results = deliver(channel(relay), 200)

    assert all(isinstance(result, Receipt) for result in results)
    assert relay.counts == {f"p{number}@example.com": 1 for number in range(200)}
    for _, recipient, raw in relay.taken:
        mail = parse_mail(raw)
        link = f"https://status.example.com/stop/{recipient[1:].partition('@')[0]}"
        assert mail["To"] == recipient
        assert mail["List-Unsubscribe"] == f"<{link}>"
        assert link in mail.get_body(("plain",)).get_content()
        assert ".\r\n" in mail.get_body(("plain",)).get_content()


def test_there_are_as_many_connections_as_allowed():
    with Relay(seconds=0.01) as relay:
        deliver(channel(relay, connections=4), 100)

    assert relay.most_at_once == 4


def test_a_letter_alone_opens_one_connection():
    for extensions in (PLAIN, PIPELINING, CHUNKING):
        with Relay(extensions) as relay:
            deliver(channel(relay), 1)

        assert relay.connections == 1


def test_with_pipelining_the_next_letter_begins_behind_the_end_of_this_one():
    with Relay(PIPELINING) as relay:
        deliver(channel(relay, connections=1), 20)

    assert ("MAIL", "RCPT", "DATA") in relay.packets
    assert len(relay.packets) < 20 * 2


def test_with_chunking_many_letters_are_under_way_on_one_connection():
    under_way = threading.Semaphore(0)

    def wait_for_eight(moment):
        # Nobody is answered until eight letters have come: without a window this would never end.
        if moment.stage == "BDAT":
            under_way.release()

    with Relay(CHUNKING, answer=wait_for_eight, seconds=0.02) as relay:
        started = time.monotonic()
        deliver(channel(relay, connections=1), 16)
        seconds = time.monotonic() - started

    assert max(packet.count("BDAT") for packet in relay.packets) >= 8
    assert seconds < 5


@every_way
def test_a_relay_that_answers_byte_by_byte_is_understood(extensions):
    with Relay(extensions, byte_by_byte=True) as relay:
        results = deliver(channel(relay, connections=3), 30)

    assert all(isinstance(result, Receipt) for result in results)


@every_way
def test_long_mails_pass_in_parts_also_over_tls(extensions):
    long = replace(UPDATE, text="A line of the report.\n" * 60_000, html=None)
    with Relay(extensions, tls=server_tls()) as relay, closing(channel(relay, connections=3, tls=trusting())) as email:
        outcomes = list(email.deliver(envelope(number, long) for number in range(9)))

    assert all(isinstance(outcome.result, Receipt) for outcome in outcomes)
    assert [len(raw) > 1_200_000 for _, _, raw in relay.taken] == [True] * 9
    assert {raw.count(b"A line of the report.\r\n") for _, _, raw in relay.taken} == {60_000}


@every_way
def test_a_tls_relay_takes_hundreds(extensions):
    with Relay(extensions, tls=server_tls()) as relay:
        results = deliver(channel(relay, tls=trusting()), 300)

    assert all(isinstance(result, Receipt) for result in results)
    assert max(relay.counts.values()) == 1


# Whose turn it is


@every_way
def test_no_more_than_fifty_are_ever_in_hand(extensions):
    pulled = answered = most = 0

    def asked():
        nonlocal pulled, most
        for each in envelopes(300):
            pulled += 1
            most = max(most, pulled - answered)
            yield each

    with Relay(extensions) as relay, closing(channel(relay, connections=60)) as email:
        for _ in email.deliver(asked()):
            answered += 1

    assert pulled == answered == 300
    assert most <= 50


def test_what_is_in_hand_is_finished_when_the_caller_stops_giving():
    with Relay(seconds=0.02) as relay, closing(channel(relay)) as email:
        outcomes = list(email.deliver(envelope(number) for number in range(7)))

    assert len(outcomes) == len(relay.taken) == 7


def test_a_fault_of_the_caller_comes_after_what_was_in_hand():
    def breaks():
        yield from envelopes(5)
        raise ZeroDivisionError

    told = []
    with Relay() as relay, closing(channel(relay)) as email, pytest.raises(ZeroDivisionError):
        told.extend(email.deliver(breaks()))

    assert len(relay.taken) == 5


def test_nobody_waits_for_a_caller_who_leaves():
    with Relay(answer=lambda moment: SILENCE if moment.stage == "end" and moment.carried else None) as relay:
        email = channel(relay, connections=2)
        outcomes = email.deliver(envelopes(100))
        next(outcomes)
        outcomes.close()
        email.close()

    assert relay.open_now == 0


def test_an_address_that_slipped_in_or_words_that_cannot_be_written_fail_alone():
    poison = replace(UPDATE, text=None)
    odd = replace(UPDATE, subject="Down\u2028\x00\ud800", text="\ud800\u2028\x00" + "x" * 1_000_000)
    given = [
        Envelope(0, "x\r\nRCPT TO:<victim@example.net>", UPDATE),
        Envelope(1, "p1@example.com", poison),
        Envelope(2, "p2@example.com", odd),
        Envelope(3, "p3@example.com", UPDATE, {"__an_stop__": "a\r\nBcc: victim@example.net"}),
        envelope(4),
    ]
    with Relay() as relay, closing(channel(relay)) as email:
        found = {outcome.key: outcome.result for outcome in email.deliver(given)}

    assert [type(found[key]) for key in range(5)] == [PermanentDeliveryError] * 2 + [Receipt] * 3
    assert {found[0].code, found[1].code} == {"invalid_address", "unrenderable"}
    assert sorted(relay.recipients) == ["p2@example.com", "p3@example.com", "p4@example.com"]
    assert all(mail["Bcc"] is None for mail in (parse_mail(raw) for _, _, raw in relay.taken))


# Connections that stay


def test_the_next_call_finds_the_connection_open():
    with Relay() as relay, closing(channel(relay)) as email:
        for number in range(5):
            list(email.deliver([envelope(number)]))

    assert (relay.connections, len(relay.taken)) == (1, 5)


def test_an_idle_connection_that_was_closed_costs_nobody_a_try():
    def drop(moment):
        return DROP if moment.stage == "MAIL" and moment.carried else None

    with Relay(answer=drop) as relay, closing(channel(relay)) as email:
        outcomes = [outcome for number in range(3) for outcome in email.deliver([envelope(number)])]

    assert all(isinstance(outcome.result, Receipt) for outcome in outcomes)
    assert relay.connections == 3


def test_closing_the_channel_ends_its_connections():
    with Relay() as relay:
        email = channel(relay)
        list(email.deliver(envelopes(20)))
        email.close()

        wait_until(lambda: relay.open_now == 0, "a connection stayed open", patience=5)


def test_a_connection_that_comes_through_after_the_close_is_left_at_once():
    has_closed = threading.Event()

    def greeting_late(moment):
        if moment.stage == "banner" and moment.connection > 1:
            has_closed.wait(5)

    with Relay(answer=greeting_late) as relay:
        email = channel(relay)
        list(email.deliver(envelopes(20)))
        assert relay.connections > 1
        email.close()
        has_closed.set()

        wait_until(lambda: relay.open_now == 0, "a connection stayed open", patience=5)
        list(email.deliver(envelopes(5)))
        assert relay.open_now >= 1, "the channel keeps its connections again once it is used"
        email.close()


@every_way
def test_connections_are_renewed_in_the_middle_of_a_batch(extensions):
    with Relay(extensions) as relay:
        results = deliver(channel(relay, connections=2, messages_per_connection=7), 70)

    assert all(isinstance(result, Receipt) for result in results)
    assert relay.connections >= 10
    assert max(relay.counts.values()) == 1


def test_several_threads_share_a_channel():
    results: list = []
    with Relay(CHUNKING) as relay, closing(channel(relay)) as email:

        def work(first):
            results.extend(email.deliver(envelope(first + number) for number in range(100)))

        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 1000, 2000, 3000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(results) == 400
    assert all(isinstance(outcome.result, Receipt) for outcome in results)
    assert set(relay.counts.values()) == {1}
    # Ten together; and nobody who has none is kept waiting for one.
    assert relay.most_at_once <= 13


# Trouble


def story_holds(results, relay: Relay) -> None:
    """What was said of each letter is what happened to it."""
    counts = relay.counts
    for number, result in enumerate(results):
        arrived = counts[f"p{number}@example.com"]
        if isinstance(result, Receipt):
            assert arrived == 1, f"{number} was taken, and arrived {arrived} times"
        elif isinstance(result, UncertainDeliveryError):
            assert arrived <= 1, f"{number} arrived {arrived} times"
        else:
            assert arrived == 0, f"{number} was refused ({result}), and arrived {arrived} times"


@every_way
@pytest.mark.parametrize("stage", ["banner", "EHLO", "MAIL", "RCPT", "DATA", "body", "end"])
def test_a_drop_at_any_stage_loses_and_doubles_nothing(extensions, stage):
    def drop_sometimes(moment):
        return DROP if moment.stage == stage and moment.connection % 3 == 2 and moment.carried % 5 == 2 else None

    with Relay(extensions, answer=drop_sometimes) as relay:
        results = deliver(channel(relay, connections=3, breaks_allowed=1000), 120)

    story_holds(results, relay)
    uncertain = [result for result in results if isinstance(result, UncertainDeliveryError)]
    # A short body is written whole before the drop is noticed.
    assert not uncertain or stage in {"body", "end"} or extensions is CHUNKING
    assert sum(isinstance(result, Receipt) for result in results) > 60


@every_way
@pytest.mark.parametrize("seed", range(6))
def test_whatever_a_relay_does_each_letter_has_one_true_outcome(extensions, seed):
    chance = random.Random(seed)
    bad = ["450 4.2.0 Later", "550 5.1.1 Unknown", "421 4.7.0 Closing", DROP, "garbage", "451 4.3.0 Busy"]

    def moody(moment):
        if moment.stage in {"MAIL", "RCPT", "DATA", "body", "end"} and chance.random() < 0.03:
            return DROP if moment.stage == "body" else chance.choice(bad)
        return None

    with Relay(extensions, answer=moody) as relay:
        email = channel(relay, connections=5, breaks_allowed=1000)
        results = deliver(email, 300)

    story_holds(results, relay)


def test_a_refused_address_does_not_spoil_its_neighbours_in_the_window():
    def refuse_odd(moment):
        odd = moment.stage == "RCPT" and int(moment.recipient[1:].partition("@")[0]) % 2
        return f"550 5.1.1 <{moment.recipient}> unknown" if odd else None

    for extensions in (PIPELINING, CHUNKING):
        with Relay(extensions, answer=refuse_odd) as relay:
            results = deliver(channel(relay, connections=2), 40)

        story_holds(results, relay)
        assert [isinstance(result, Receipt) for result in results] == [number % 2 == 0 for number in range(40)]
        assert str(results[1]) == "The relay refused this address: 550 5.1.1 <address> unknown"


@every_way
def test_a_421_now_and_then_costs_nobody_a_try(extensions):
    with Relay(
        extensions, answer=lambda m: "421 4.7.0 Enough" if m.stage == "MAIL" and m.carried == 20 else None
    ) as relay:
        email = channel(relay, connections=8)
        results = deliver(email, 400)

    assert all(isinstance(result, Receipt) for result in results)
    assert set(relay.counts.values()) == {1}
    assert email.stations[0].limit < 8


def test_one_dead_connection_does_not_stall_the_others():
    with Relay(
        answer=lambda m: SILENCE if m.stage == "DATA" and m.connection == 2 and m.carried == 3 else None
    ) as relay:
        email = channel(relay, connections=3, command_timeout=1.0)
        seconds, started = [], time.monotonic()
        results = {}
        with closing(email):
            for outcome in email.deliver(envelopes(400)):
                results[outcome.key] = outcome.result
                seconds.append(time.monotonic() - started)

    failed = [result for result in results.values() if not isinstance(result, Receipt)]
    assert [(type(result), result.code) for result in failed] == [(DeliveryError, "timeout")]
    assert not failed[0].is_channel_wide
    assert seconds[-2] < 1.0 or seconds[-3] < 1.0


def test_a_silent_relay_holds_up_two_letters_at_most():
    given = []

    def asked():
        for each in envelopes(100):
            given.append(each)
            yield each

    with Relay(answer=lambda m: SILENCE) as relay, closing(channel(relay, command_timeout=0.3)) as email:
        outcomes = email.deliver(asked())
        first = next(outcomes)
        outcomes.close()

    assert first.result.is_channel_wide
    assert len(given) <= 2
    assert relay.connections <= 2


def test_a_reply_that_trickles_in_has_to_be_in_time_all_the_same():
    def only_half(moment):
        return "250-" + "-" * 400 if moment.stage == "MAIL" else None

    with Relay(PLAIN, answer=only_half) as relay:
        (result,) = deliver(channel(relay, command_timeout=0.3), 1)

    assert result.code == "timeout"


@every_way
def test_when_time_is_up_only_what_was_said_to_its_end_may_have_left(extensions):
    class Hurried(list[Envelope]):
        def is_out_of_time(self) -> bool:
            return len(silenced) == 2

    def silent_at_the_end(moment):
        if moment.stage == "end":
            silenced.append(moment.recipient)
        return SILENCE if moment.stage == "end" else None

    asked, silenced = Hurried(envelopes(100)), []
    with Relay(extensions, answer=silent_at_the_end) as relay, closing(channel(relay, connections=2)) as email:
        outcomes = list(email.deliver(asked))

    told = {outcome.key for outcome in outcomes}
    assert {type(outcome.result) for outcome in outcomes} == {UncertainDeliveryError}
    assert told >= {key for key in range(100) if f"p{key}@example.com" in silenced}
    assert len(told) == len(outcomes) <= 50


# Several relays


def test_the_next_relay_stands_in_for_one_that_is_gone():
    with Relay() as second:
        email = channel(f"smtp://127.0.0.1:{free_port()}", second)
        results = deliver(email, 50)

    assert all(isinstance(result, Receipt) for result in results)
    assert len(second.taken) == 50
    first, other = email.health()
    assert (first.state, other.state) == ("open", "closed")
    assert "refused the connection" in first.reason
    assert first.until is not None


def test_the_first_relay_is_used_while_it_works():
    with Relay() as first, Relay() as second:
        deliver(channel(first, second), 50)

    assert (len(first.taken), second.connections) == (50, 0)


@every_way
@pytest.mark.parametrize("trouble", ["421 4.3.2 Shutting down", "530 5.7.0 Authenticate first"])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "end"])
def test_letters_in_hand_move_on_when_a_relay_turns_us_away(extensions, trouble, stage):
    with (
        Relay(extensions, answer=lambda m: trouble if m.stage == stage else None) as first,
        Relay(extensions) as second,
    ):
        email = channel(first, second)
        results = deliver(email, 60)

    is_asked = stage != "DATA" or extensions is not CHUNKING  # whoever takes chunks is never asked for DATA
    assert all(isinstance(result, Receipt) for result in results)
    assert (first.counts + second.counts).total() == 60
    assert email.health()[0].state == ("open" if is_asked else "closed")


def test_only_when_no_relay_is_left_the_caller_hears_of_it():
    away = {"MAIL": "550 5.7.1 We do not know you"}
    with Relay(answer=lambda m: away.get(m.stage)) as first, Relay(answer=lambda m: away.get(m.stage)) as second:
        email = channel(first, second, connections=1)
        results = deliver(email, 5)

    assert all(type(result) is DeliveryError and result.is_channel_wide for result in results)
    assert results[-1].retry_after is not None
    assert (first.connections, second.connections) == (1, 1)


def test_what_may_have_left_does_not_move_on():
    with Relay(answer=lambda m: DROP if m.stage == "end" else None) as first, Relay() as second:
        results = deliver(channel(first, second, connections=1), 20)

    uncertain = [result for result in results if isinstance(result, UncertainDeliveryError)]
    assert len(uncertain) == 3
    assert not any(result.is_channel_wide for result in uncertain)
    assert len(second.taken) == 17
