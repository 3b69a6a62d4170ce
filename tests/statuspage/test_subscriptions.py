from datetime import timedelta

import pytest
from sqlalchemy import func, select

from statuspage import publishing, subscribers, subscriptions
from statuspage.db import db
from statuspage.delivery import letters, messages
from statuspage.errors import Conflict, Invalid, NotFound
from statuspage.models import Subscriber
from statuspage.subscriptions import Wishes
from statuspage.vocabulary import AnnouncementKind, ComponentStatus, EventLevel, IncidentStatus, SubscriberState
from tests.conftest import BY, NOON
from tests.statuspage.fakes import FakeChannel, acts, announcements, ledger, only_row, said

DAY = timedelta(hours=24)
ADA, PHONE = "ada@example.com", "+4915112345678"
CONFIRMED, PENDING, GONE = SubscriberState.CONFIRMED, SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED


@pytest.fixture
def ask(page):
    """Signs an address up, as the form does."""

    def sign_up(address=ADA, *wanted, at=NOON, channel="email", level=EventLevel.EVERY_UPDATE):
        subscriptions.sign_up(page, channel, address, Wishes(wanted, level), "form 1", "network", at)
        return subscriptions.find(page, channel, address)

    return sign_up


def asked():
    """What went out to people who signed up."""
    return [announcement.kind.value for announcement in announcements()]


def test_sign_up_is_a_wish_until_its_owner_confirms(ask, page, open_incident, dispatch):
    ask()
    open_incident()
    mail = FakeChannel()
    dispatch(email=mail)

    assert [message.subject for message in mail.messages] == ["Confirm your subscription to Status"]


def test_confirming_makes_it_count(ask):
    ada = ask()
    subscriptions.confirm(ada, NOON)

    assert (ada.state, ada.confirmed_at) == (CONFIRMED, NOON)
    assert acts()[-1] == "subscriber.confirm"


def test_confirming_twice_changes_nothing(ask, open_incident):
    open_incident()
    ada = ask()
    subscriptions.confirm(ada, NOON)
    subscriptions.confirm(ada, NOON + DAY)

    assert ada.confirmed_at == NOON
    assert asked().count("current_state") == 1


def test_what_was_consented_to_is_kept_without_the_network_itself(ask):
    ada = ask()

    assert (ada.consent, ada.consent_network, ada.created_at) == ("form 1", "network", NOON)


def test_same_address_in_other_letters_is_one_subscriber(ask):
    ask("Ada@example.com")
    ask("ada@example.com")

    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 1


@pytest.mark.parametrize("state", list(SubscriberState))
def test_one_message_in_24_hours_whatever_the_state(ask, state):
    ada = ask()
    subscribers.change_state(ada, state, "", NOON)
    for hour in range(1, 24):
        ask(at=NOON + timedelta(hours=hour))

    assert len(asked()) == 1


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (PENDING, AnnouncementKind.CONFIRMATION),
        (CONFIRMED, AnnouncementKind.MANAGE_LINK),
        (GONE, AnnouncementKind.CONFIRMATION),
        (SubscriberState.QUARANTINED, AnnouncementKind.CONFIRMATION),
    ],
)
def test_next_day_the_owner_is_written_to_again(ask, state, kind):
    ada = ask()
    subscribers.change_state(ada, state, "", NOON)
    ask(at=NOON + DAY)

    assert asked()[1:] == [kind.value]


def test_stranger_who_signs_a_subscriber_up_again_changes_nothing(ask, api):
    ada = ask()
    subscriptions.confirm(ada, NOON)
    ask(ADA, api, at=NOON + DAY, level=EventLevel.KEY_MOMENTS)

    assert (ada.state, ada.wants_whole_page, ada.level) == (CONFIRMED, True, EventLevel.EVERY_UPDATE)


def test_new_confirmation_ends_the_old_link_and_code(ask):
    ada = ask()
    salt, code = ada.salt, messages.code_for(ada)
    ask(at=NOON + DAY)

    assert ada.salt != salt
    assert messages.code_for(ada) != code


def test_link_does_not_bring_back_who_left(ask):
    ada = ask()
    subscriptions.confirm(ada, NOON)
    subscriptions.unsubscribe(ada, "link", BY, NOON)

    with pytest.raises(Conflict, match="Sign up again"):
        subscriptions.confirm(ada, NOON)


def test_pending_wishes_are_replaced_not_added_up(ask, api, web):
    ask(ADA, api)
    ada = ask(ADA, web)

    assert [row.component for row in ada.subscriptions] == [web]


def test_changed_wishes_replace_the_old_ones(ask, api, web):
    ada = ask()
    subscriptions.confirm(ada, NOON)
    subscriptions.change(ada, Wishes((api, web), EventLevel.KEY_MOMENTS), NOON)
    subscriptions.change(ada, Wishes((web,), EventLevel.KEY_MOMENTS), NOON)

    assert ([row.component for row in ada.subscriptions], ada.level) == ([web], EventLevel.KEY_MOMENTS)
    assert not ada.wants_whole_page


@pytest.mark.parametrize("state", [PENDING, GONE, SubscriberState.QUARANTINED])
def test_only_a_live_subscription_can_be_changed(ask, state):
    ada = ask()
    subscribers.change_state(ada, state, "", NOON)

    with pytest.raises(Conflict, match="has ended"):
        subscriptions.change(ada, Wishes(), NOON)


def test_leaving_is_for_good_and_twice_is_once(ask):
    ada = ask()
    subscriptions.unsubscribe(ada, "link", BY, NOON)
    subscriptions.unsubscribe(ada, "link", BY, NOON + DAY)

    assert (ada.state, ada.state_changed_at) == (GONE, NOON)
    assert acts().count("subscriber.unsubscribe") == 1


class TestCode:
    @pytest.fixture
    def phone(self, ask):
        return ask(PHONE, channel="sms")

    def test_right_digits_confirm_the_number(self, page, phone):
        subscriptions.confirm_by_code(page, "sms", PHONE, messages.code_for(phone), NOON)

        assert phone.state is CONFIRMED

    def test_sms_holds_the_code_and_no_link_to_leave(self, phone):
        words = letters.personal(only_row()).text

        assert words.startswith(messages.code_for(phone))
        assert "http" not in words

    @pytest.mark.parametrize("code", ["", "000000x", "１２３４５６", "\ud800", "é" * 6, "0" * 100_000])
    def test_wrong_digits_do_not(self, page, phone, code):
        with pytest.raises(Invalid, match="wrong or too old"):
            subscriptions.confirm_by_code(page, "sms", PHONE, code, NOON)

        assert phone.state is PENDING

    def test_five_tries_and_no_more(self, page, phone):
        for _ in range(5):
            with pytest.raises(Invalid):
                subscriptions.confirm_by_code(page, "sms", PHONE, "nope", NOON)

        with pytest.raises(Invalid):
            subscriptions.confirm_by_code(page, "sms", PHONE, messages.code_for(phone), NOON)

    def test_fifth_try_may_still_be_right(self, page, phone):
        for _ in range(4):
            with pytest.raises(Invalid):
                subscriptions.confirm_by_code(page, "sms", PHONE, "nope", NOON)

        assert subscriptions.confirm_by_code(page, "sms", PHONE, messages.code_for(phone), NOON)

    def test_code_works_for_half_an_hour(self, page, phone):
        with pytest.raises(Invalid):
            subscriptions.confirm_by_code(page, "sms", PHONE, messages.code_for(phone), NOON + timedelta(minutes=30.1))

        assert subscriptions.confirm_by_code(page, "sms", PHONE, messages.code_for(phone), NOON + timedelta(minutes=30))

    def test_refusal_is_the_same_for_every_reason(self, page, phone):
        sentences = set()
        for number, code, at in [
            ("+4915100000000", "123456", NOON),
            (PHONE, "123456", NOON),
            (PHONE, messages.code_for(phone), NOON + DAY),
        ]:
            with pytest.raises(Invalid) as caught:
                subscriptions.confirm_by_code(page, "sms", number, code, at)
            sentences.add(str(caught.value))

        assert len(sentences) == 1


def test_attestation_counts_as_confirmed_and_says_who_and_how(page):
    ada = subscriptions.add_attested(page, "email", ADA, Wishes(), BY, "contract of 2026-01-01", NOON)

    assert (ada.state, ada.confirmed_at) == (CONFIRMED, NOON)
    assert ada.consent == "attested (test): contract of 2026-01-01"
    assert "subscriber.attest" in acts()


def test_attesting_a_subscriber_replaces_what_they_get(page, subscribe, api):
    ada = subscribe(ADA)
    subscriptions.add_attested(page, "email", ADA, Wishes((api,)), BY, "again", NOON)

    assert [row.component for row in ada.subscriptions] == [api]
    assert ada.consent == "attested (test): test"


def test_start_brings_back_a_number_that_had_confirmed(subscribe):
    phone = subscribe(PHONE, channel="sms")
    subscriptions.unsubscribe(phone, "STOP", BY, NOON)
    subscriptions.resume(phone, NOON)

    assert phone.state is CONFIRMED


@pytest.mark.parametrize("state", [PENDING, SubscriberState.QUARANTINED])
def test_start_confirms_nobody_else(ask, state):
    phone = ask(PHONE, channel="sms")
    subscribers.change_state(phone, state, "", NOON)
    subscriptions.resume(phone, NOON)

    assert phone.state is state


def test_start_does_not_confirm_a_number_that_never_did(ask):
    phone = ask(PHONE, channel="sms")
    subscriptions.unsubscribe(phone, "STOP", BY, NOON)
    subscriptions.resume(phone, NOON)

    assert phone.state is GONE


def test_sign_up_in_the_middle_is_answered_with_each_open_state(ask, open_incident, api, web):
    first = open_incident(title="First", components={api: ComponentStatus.MAJOR_OUTAGE})
    second = open_incident(title="Second", components={web: ComponentStatus.MAJOR_OUTAGE})
    over = open_incident(title="Over", status=IncidentStatus.RESOLVED)
    publishing.post_update(first, said("Found it."), BY, NOON)
    subscriptions.confirm(ask(), NOON)

    told = {(row.incident_id, row.sequence) for row in ledger() if row.announcement.kind.value == "current_state"}
    assert told == {(first.id, 2), (second.id, 1)}
    assert over.id not in {incident for incident, _ in told}


def test_who_wants_components_is_told_of_their_incidents_alone(ask, open_incident, api, web):
    open_incident(title="Api", components={api: ComponentStatus.MAJOR_OUTAGE})
    mine = open_incident(title="Web", components={web: ComponentStatus.MAJOR_OUTAGE})
    open_incident(title="Neither")
    subscriptions.confirm(ask(ADA, web), NOON)

    told = [row.incident_id for row in ledger() if row.announcement.kind.value == "current_state"]
    assert told == [mine.id]


@pytest.mark.parametrize("odd", [None, "", "x", "é"])
def test_unknown_subscriber_is_not_found(app, odd):
    with pytest.raises(NotFound):
        subscriptions.find_by_id(odd)


def test_nobody_can_attest_back_who_has_unsubscribed(page, subscribe):
    ada = subscribe(ADA)
    subscriptions.unsubscribe(ada, "unsubscribe link", BY, NOON)

    with pytest.raises(Conflict, match="unsubscribed"):
        subscriptions.add_attested(page, "email", ADA, Wishes(), BY, "again", NOON)


def test_who_left_and_signs_up_again_is_asked_at_once(ask):
    ada = ask()
    subscriptions.confirm(ada, NOON)
    subscriptions.unsubscribe(ada, "unsubscribe link", BY, NOON + timedelta(hours=1))
    ask(at=NOON + timedelta(hours=2))

    assert asked().count("confirmation") == 2


def test_number_whose_code_is_dead_gets_a_new_one(page):
    for at in (NOON, NOON + timedelta(minutes=10), NOON + timedelta(minutes=31)):
        subscriptions.sign_up(page, "sms", "+4915123456789", Wishes(), "form 1", "network", at)

    assert asked().count("confirmation") == 2


def test_start_from_the_phone_outweighs_a_sign_up_that_nobody_answered(page, subscribe):
    phone = subscribe("+4915123456789", channel="sms")
    subscriptions.unsubscribe(phone, "STOP by SMS", BY, NOON)
    subscriptions.sign_up(page, "sms", phone.address, Wishes(), "form 1", "network", NOON)

    subscriptions.resume(phone, NOON)

    assert phone.state is CONFIRMED
