"""Webhooks on the wire: signed, proven, retried with manners, and never in each other's way (FM-59, FM-60)."""

import base64
import hashlib
import hmac
import threading
import time
from datetime import timedelta

import pytest

from notifiers import (
    DeliveryError,
    Envelope,
    HasSchedule,
    Message,
    Monitored,
    NeedsSecret,
    PermanentDeliveryError,
    Postponed,
    Receipt,
)
from notifiers._hook import HookWire
from notifiers._http import Poster
from notifiers._traffic import Traffic
from notifiers.webhook import SCHEDULE, Webhook, build, sign
from tests.doubles import DROP, HookAnswer, HookDouble

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLDER = "whsec_" + base64.b64encode(b"o" * 32).decode()
EVENT = Message(reference="an1-s1-webhook", subject="Payments fail", text='{"incident": {"name": "Zahlung ä"}}')


@pytest.fixture
def hook():
    with HookDouble() as hook:
        yield hook


def webhook(total_seconds=5.0, resolve=lambda host, port: ["127.0.0.1"], **traffic):
    poster = Poster(may_be_private=True, total_seconds=total_seconds, resolve=resolve)
    return Webhook(is_live=True, wire=HookWire(poster, Traffic(**traffic)), clock=lambda: 1_700_000_000.9)


def to(*addresses, message=EVENT, secrets=(SECRET,)):
    return [Envelope(number, address, message, secrets=secrets) for number, address in enumerate(addresses)]


def one(channel, address, **more):
    (outcome,) = channel.deliver(to(address, **more))
    return outcome.result


# Signatures


def test_signature_is_that_of_the_standards_own_example():
    body = '{"test": 2432232314}'

    assert sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_post_says_who_when_and_signed_by_whom(hook):
    assert isinstance(one(webhook(), hook.url), Receipt)

    sent = hook.received[0]
    assert sent.headers["webhook-id"] == "an1-s1-webhook"
    assert sent.headers["webhook-timestamp"] == "1700000000"
    assert sent.headers["content-type"] == "application/json"
    assert sent.body.decode() == EVENT.text
    signed = b"an1-s1-webhook.1700000000." + sent.body
    mac = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256)
    assert sent.headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"


def test_while_a_secret_changes_both_sign(hook):
    one(webhook(), hook.url, secrets=(SECRET, OLDER))

    both = hook.received[0].headers["webhook-signature"].split(" ")
    assert both == [sign(each, "an1-s1-webhook", "1700000000", EVENT.text) for each in (SECRET, OLDER)]


def test_without_a_secret_nothing_is_posted(hook):
    result = one(webhook(), hook.url, secrets=())

    assert isinstance(result, PermanentDeliveryError)
    assert (result.code, hook.received) == ("unsigned", [])


def test_values_are_put_in_and_secrets_never_are(hook):
    message = Message(reference="__r__", subject="", text='{"unsubscribe": "__u__", "trap": "whsec_ __secret__"}')
    envelope = Envelope(1, hook.url, message, {"__r__": "an1-s2-webhook", "__u__": "https://x.example/u"}, (SECRET,))

    list(webhook().deliver([envelope]))

    assert hook.received[0].json == {"unsubscribe": "https://x.example/u", "trap": "whsec_ __secret__"}
    assert hook.received[0].headers["webhook-id"] == "an1-s2-webhook"
    assert SECRET not in repr(envelope)


def test_words_that_are_no_event_become_one(hook):
    one(webhook(), hook.url, message=Message(reference="r", subject="Hello", text="Just {words}"))

    assert hook.received[0].json == {"type": "message", "subject": "Hello", "text": "Just {words}"}


# Proof

CHALLENGE = Message(reference="c", subject="", text='{"type": "endpoint.verify", "challenge": "abc123.0.ff"}')


@pytest.mark.parametrize("words", ['{"challenge": "abc123.0.ff"}', "abc123.0.ff"])
def test_endpoint_that_repeats_the_challenge_is_proven(hook, words):
    receipt = one(webhook(), hook.on("/x", HookAnswer(words=words)), message=CHALLENGE)

    assert isinstance(receipt, Receipt)
    assert receipt.is_proof


@pytest.mark.parametrize(
    "answer",
    [
        HookAnswer(words="ok"),
        HookAnswer(400, '{"challenge": "abc123.0.ff"}'),
        HookAnswer(302, "abc123.0.ff"),
        HookAnswer(500),
        HookAnswer(429, headers={"Retry-After": "60"}),
        HookAnswer(words=DROP),
    ],
)
def test_endpoint_that_does_not_is_asked_once_and_in_another_way(hook, answer):
    result = one(webhook(), hook.on("/x", answer), message=CHALLENGE)

    assert isinstance(result, PermanentDeliveryError)
    assert result.code == "unproven"
    assert len(hook.received) == 1


def test_an_ordinary_event_that_is_repeated_proves_nothing(hook):
    receipt = one(webhook(), hook.on("/x", HookAnswer(words=EVENT.text)))

    assert not receipt.is_proof


# Answers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_success(hook, status):
    assert isinstance(one(webhook(), hook.on("/x", HookAnswer(status))), Receipt)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 500, 502, 503])
def test_other_answers_are_tried_again_later(hook, status):
    result = one(webhook(), hook.on("/x", HookAnswer(status, headers={"Location": "http://127.0.0.1:1/"})))

    assert type(result) is DeliveryError
    assert str(status) in str(result)
    assert ("Redirects are not followed" in str(result)) == (status < 400)


def test_gone_is_gone(hook):
    result = one(webhook(), hook.on("/x", HookAnswer(410)))

    assert isinstance(result, PermanentDeliveryError)
    assert result.code == "gone"


def test_an_endpoint_that_asks_for_an_hour_gets_it(hook):
    now = [0.0]
    channel = webhook(clock=lambda: now[0], jitter=lambda: 0.0)
    address = hook.on("/x", HookAnswer(429, headers={"Retry-After": "3600"}), HookAnswer())

    refused, early = one(channel, address), one(channel, address)
    elsewhere = one(channel, hook.url + "/y")
    now[0] = 3601.0
    late = one(channel, address)

    assert refused.retry_after == timedelta(hours=1)
    assert isinstance(early, Postponed)
    assert early.retry_after == timedelta(hours=1)
    assert isinstance(elsewhere, Receipt)
    assert isinstance(late, Receipt)
    assert [sent.path for sent in hook.received] == ["/x", "/y", "/x"]


@pytest.mark.parametrize("address", ["https://127.0.0.1/", "ftp://x.example/", "nonsense", ""])
def test_an_address_we_may_not_call_is_never_called(address):
    result = one(Webhook(is_live=True), address)

    assert isinstance(result, PermanentDeliveryError)
    assert result.code == "invalid_address"


def test_a_name_that_leads_inside_is_refused_at_the_send(hook):
    channel = Webhook(is_live=True, wire=HookWire(Poster(resolve=lambda host, port: ["127.0.0.1"])))

    result = one(channel, f"https://rebinding.example:{hook.port}/")

    assert (result.code, hook.received) == ("address_not_allowed", [])


def test_no_sentence_repeats_the_address(hook):
    address = hook.on("/secret-path", HookAnswer(500))
    troubles = [one(webhook(), address), one(webhook(), "https://nowhere.example/secret-path", secrets=())]

    assert not any("secret-path" in str(each) for each in troubles)


# Many at once


def test_an_envelope_is_taken_only_when_there_is_a_slot(hook):
    hook.on("/x", HookAnswer(seconds=0.1))
    taken, most = [], 0
    channel = webhook(resolve=lambda host, port: ["127.0.0.1"])

    def envelopes():
        for number in range(120):
            taken.append(number)
            yield Envelope(number, f"http://h{number}.example:{hook.port}/x", EVENT, secrets=(SECRET,))

    answered = 0
    for _ in channel.deliver(envelopes()):
        most = max(most, len(taken) - answered)
        answered += 1

    assert answered == 120
    assert most <= 50


def test_envelopes_are_taken_in_the_callers_thread(hook):
    threads = set()

    def envelopes():
        for number in range(5):
            threads.add(threading.current_thread())
            yield Envelope(number, f"{hook.url}/{number}", EVENT, secrets=(SECRET,))

    assert len(list(webhook().deliver(envelopes()))) == 5
    assert threads == {threading.current_thread()}


def test_outcomes_come_as_they_are_answered_and_slow_hosts_hold_up_nobody(hook):
    hook.on("/slow", HookAnswer(seconds=0.6))
    slow = [f"http://slow{number}.example:{hook.port}/slow" for number in range(10)]
    quick = [f"http://quick{number}.example:{hook.port}/quick" for number in range(60)]
    began, at = time.monotonic(), {}

    for outcome in webhook().deliver(to(*slow, *quick)):
        assert isinstance(outcome.result, Receipt)
        at[outcome.key] = time.monotonic() - began

    assert max(at[number] for number in range(10, 70)) < 0.55
    assert min(at[number] for number in range(10)) >= 0.55


def test_no_host_has_more_than_five_of_our_sockets(hook):
    hook.on("/x", HookAnswer(seconds=0.05))
    addresses = [f"http://one.example:{hook.port}/x" for _ in range(300)]

    results = [outcome.result for outcome in webhook(patience=0.02, jitter=lambda: 0.0).deliver(to(*addresses))]

    assert hook.most_at_once == 5
    assert len(results) == 300
    assert {type(result) for result in results} == {Receipt, Postponed}
    assert all(each.retry_after == timedelta(seconds=10) for each in results if isinstance(each, Postponed))


def test_the_limit_is_one_for_all_who_send(hook):
    hook.on("/x", HookAnswer(seconds=0.05))
    channel = webhook(patience=0.02)
    threads = [
        threading.Thread(target=lambda: list(channel.deliver(to(*[f"http://one.example:{hook.port}/x"] * 20))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert hook.most_at_once <= 5


def test_three_hundred_endpoints_on_one_slow_host_leave_the_others_their_speed(hook):
    hook.on("/slow", HookAnswer(seconds=0.5))
    crowd = [f"http://crowded.example:{hook.port}/slow" for _ in range(300)]
    others = [f"http://other{number}.example:{hook.port}/quick" for number in range(50)]
    mixed = [address for group in zip(*[iter(crowd)] * 6, others, strict=True) for address in group]
    began, at = time.monotonic(), []

    for outcome in webhook(patience=0.02).deliver(to(*mixed)):
        if "other" in mixed[outcome.key]:
            assert isinstance(outcome.result, Receipt)
            at.append(time.monotonic() - began)

    assert len(at) == 50
    assert sorted(at)[47] < 2


def test_hosts_known_to_be_slow_never_take_all_places():
    traffic = Traffic(patience=0.0, jitter=lambda: 0.0)
    for number in range(40):
        traffic.worked(f"slow{number}", 29.0)
    inside = [traffic.turn(f"slow{number}", f"hook{number}") for number in range(10)]
    for turn in inside:
        turn.__enter__()

    with pytest.raises(Postponed, match="slow"), traffic.turn("slow11", "hook11"):
        pass
    with traffic.turn("quick", "hook"):
        pass


# The breaker


def test_a_host_that_fails_five_times_is_left_alone_for_longer_and_longer():
    now = [0.0]
    traffic = Traffic(clock=lambda: now[0], jitter=lambda: 0.5)
    rests = []
    for _ in range(12):
        with traffic.turn("dead", "hook"):
            pass
        traffic.failed("dead", "No connection came about.", 1.0)
        try:
            with traffic.turn("dead", "hook"):
                rests.append(0.0)
        except Postponed as error:
            rests.append(round(error.retry_after.total_seconds() / 1.25))
            now[0] += rests[-1] + 1
    assert rests == [0, 0, 0, 0, 30, 60, 120, 240, 480, 600, 600, 600]


def test_after_its_rest_a_host_is_tried_by_one_and_then_by_all():
    now = [0.0]
    traffic = Traffic(clock=lambda: now[0], jitter=lambda: 0.0)
    for _ in range(5):
        traffic.failed("host", "It answered 503.", 0.1)
    now[0] = 31.0

    with traffic.turn("host", "a"):
        with pytest.raises(Postponed, match="carefully"), traffic.turn("host", "b"):
            pass
        traffic.worked("host", 0.1)
        with traffic.turn("host", "b"):
            pass

    assert traffic.health() == ()


def test_trouble_is_told_by_host():
    channel = webhook(jitter=lambda: 0.0)
    for _ in range(5):
        channel.wire.traffic.failed("dead.example", "No connection came about.", 1.0)

    (trouble,) = channel.health()

    assert isinstance(channel, Monitored)
    assert (trouble.destination, trouble.state) == ("dead.example", "open")
    assert trouble.reason == "No connection came about."
    assert trouble.until is not None


def test_an_endpoint_with_a_fault_of_its_own_does_not_close_its_host(hook):
    channel = webhook()
    bad = hook.on("/bad", HookAnswer(500))

    for _ in range(8):
        assert type(one(channel, bad)) is DeliveryError
    assert isinstance(one(channel, hook.url + "/good"), Receipt)
    assert channel.health() == ()


# The channel


def test_channel_says_what_it_needs():
    channel = build({"CANDOR_BASE_URL": "https://status.example.com"})

    assert isinstance(channel, NeedsSecret)
    assert isinstance(channel, HasSchedule)
    assert channel.field.needs_contact


def test_ten_attempts_over_three_days():
    assert len(SCHEDULE) + 1 == 10
    assert timedelta(days=3) < sum(SCHEDULE, timedelta()) < timedelta(days=4)
    assert list(SCHEDULE) == sorted(SCHEDULE)


@pytest.mark.parametrize(
    ("settings", "is_live"),
    [
        ({}, False),
        ({"CANDOR_BASE_URL": "http://127.0.0.1:8000"}, False),
        ({"CANDOR_BASE_URL": "http://[::1]:8000"}, False),
        ({"CANDOR_BASE_URL": "https://status.example.com"}, True),
        ({"CANDOR_BASE_URL": "https://status.example.com", "CANDOR_WEBHOOKS": "capture"}, False),
        ({"CANDOR_BASE_URL": "http://127.0.0.1:8000", "CANDOR_WEBHOOKS": "on"}, True),
        ({"CANDOR_BASE_URL": "http://127.0.0.1:8000", "CANDOR_WEBHOOK_ALLOW_PRIVATE": "1"}, True),
        ({"CANDOR_WEBHOOKS": "capture", "CANDOR_WEBHOOK_ALLOW_PRIVATE": "1"}, False),
    ],
)
def test_a_page_that_nobody_can_reach_captures(settings, is_live):
    assert build(settings).is_live is is_live


def test_a_wrong_setting_names_itself():
    with pytest.raises(ValueError, match="CANDOR_WEBHOOKS must be"):
        build({"CANDOR_WEBHOOKS": "maybe"})
