"""Signing up webhooks and chats in the browser, and looking after them."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from statuspage import pages, subscribers, subscriptions
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.delivery import messages
from statuspage.models import Page, Subscriber
from statuspage.subscriptions import Wishes
from statuspage.tokens import Purpose, signer
from statuspage.vocabulary import EventLevel, StaffRole, SubscriberState
from tests.conftest import BY, NOON, csrf_token
from tests.statuspage.fakes import announcements

URL, CONTACT = "https://hooks.example.com/status?key=1", "ops@example.org"
SLACK = "https://hooks.slack.com/services/T0000/B0000/abcdef123456"


@pytest.fixture
def send(client):
    """Fills in the sign-up form for a webhook and sends it."""

    def submit(**more):
        form = {"csrf_token": csrf_token(client, "/subscribe"), "consent": "yes", "channel": "webhook"}
        form |= {"webhook": URL, "webhook_contact": CONTACT} | more
        return client.post("/subscribe", data=form)

    return submit


@pytest.fixture
def endpoint(page):
    """A confirmed endpoint."""
    return subscriptions.add_attested(page, "webhook", URL, Wishes(), BY, "test", NOON, CONTACT)


def count():
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Subscriber))


def one():
    db.session.rollback()
    return db.session.scalars(select(Subscriber).execution_options(populate_existing=True)).one()


def manage(subscriber):
    return f"/manage/{signer().sign(Purpose.MANAGE, subscriber.public_id, subscriber.salt)}"


def press(client, path, form_at, **form):
    return client.post(path, data={"csrf_token": csrf_token(client, form_at)} | form)


def test_form_offers_what_the_page_allows(client, app, page):
    html = client.get("/subscribe").text

    assert re.findall(r'name="channel" value="(\w+)"', html) == ["email", "sms", "teams", "slack", "webhook"]
    page = db.session.get(Page, page.id)
    page.public_channels = ["email"]
    db.session.commit()
    html = client.get("/subscribe").text
    assert '<input type="hidden" name="channel" value="email">' in html
    assert 'name="webhook"' not in html


@pytest.mark.parametrize("channel", ["discord", "apprise", "pigeon", "google_chat"])
def test_a_channel_that_is_not_offered_is_refused(send, channel):
    assert send(channel=channel, discord="https://discord.com/api/webhooks/1/x").status_code == 422
    assert count() == 0


def test_webhook_is_asked_for_its_proof(send, client):
    answer = send()

    assert (answer.status_code, answer.headers["Location"]) == (303, "/subscribe/check?by=webhook")
    assert "We are asking your endpoint" in client.get("/subscribe/check?by=webhook").text
    assert (one().channel, one().address, one().contact) == ("webhook", URL, CONTACT)
    assert one().level is EventLevel.EVERY_UPDATE
    assert [announcement.kind.value for announcement in announcements()] == ["confirmation"]


@pytest.mark.parametrize(
    "odd",
    [
        {"webhook": ""},
        {"webhook": "http://example.com/"},
        {"webhook": "https://127.0.0.1/"},
        {"webhook": "https://2130706433/"},
        {"webhook": "https://[::ffff:127.0.0.1]/"},
        {"webhook": "https://u:p@example.com/"},
        {"webhook": "https://example.com/#@127.0.0.1"},
        {"webhook": "https://example.com/" + "x" * 500},
        {"webhook_contact": ""},
        {"webhook_contact": "a@b.test,c@d.test"},
        {"channel": "slack", "slack": "https://hooks.slack.com.evil.test/services/T/B/x"},
        {"channel": "slack", "slack": URL},
        {"channel": "teams", "teams": SLACK},
    ],
)
def test_what_cannot_be_called_is_refused_beside_its_field(send, odd):
    answer = send(**odd)

    field = list(odd)[-1]
    assert answer.status_code == 422
    assert f'id="{field}-problem"' in answer.text
    assert count() == 0


def test_answers_are_alike_for_known_and_unknown_endpoints(send, client, endpoint):
    known = send()
    unknown = send(webhook="https://other.example/")

    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])


def test_nobody_is_mailed_about_endless_endpoints(send):
    answers = [send(webhook=f"https://hooks{number}.example/").status_code for number in range(5)]

    assert answers == [303, 303, 303, 429, 429]


def test_chat_gets_a_code_that_its_owner_types(send, client, page):
    answer = send(channel="slack", slack=SLACK)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/subscribe/code")
    html = client.get("/subscribe/code").text
    assert f'value="{SLACK}"' in html
    assert "posted to the channel" in html

    wrong = press(client, "/subscribe/code", "/subscribe/code", channel="slack", slack=SLACK, code="000000")
    right = press(
        client, "/subscribe/code", "/subscribe/code", channel="slack", slack=SLACK, code=messages.code_for(one())
    )

    assert (wrong.status_code, right.status_code) == (422, 200)
    assert one().state is SubscriberState.CONFIRMED


def test_a_code_is_of_no_use_for_what_is_proven_otherwise(send, client):
    send()
    code = messages.code_for(one())

    answer = press(client, "/subscribe/code", "/subscribe/code", channel="webhook", webhook=URL, code=code)

    assert answer.status_code == 422
    assert one().state is SubscriberState.PENDING


def test_owner_sees_the_secret_and_makes_a_new_one(client, endpoint):
    path = manage(endpoint)
    (old,) = subscriptions.secrets_of(endpoint, utcnow())
    html = client.get(path).text
    assert old in html
    assert CONTACT in html

    answer = press(client, f"{path}/secret", path)

    new, beside = subscriptions.secrets_of(one(), utcnow())
    assert (answer.status_code, beside) == (303, old)
    html = client.get(path).text
    assert new in html
    assert old not in html


def test_the_secret_needs_the_owners_link_and_form(client, endpoint):
    path = manage(endpoint)

    assert client.post(f"{path}/secret").status_code == 400
    assert press(client, path.replace(".0.", ".1.") + "/secret", path).status_code == 404
    assert one().secret_version == endpoint.secret_version


def test_mail_and_chat_have_no_secret(client, subscribe):
    ada = subscribe("ada@example.com")

    assert "whsec_" not in client.get(manage(ada)).text


def test_a_chats_address_is_a_key_and_is_not_shown_whole(client, subscribe):
    team = subscribe(SLACK, channel="slack")

    html = client.get(manage(team)).text
    assert "hooks.slack.com/…3456" in html
    assert "abcdef12" not in html


def test_owner_of_a_stopped_endpoint_reads_why_and_has_it_tried_again(client, endpoint):
    path = manage(endpoint)
    subscribers.stop_after_refusal(endpoint.id, "gone", "The endpoint answered 410.", NOON)

    html = client.get(path).text
    answer = press(client, f"{path}/prove", path)

    assert "The endpoint answered 410." in html
    assert (answer.status_code, answer.headers["Location"]) == (303, "/subscribe/check?by=webhook")
    assert one().state is SubscriberState.PENDING
    assert "asking your endpoint" in client.get(path).text


def test_asking_again_has_its_limit(client, endpoint):
    path = manage(endpoint)
    statuses = []
    for _ in range(6):
        subscriber = one()
        subscribers.change_state(subscriber, SubscriberState.QUARANTINED, "gone", NOON)
        db.session.commit()
        statuses.append(press(client, f"{path}/prove", path).status_code)

    assert statuses[:5] == [303] * 5
    assert statuses[5] == 429


# The panel


def test_admin_chooses_how_strangers_subscribe(sign_in, client, page):
    browser = sign_in(StaffRole.ADMIN).browser
    facts = {"name": "Status", "time_zone": "Etc/UTC", "csrf_token": csrf_token(browser, "/admin/page")}

    none = browser.post("/admin/page", data=facts | {"public_channels": ""})
    silent = browser.post("/admin/page", data=facts)
    db.session.rollback()
    assert pages.first().public_channels == ["email", "sms", "webhook", "slack", "teams"]
    some = browser.post("/admin/page", data=facts | {"public_channels": ["email", "discord", "apprise", "pigeon"]})

    assert (none.status_code, silent.status_code, some.status_code) == (422, 303, 303)
    db.session.rollback()
    assert pages.first().public_channels == ["email", "discord"]


def test_lead_adds_an_endpoint_whose_contact_is_told(sign_in, dispatch):
    browser = sign_in().browser
    form = {"csrf_token": csrf_token(browser, "/admin/subscribers/new"), "channel": "webhook", "address": URL}
    form |= {"contact": CONTACT, "evidence": "contract", "level": "every_update"}

    answer = browser.post("/admin/subscribers", data=form)

    assert answer.status_code == 303
    assert (one().state, one().contact) == (SubscriberState.CONFIRMED, CONTACT)
    assert [announcement.kind.value for announcement in announcements()] == ["manage_link"]
    listed = browser.get("/admin/subscribers").text
    assert "hooks.example.com/•••" in listed
    assert "key=1" not in listed


def test_lead_adds_nobody_on_a_channel_for_staff(sign_in):
    browser = sign_in().browser
    form = {"csrf_token": csrf_token(browser, "/admin/subscribers/new"), "channel": "apprise"}
    form |= {"address": "ntfys://ntfy.sh/x", "evidence": "contract", "level": "every_update"}

    assert browser.post("/admin/subscribers", data=form).status_code == 422


def test_push_address_is_set_kept_and_removed_and_never_shown(sign_in):
    entered = sign_in(StaffRole.ADMIN)
    browser, path = entered.browser, f"/admin/staff/{entered.user.public_id}"
    form = {"csrf_token": csrf_token(browser, path), "name": "A", "role": "admin", "active": "yes"}

    def push_url():
        db.session.refresh(entered.user)
        return entered.user.push_url

    browser.post(path, data=form | {"push_url": "ntfys://ntfy.sh/very-secret"})
    assert push_url() == "ntfys://ntfy.sh/very-secret"
    assert "very-secret" not in browser.get(path).text
    browser.post(path, data=form)
    assert push_url() == "ntfys://ntfy.sh/very-secret"
    assert browser.post(path, data=form | {"push_url": "json://127.0.0.1/"}).status_code == 422
    browser.post(path, data=form | {"no_push": "yes"})
    assert push_url() == ""


def test_ledger_and_composer_bear_new_channels(sign_in, subscribe, open_incident, endpoint, dispatch):
    subscribe(SLACK, channel="slack")
    open_incident()
    dispatch(NOON + timedelta(minutes=1))
    browser = sign_in(StaffRole.ADMIN).browser
    (announcement,) = announcements(kind="incident_update")

    shown = browser.get(f"/admin/announcements/{announcement.public_id}").text
    counted = browser.get("/admin/incidents/new").text
    captured = browser.get("/admin/messages?channel=slack").text

    assert "Discord, Google Chat, Slack, Microsoft Teams" in shown
    assert "<strong>1</strong> by Slack" in counted
    message = re.search(r"/admin/messages/\d+", captured)
    assert message
    assert "Payments fail" in browser.get(message[0]).text
