import re
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select

from statuspage import components, subscribers, subscriptions
from statuspage.clock import utcnow
from statuspage.db import Base, db
from statuspage.delivery import messages
from statuspage.models import Delivery, RateCount, Subscriber
from statuspage.subscriptions import Wishes
from statuspage.tokens import Purpose, signer
from statuspage.vocabulary import ComponentStatus, EventLevel, SubscriberState
from tests.conftest import BY, NOON, csrf_token
from tests.statuspage.fakes import FakeChannel, announcements, ledger

ADA, PHONE = "ada@example.com", "+4915112345678"
CONFIRMED, GONE = SubscriberState.CONFIRMED, SubscriberState.UNSUBSCRIBED


@pytest.fixture
def send(client):
    """Fills in the sign-up form and sends it."""

    def submit(email=ADA, *, browser=client, drop="", **more):
        form = {"csrf_token": csrf_token(browser, "/subscribe"), "email": email, "consent": "yes"} | more
        form.pop(drop, None)
        return browser.post("/subscribe", data=form)

    return submit


def count(model=Subscriber):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model))


def state_of(subscriber_id):
    db.session.rollback()
    return db.session.get(Subscriber, subscriber_id, populate_existing=True).state


def one():
    db.session.rollback()
    return db.session.scalars(select(Subscriber)).one()


def contents():
    db.session.rollback()
    return {table.name: db.session.execute(select(table)).all() for table in Base.metadata.sorted_tables}


def link(purpose, subscriber, **more):
    paths = {Purpose.CONFIRM: "/subscribe/confirm", Purpose.MANAGE: "/manage", Purpose.UNSUBSCRIBE: "/unsubscribe"}
    salt = "" if purpose is Purpose.UNSUBSCRIBE else subscriber.salt
    return f"{paths[purpose]}/{signer().sign(purpose, subscriber.public_id, salt, **more)}"


def press(browser, path, **form):
    return browser.post(path, data={"csrf_token": csrf_token(browser, path)} | form)


# Signing up


def test_form_is_answered_with_check_your_inbox(send, client):
    answer = send()

    assert (answer.status_code, answer.headers["Location"]) == (303, "/subscribe/check")
    assert "Check your inbox" in client.get("/subscribe/check").text
    assert [a.kind.value for a in announcements()] == ["confirmation"]


def test_proof_of_consent_names_the_words_and_not_the_visitor(send):
    send()

    assert re.fullmatch(r"form 1, sha256 [0-9a-f]{64}", one().consent)
    assert one().consent_network == signer().pseudonym("127.0.0.1")


def test_choices_are_kept_as_made(send, api, web):
    send(scope="components", components=api.public_id, email_level="key_moments")

    assert [row.component.name for row in one().subscriptions] == ["API"]
    assert one().level is EventLevel.KEY_MOMENTS


def test_whole_page_wins_over_boxes_left_ticked(send, api):
    send(scope="page", components=api.public_id)

    assert one().wants_whole_page


@pytest.mark.parametrize(("channel", "level"), [("email", EventLevel.EVERY_UPDATE), ("sms", EventLevel.KEY_MOMENTS)])
def test_sms_hears_key_moments_unless_told_otherwise(send, channel, level):
    send(channel=channel, phone=PHONE)

    assert one().level is level


def test_address_that_cannot_work_is_refused_beside_its_field(send):
    several = ["a@b.test,c@d.test", "a@b.test;c@d.test", "Ada <ada@example.com>", "<ada@example.com>", "a@b@c.example"]
    nowhere = ["", " ", "ada", "x@localhost", "x@[127.0.0.1]", "x@10.0.0.1"]
    poison = ["a@b.test\r\nBcc: v@x.test", "a@b.test\nRCPT TO:<v@x>", "a\u202e@example.com", "a@exam\x00ple.com"]
    for address in [*several, *nowhere, *poison, "x" * 65 + "@example.com", "x" * 250 + "@example.com"]:
        answer = send(address)

        assert answer.status_code == 422, address
        assert 'id="email-problem"' in answer.text
    assert (count(), count(Delivery)) == (0, 0)


def test_what_was_typed_is_still_there(send, api):
    answer = send('ada"><script>', scope="components", components=api.public_id, consent="")

    assert answer.status_code == 422
    assert 'value="ada&#34;&gt;&lt;script&gt;"' in answer.text
    assert re.search(rf'value="{api.public_id}" checked', answer.text)
    assert "Tick the box" in answer.text


@pytest.mark.parametrize("field", ["email", "consent"])
def test_field_left_out_is_named(send, field):
    answer = send(drop=field)

    assert answer.status_code == 422
    assert f'id="{field}-problem"' in answer.text


@pytest.mark.parametrize(
    "odd",
    [
        {"components": "aaaaaaaaaaaa"},
        {"components": "-1"},
        {"components": [f"{number:012}" for number in range(10_000)]},
        {"scope": "components"},
        {"email_level": "everything"},
        {"channel": "pigeon"},
        {"channel": "sms", "phone": "hello"},
        {"channel": "sms", "phone": "0049 151 12345678"},
        {"channel": "sms", "phone": "112"},
        {"channel": "sms", "phone": "+1555;ext=5"},
        {"channel": "sms", "phone": "+4915112345678901234"},
    ],
)
def test_odd_choice_is_refused_and_nothing_is_kept(send, odd):
    assert send(**odd).status_code == 422
    assert count() == 0


def test_country_we_do_not_send_to_is_refused_in_a_sentence(send):
    answer = send(channel="sms", phone="+2348012345678")

    assert answer.status_code == 422
    assert "do not send SMS to this country" in answer.text
    assert count() == 0


def test_robot_that_fills_in_everything_is_thanked_and_forgotten(send):
    answer = send(website="https://spam.example")

    assert answer.headers["Location"] == "/subscribe/check"
    assert count() == 0


def test_redirect_parameter_leads_nowhere(client):
    form = {"csrf_token": csrf_token(client, "/subscribe"), "email": ADA, "consent": "yes", "next": "//evil.example"}
    answer = client.post("/subscribe?next=https://evil.example&redirect=//evil.example", data=form)

    assert answer.headers["Location"] == "/subscribe/check"


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_nobody_learns_who_is_subscribed(app, page, client, channel):
    address = ADA if channel == "email" else PHONE
    answers = set()
    for state in (None, *SubscriberState):
        if state is not None:
            found = subscriptions.find(page, channel, address) or subscriptions.add_attested(
                page, channel, address, Wishes(), BY, "test", NOON
            )
            subscribers.change_state(found, state, "", NOON)
            db.session.execute(delete(RateCount))
            db.session.commit()
        browser = app.test_client()
        form = {
            "csrf_token": csrf_token(browser, "/subscribe"),
            "channel": channel,
            "email": ADA,
            "phone": PHONE,
            "consent": "yes",
        }
        answer = browser.post("/subscribe", data=form)
        after = re.sub(r'value="[^"]{40,}"', "", browser.get(answer.headers["Location"]).text)
        answers.add((answer.status_code, answer.headers["Location"], answer.data, after))

    assert len(answers) == 1


def test_signing_up_again_the_same_day_sends_nothing(send):
    send("Ada@EXAMPLE.com ")
    send("ada@example.com")

    assert (count(), count(Delivery)) == (1, 1)


def test_ten_sign_ups_an_hour_from_one_network(send):
    answers = [send(f"a{number}@example.com") for number in range(11)]

    assert [answer.status_code for answer in answers] == [303] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[-1].headers["Cache-Control"] == "no-store"
    assert count() == 10


def test_spoofed_forwarding_does_not_get_around_the_limit(client):
    def answer(number):
        form = {"csrf_token": csrf_token(client, "/subscribe"), "email": f"a{number}@example.com", "consent": "yes"}
        return client.post("/subscribe", data=form, headers={"X-Forwarded-For": f"192.0.2.{number}"}).status_code

    assert [answer(number) for number in range(11)][-1] == 429


def test_three_numbers_of_one_range_an_hour(app, send):
    answers = [send(channel="sms", phone=f"+49151123456{number}") for number in range(10, 14)]

    assert [answer.status_code for answer in answers] == [303, 303, 303, 429]


def test_country_refused_costs_the_daily_allowance_nothing(send):
    send(channel="sms", phone="+2348012345678")

    assert not db.session.scalars(select(RateCount).where(RateCount.key == "sign-up-sms")).all()


# Confirming


def test_link_in_the_mail_asks_and_the_button_confirms(send, client, dispatch):
    send()
    mail = FakeChannel()
    dispatch(utcnow(), email=mail)
    path = re.search(r"(/subscribe/confirm/\S+)", mail.messages[0].text)[1]
    page = client.get(path)

    assert (page.status_code, one().state) == (200, SubscriberState.PENDING)
    assert "You are subscribed" in press(client, path).text
    assert one().state is CONFIRMED


def test_confirmation_link_ends_after_a_week(send, client):
    send()
    person = one()
    over = link(Purpose.CONFIRM, person, expires_at=utcnow() - timedelta(seconds=1))

    assert client.get(over).status_code == 404


def test_links_are_good_for_one_purpose(send, client):
    send()
    token = link(Purpose.CONFIRM, one()).rsplit("/", 1)[1]

    assert client.get(f"/manage/{token}").status_code == 404
    assert client.get(f"/unsubscribe/{token}").status_code == 404


def test_link_of_somebody_who_left_says_what_to_do(send, client):
    send()
    path = link(Purpose.CONFIRM, one())
    token = csrf_token(client, path)
    subscriptions.unsubscribe(one(), "link", BY, NOON)
    answer = client.post(path, data={"csrf_token": token})

    assert answer.status_code == 409
    assert "Sign up again" in answer.text


def test_page_promises_the_current_state_to_those_who_get_it(send, client, open_incident, api, web):
    open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    send()

    assert "Its current state is on its way" in press(client, link(Purpose.CONFIRM, one())).text


def test_page_promises_no_state_to_those_who_get_none(send, client, open_incident, api, web):
    open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    send(scope="components", components=web.public_id)

    assert "on its way" not in press(client, link(Purpose.CONFIRM, one())).text


def test_digits_from_the_sms_confirm(send, client):
    send(channel="sms", phone=PHONE)
    code = messages.code_for(one())
    answer = press(client, "/subscribe/code", phone=PHONE, code=f" {code[:3]} {code[3:]} ")

    assert "You are subscribed" in answer.text
    assert one().state is CONFIRMED


def test_wrong_digits_keep_the_form(send, client):
    send(channel="sms", phone=PHONE)
    answer = press(client, "/subscribe/code", phone=PHONE, code="000")

    assert answer.status_code == 422
    assert f'value="{PHONE}"' in answer.text
    assert "wrong or too old" in answer.text


def test_guessing_across_numbers_is_limited(client):
    answers = [press(client, "/subscribe/code", phone=f"+49151123{n:05}", code="000000").status_code for n in range(31)]

    assert answers == [422] * 30 + [429]


# Changing and leaving


def test_manage_page_shows_and_keeps_the_wishes(client, subscribe, api, web):
    ada = subscribe(ADA, api)
    path = link(Purpose.MANAGE, ada)
    assert re.search(rf'value="{api.public_id}" checked', client.get(path).text)

    answer = press(client, path, scope="components", components=web.public_id, level="key_moments")

    assert answer.headers["Location"] == f"{path}?saved=yes"
    assert [row.component.name for row in one().subscriptions] == ["Website"]


def test_manage_page_keeps_what_was_typed(client, subscribe, api):
    answer = press(client, link(Purpose.MANAGE, subscribe(ADA)), scope="components", level="all")

    assert answer.status_code == 422
    assert "Choose at least one component" in answer.text
    assert one().wants_whole_page


def test_who_wants_to_be_forgotten_presses_a_button(client, subscribe):
    ada = subscribe(ADA)
    path = link(Purpose.MANAGE, ada)
    form = {"csrf_token": csrf_token(client, path)}
    answer = client.post(f"{path}/erase", data=form)

    assert "Your address is deleted" in answer.text
    assert (one().address, one().state) == ("", GONE)
    assert client.post(f"{path}/erase", data=form).status_code == 404


@pytest.mark.parametrize("form", [{}, {"csrf_token": "no"}])
def test_nobody_is_forgotten_by_a_forged_form(client, subscribe, form):
    path = link(Purpose.MANAGE, subscribe(ADA))

    assert client.post(f"{path}/erase", data=form).status_code == 400
    assert one().address == ADA


def test_opening_any_link_changes_nothing(send, client, subscribe, open_incident):
    open_incident()
    send()
    waiting, ada = one(), subscribe("bo@example.com")
    paths = [link(Purpose.CONFIRM, waiting), link(Purpose.MANAGE, ada), link(Purpose.UNSUBSCRIBE, ada)]
    before = contents()
    for path in [*paths, "/", "/subscribe", "/subscribe/code", "/history", "/history.atom"]:
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200

    assert contents() == before


def test_button_ends_the_subscription(client, subscribe):
    ada = subscribe(ADA)
    answer = press(client, link(Purpose.UNSUBSCRIBE, ada))

    assert "You are unsubscribed" in answer.text
    assert state_of(ada.id) is GONE


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_one_click_of_a_mail_program_ends_it_without_cookies(client, subscribe, content_type):
    ada = subscribe(ADA)
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"}
    path = link(Purpose.UNSUBSCRIBE, ada)
    answers = [
        client.post(path, data={"List-Unsubscribe": "One-Click"}, content_type=content_type, headers=headers)
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert state_of(ada.id) is GONE


@pytest.mark.parametrize("form", [{}, {"List-Unsubscribe": "one-click"}, {"csrf_token": "x"}])
def test_bare_post_to_the_link_ends_nothing(client, subscribe, form):
    ada = subscribe(ADA)

    assert client.post(link(Purpose.UNSUBSCRIBE, ada), data=form).status_code == 400
    assert state_of(ada.id) is CONFIRMED


def test_link_in_the_oldest_mail_still_ends_the_newest_subscription(client, subscribe, page):
    ada = subscribe(ADA)
    path = link(Purpose.UNSUBSCRIBE, ada)
    subscriptions.unsubscribe(ada, "link", BY, NOON)
    subscriptions.sign_up(page, "email", ADA, Wishes(), "form", "net", NOON + timedelta(days=2))
    subscriptions.confirm(ada, NOON + timedelta(days=2))
    press(client, path)

    assert state_of(ada.id) is GONE


def test_mail_offers_one_click_and_confirmations_do_not(send, subscribe, open_incident, dispatch):
    send()
    subscribe("bo@example.com")
    open_incident()
    mail = FakeChannel()
    dispatch(NOON, email=mail)
    dispatch(utcnow(), email=mail)

    by_address = {envelope.address: envelope.personal() for envelope in mail.sent}
    assert by_address[ADA].unsubscribe_url is None
    assert "/unsubscribe/" in by_address["bo@example.com"].unsubscribe_url


def test_odd_token_is_not_found_and_never_our_fault(client):
    for odd in ("é", "%00", "null", "x" * 5000, "..%2f", f"{'a' * 12}.0.{'0' * 32}", "%ff%fe", "a/b"):
        for kind in ("subscribe/confirm", "manage", "unsubscribe"):
            assert client.get(f"/{kind}/{odd}").status_code == 404
            assert client.post(f"/{kind}/{odd}").status_code in (400, 404)


def test_token_works_on_its_own_address_only(client, subscribe):
    assert client.get(link(Purpose.MANAGE, subscribe(ADA)) + "/a.png").status_code == 404


def test_archived_component_can_no_longer_be_chosen(send, api):
    components.archive(api, BY, NOON)

    assert send(components=api.public_id).status_code == 422


def test_form_may_be_opened_with_a_component_chosen(client, api):
    assert re.search(rf'value="{api.public_id}" checked', client.get(f"/subscribe?components={api.public_id}").text)


def test_every_letter_in_the_ledger_goes_to_the_address_as_cleaned(send):
    send("ADA@Example.COM")

    assert [row.recipient for row in ledger()] == ["ADA@example.com"]
