"""Endpoints and chats as subscribers: proven before use, signed, stopped with notice, and let in again."""

import base64
import hashlib
import hmac
import json
import re
from collections import Counter
from datetime import timedelta

import pytest

from notifiers import DeliveryError, Envelope, Message, PermanentDeliveryError, Postponed, Receipt
from notifiers._hook import HookWire
from notifiers._http import Poster
from notifiers.slack import Slack
from notifiers.webhook import SCHEDULE, Webhook
from statuspage import publishing, subscribers, subscriptions
from statuspage.db import db
from statuspage.delivery import messages
from statuspage.delivery.dispatcher import Dispatcher
from statuspage.errors import Conflict
from statuspage.models import Subscriber
from statuspage.models.subscriber import key_of
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import DeliveryState, SubscriberState
from tests.conftest import BY, NOON
from tests.doubles import HookAnswer, HookDouble
from tests.statuspage.fakes import FakeChannel, acts, announcements, ledger, only_row, said

CONFIRMED, PENDING, STOPPED = SubscriberState.CONFIRMED, SubscriberState.PENDING, SubscriberState.QUARANTINED
URL, CONTACT = "https://hooks.example.com/status", "ops@example.org"
DAY = timedelta(days=1)


@pytest.fixture
def hook():
    with HookDouble() as hook:
        yield hook


@pytest.fixture
def ask(page):
    """Signs an endpoint up, as the form does."""

    def sign_up(address=URL, *, at=NOON, channel="webhook", contact=CONTACT):
        subscriptions.sign_up(page, channel, address, Wishes(), "form 1", "network", at, contact)
        return subscriptions.find(page, channel, address)

    return sign_up


@pytest.fixture
def add(page):
    """Adds a confirmed endpoint."""

    def attest(address=URL, channel="webhook", contact=CONTACT):
        return subscriptions.add_attested(page, channel, address, Wishes(), BY, "test", NOON, contact)

    return attest


class Posts(FakeChannel):
    """Webhooks with scripted answers, by the channel's own customs."""

    schedule = SCHEDULE
    needs_secret = True
    knows_repeats = True

    def __init__(self, *answers, **more):
        super().__init__(*answers, kind="webhook", **more)


def live(kind=Webhook):
    return kind(is_live=True, wire=HookWire(Poster(may_be_private=True, total_seconds=5)))


def fresh(subscriber):
    db.session.rollback()
    return db.session.get(Subscriber, subscriber.id, populate_existing=True)


def link_in(mail, path):
    return re.search(rf"/{path}/(\S+)", mail.messages[-1].text)[1]


# Proof


def test_endpoint_that_repeats_its_challenge_is_confirmed_and_its_owner_told_where_the_secret_is(ask, dispatch):
    with HookDouble(echoes=True) as hook:
        endpoint, mail = ask(hook.url + "/x"), FakeChannel()
        dispatch(webhook=live(), email=mail)

        assert hook.received[0].json["type"] == "endpoint.verify"
        assert fresh(endpoint).state is CONFIRMED
        assert mail.recipients == [CONTACT]
        assert "/manage/" in mail.messages[0].text
        assert acts()[-1] == "subscriber.confirm"


def test_challenge_is_signed_with_the_secret_the_owner_will_see(ask, dispatch):
    with HookDouble(echoes=True) as hook:
        endpoint = ask(hook.url + "/x")
        dispatch(webhook=live(), email=FakeChannel())

        sent, (secret,) = hook.received[0], subscriptions.secrets_of(fresh(endpoint), NOON)
        signed = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
        mac = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
        assert sent.headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"


def test_endpoint_that_does_not_is_asked_about_by_mail(ask, dispatch, hook):
    endpoint, mail = ask(hook.url + "/x"), FakeChannel()
    dispatch(webhook=live(), email=mail)
    dispatch(NOON + DAY, webhook=live(), email=mail)

    assert fresh(endpoint).state is PENDING
    assert len(hook.received) == 1
    assert [(envelope.address, envelope.message.subject) for envelope in mail.sent] == [
        (CONTACT, "Confirm your webhook for Status")
    ]
    assert "127.0.0.1" in mail.messages[0].text


def test_the_link_in_that_mail_confirms(ask, dispatch, hook, client):
    endpoint, mail = ask(hook.url + "/x"), FakeChannel()
    dispatch(webhook=live(), email=mail)
    token = link_in(mail, "subscribe/confirm")

    subscriptions.confirm(subscriptions.find_by_id(token.split(".")[0]), NOON)

    assert fresh(endpoint).state is CONFIRMED


def test_an_endpoint_that_nobody_proves_gets_no_update(ask, open_incident, dispatch, hook):
    ask(hook.url + "/x")
    open_incident()
    dispatch(webhook=live(), email=FakeChannel())

    assert [sent.json["type"] for sent in hook.received] == ["endpoint.verify"]


def test_signing_up_again_within_a_day_challenges_nobody(ask, dispatch, hook):
    for hours in (0, 1, 23):
        ask(hook.url + "/x", at=NOON + timedelta(hours=hours))
        dispatch(NOON + timedelta(hours=hours), webhook=live(), email=FakeChannel())

    assert len(hook.received) == 1


def test_signing_up_a_confirmed_endpoint_tells_its_own_contact_and_no_other(add, ask, dispatch):
    add()
    ask(contact="stranger@example.net", at=NOON + DAY)
    mail = FakeChannel()
    dispatch(NOON + DAY, webhook=Posts(), email=mail)

    assert set(mail.recipients) == {CONTACT}
    assert subscriptions.find_by_address("webhook", URL)[0].contact == CONTACT


def test_a_new_contact_never_knows_the_old_secret(ask):
    endpoint = ask()
    before = subscriptions.secrets_of(endpoint, NOON)
    ask(contact="other@example.org", at=NOON + DAY)

    assert not set(before) & set(subscriptions.secrets_of(fresh(endpoint), NOON + DAY))


def test_chat_is_proven_by_the_code_posted_to_it(page, ask, dispatch, hook):
    address = hook.url + "/services/T0/B0/x"
    team = ask(address, channel="slack", contact="")
    dispatch(slack=live(Slack), email=FakeChannel())

    code = messages.code_for(team)
    assert code in json.dumps(hook.received[0].json)
    subscriptions.confirm_by_code(page, "slack", address, code, NOON)
    assert fresh(team).state is CONFIRMED


# Addresses and secrets


def test_case_counts_in_a_web_address_and_not_in_a_mail_address():
    assert key_of("https://a.example/Hook") != key_of("https://a.example/hook")
    assert key_of("Ada@Example.com") == key_of("ada@example.com")


def test_an_address_of_500_characters_is_kept_and_found(add, page):
    long = "https://prod.example/" + "x" * 479
    found = add(long)

    assert subscriptions.find(page, "webhook", long).id == found.id
    assert (len(found.address), len(found.address_key)) == (500, 84)
    assert subscriptions.find(page, "webhook", long[:-1] + "y") is None


def test_the_old_secret_signs_beside_the_new_one_for_a_day(add):
    endpoint = add()
    (old,) = subscriptions.secrets_of(endpoint, NOON)
    subscriptions.rotate_secret(endpoint, BY, NOON)

    new, beside = subscriptions.secrets_of(endpoint, NOON + timedelta(hours=23, minutes=59))
    assert (beside, len({new, old})) == (old, 2)
    assert subscriptions.secrets_of(endpoint, NOON + DAY) == (new,)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", new)


def test_every_endpoint_has_a_secret_of_its_own(add):
    assert subscriptions.secrets_of(add(), NOON) != subscriptions.secrets_of(add("https://b.example/"), NOON)


def test_secrets_reach_channels_that_sign_and_no_others(add, subscribe, open_incident, dispatch):
    endpoint = add()
    subscribe("ada@example.com")
    open_incident()
    posts, mail = Posts(), FakeChannel()
    dispatch(webhook=posts, email=mail)

    assert [envelope.secrets for envelope in posts.sent] == [subscriptions.secrets_of(endpoint, NOON)]
    assert {envelope.secrets for envelope in mail.sent} == {()}


# Updates


def test_an_update_is_posted_once_with_its_stable_id(add, open_incident, dispatch, hook):
    add(hook.url + "/x")
    open_incident(title="Payments fail")
    dispatch(webhook=live(), email=FakeChannel())

    (sent,) = hook.received
    row = only_row(channel="webhook")
    assert sent.json["incident"]["name"] == "Payments fail"
    assert sent.headers["webhook-id"] == row.reference
    assert row.state is DeliveryState.SENT


def test_what_fails_is_tried_by_the_fields_schedule_with_the_same_id_and_then_given_up(add, open_incident, dispatch):
    endpoint = add()
    incident = open_incident()
    posts, mail, tried, now = Posts(DeliveryError("The endpoint answered 500.")), FakeChannel(), [], NOON
    for pause in (timedelta(0), *SCHEDULE):
        now += pause
        dispatch(now, webhook=posts, email=mail)
        tried.append(len(posts.sent))
        dispatch(now, webhook=posts, email=mail)  # nothing more is due yet

    row = only_row(channel="webhook")
    assert tried == list(range(1, 11))
    assert len(posts.sent) == 10
    assert len({envelope.personal().reference for envelope in posts.sent}) == 1
    assert (row.state, row.incident_id) == (DeliveryState.FAILED, incident.id)
    assert "10 times" in row.reason
    assert fresh(endpoint).state is STOPPED
    assert mail.messages[-1].subject == "We stopped sending to your webhook: Status"
    assert "The endpoint answered 500." in mail.messages[-1].text


def test_who_asks_for_more_time_than_the_schedule_gets_it(add, open_incident, dispatch):
    add()
    open_incident()
    posts = Posts(DeliveryError("The endpoint answered 429.", timedelta(hours=1)), Receipt())
    for minutes in (0, 1, 59, 61):
        dispatch(NOON + timedelta(minutes=minutes), webhook=posts, email=FakeChannel())

    assert len(posts.sent) == 2


def test_what_was_put_off_counts_as_no_attempt(add, open_incident, dispatch):
    add()
    open_incident()
    posts = Posts(*[Postponed("The host is busy.", timedelta(seconds=10))] * 30, Receipt())
    for times in range(32):
        dispatch(NOON + timedelta(seconds=11 * times), webhook=posts, email=FakeChannel())

    row = only_row(channel="webhook")
    assert row.state is DeliveryState.SENT
    assert row.attempt_count == 1
    assert len(posts.sent) == 31


def test_gone_stops_at_once_and_tells_the_contact_once(add, open_incident, dispatch):
    endpoint = add()
    incident = open_incident()
    posts, mail = Posts(PermanentDeliveryError("The endpoint answered 410.", code="gone")), FakeChannel()
    dispatch(webhook=posts, email=mail)
    publishing.post_update(incident, said(), BY, NOON + timedelta(minutes=5))
    dispatch(NOON + timedelta(minutes=5), webhook=posts, email=mail)
    subscribers.stop_after_refusal(endpoint.id, "gone", "again", NOON)
    dispatch(NOON + timedelta(minutes=9), webhook=posts, email=mail)

    assert fresh(endpoint).state is STOPPED
    assert len(posts.sent) == 1
    assert Counter(message.subject for message in mail.messages)["We stopped sending to your webhook: Status"] == 1


def test_a_contact_that_bounces_starts_no_loop(add, open_incident, dispatch):
    add()
    open_incident()
    posts = Posts(PermanentDeliveryError("The endpoint answered 410.", code="gone"))
    mail = FakeChannel(PermanentDeliveryError("No such mailbox.", code="invalid_address"))
    for minutes in range(5):
        dispatch(NOON + timedelta(minutes=minutes), webhook=posts, email=mail)

    assert len(mail.sent) <= 2


def test_a_chat_that_is_no_more_is_stopped_with_an_instruction(add, open_incident, dispatch, hook):
    team = add(hook.on("/services/T0/B0/x", HookAnswer(404, "channel_not_found")), "slack", "")
    open_incident()
    dispatch(slack=live(Slack), email=FakeChannel())

    assert fresh(team).state is STOPPED
    assert "channel_not_found" in team.state_reason
    assert "Make a new one" in team.state_reason


def test_a_stopped_endpoint_that_proves_itself_again_goes_on_as_before(add, open_incident, dispatch):
    with HookDouble(echoes=True) as hook:
        endpoint = add(hook.url + "/x")
        subscribers.stop_after_refusal(endpoint.id, "gone", "It answered 410.", NOON)
        open_incident()

        subscriptions.prove_again(fresh(endpoint), NOON)
        dispatch(webhook=live(), email=FakeChannel())

        assert fresh(endpoint).state is CONFIRMED
        assert [sent.json["type"] for sent in hook.received] == ["endpoint.verify", "incident.created"]


def test_only_what_we_stopped_can_be_proven_again(add):
    with pytest.raises(Conflict):
        subscriptions.prove_again(add(), NOON)


def test_an_endpoint_that_fails_leaves_mail_its_speed(add, subscribe, open_incident, dispatch):
    add()
    subscribe("ada@example.com")
    open_incident()
    mail = FakeChannel()
    dispatch(webhook=Posts(DeliveryError("No.")), email=mail)

    assert "ada@example.com" in mail.recipients


# Staff


def test_a_colleague_is_reminded_on_every_way_there_is(colleague, open_incident, dispatch):
    from statuspage.cadence import reminders

    user = colleague(phone="+4915112345678")
    user.push_url = "ntfys://ntfy.example/x"
    db.session.commit()
    incident = open_incident()

    reminders.remind_due(incident.next_update_due_at)

    rows = {row.channel: row.recipient for row in ledger(staff_user_id=user.id)}
    assert rows == {"email": user.email, "sms": "+4915112345678", "apprise": "ntfys://ntfy.example/x"}


# Words


def test_words_are_made_for_the_channels_there_are(app, open_incident):
    open_incident()

    (announcement,) = announcements()
    assert {"email", "sms", "webhook", "slack", "teams", "discord", "google_chat"} == set(announcement.words)


def test_without_a_channel_there_are_no_words_for_it(app, open_incident):
    app.extensions["candor.channels"].pop("webhook")
    open_incident()

    assert "webhook" not in announcements()[0].words


def test_dispatcher_says_how_many_attempts_a_channel_has():
    pauses = Dispatcher({}, jitter=lambda: 0.0)._pauses_of(Posts())

    assert [pauses(attempt, None) for attempt in range(9)] == list(SCHEDULE)


def test_captured_posts_can_be_looked_at(app, add, open_incident, dispatch):
    add()
    open_incident()
    dispatch()

    row = only_row(channel="webhook")
    assert row.state is DeliveryState.CAPTURED
    channel = app.extensions["candor.channels"]["webhook"]
    words = announcements(kind="incident_update")[0].words["webhook"]
    preview = channel.preview(Message(reference="r", subject="s", text=words["text"]), URL)
    assert "Payments fail" in preview.text
    assert Envelope("k", URL, Message("r", "s", "t")).secrets == ()
