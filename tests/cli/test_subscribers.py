"""`candor subscriber`."""

from collections.abc import Callable

from flask import Flask
from sqlalchemy import select

from statuspage.db import db
from statuspage.delivery.dispatcher import Dispatcher
from statuspage.models import Subscriber

from .conftest import Shell


def test_a_mail_address_is_confirmed_by_attestation(candor: Shell, inside: Callable[[], Flask]) -> None:
    subscriber_id = candor.says("subscriber", "add", "--email", "ada@example.com", "--evidence", "contract of 3 May")

    inside()
    subscriber = db.session.scalars(select(Subscriber)).one()
    assert (subscriber.public_id, subscriber.state, subscriber.level) == (subscriber_id, "confirmed", "every_update")
    assert subscriber.consent == "attested (command line): contract of 3 May"


def test_a_phone_hears_key_moments_of_its_components(candor: Shell) -> None:
    candor.says("component", "add", "API")
    candor.says("component", "add", "Website")

    candor.says("subscriber", "add", "--phone", "+1 202-555-0143", "--component", "api", "--component", "Website")

    added = candor.tells("subscriber", "list")[0]
    assert (added["channel"], added["address"], added["level"]) == ("sms", "+12025550143", "key_moments")
    assert sorted(added["components"]) == ["API", "Website"]


def test_a_level_may_be_chosen(candor: Shell) -> None:
    candor.says("subscriber", "add", "--email", "ada@example.com", "--level", "key-moments")

    assert candor.tells("subscriber", "list")[0]["level"] == "key_moments"


def test_adding_somebody_again_changes_what_they_hear(candor: Shell) -> None:
    candor.says("component", "add", "API")
    first = candor.says("subscriber", "add", "--email", "ada@example.com")

    again = candor.says("subscriber", "add", "--email", "ADA@example.com", "--component", "API")

    assert again == first
    assert [each["components"] for each in candor.tells("subscriber", "list")] == [["API"]]


def test_one_address_at_a_time(candor: Shell) -> None:
    both = candor("subscriber", "add", "--email", "ada@example.com", "--phone", "+12025550143")
    neither = candor("subscriber", "add")

    assert (both.exit_code, neither.exit_code) == (2, 2)


def test_a_number_without_country_code_is_refused(candor: Shell) -> None:
    assert candor.refuses("subscriber", "add", "--phone", "0151 123456").startswith("--phone: ")


def test_the_list_is_for_people_too(candor: Shell) -> None:
    subscriber_id = candor.says("subscriber", "add", "--email", "ada@example.com")

    assert candor.says("subscriber", "list") == f"{subscriber_id}  email  confirmed  every_update  ada@example.com"


def test_what_an_address_was_told_is_asked_by_its_address(candor: Shell) -> None:
    candor.says("subscriber", "add", "--email", "ada@example.com")

    assert candor.says("subscriber", "told", "Ada@example.com") == (
        "Nothing was sent or owed to this address on this channel."
    )
    assert candor.tells("subscriber", "told", "ada@example.com") == []


def test_what_an_address_was_told_comes_with_its_words(candor: Shell, inside: Callable[[], Flask]) -> None:
    candor.says("subscriber", "add", "--email", "ada@example.com")
    candor.says("incident", "open", "--title", "Mail is late", "--severity", "sev2", "--body", "We look into it.")
    app = inside()
    Dispatcher(app.extensions["candor.channels"]).run_until_idle()

    (told,) = candor.tells("subscriber", "told", "ada@example.com", "--channel", "email")
    assert (told["kind"], told["state"], told["subject"]) == ("incident_update", "captured", "[Status] Mail is late")
    assert "We look into it." in told["text"]


def test_what_is_no_address_was_told_nothing(candor: Shell) -> None:
    assert candor.refuses("subscriber", "told", "ada").startswith("ADDRESS: ")
    assert candor.refuses("subscriber", "told", "ada@example.com", "--channel", "pigeon").startswith("--channel: ")


def test_an_endpoint_is_added_with_its_contact_and_its_secret_can_be_read(candor: Shell) -> None:
    endpoint = ("--channel", "webhook", "--address", "https://hooks.example.com/x", "--contact", "ops@example.org")
    public_id = candor.says("subscriber", "add", *endpoint)

    assert candor.tells("subscriber", "list")[0]["channel"] == "webhook"
    assert candor.says("subscriber", "secret", public_id).startswith("whsec_")


def test_where_to_must_be_said_once(candor: Shell) -> None:
    for words in (
        (),
        ("--email", "ada@example.com", "--phone", "+12025550143"),
        ("--channel", "webhook"),
        ("--address", "https://hooks.example.com/x"),
    ):
        assert candor("subscriber", "add", *words).exit_code == 2


def test_nobody_is_added_on_a_channel_for_staff(candor: Shell) -> None:
    assert "channels offered" in candor.refuses(
        "subscriber", "add", "--channel", "apprise", "--address", "ntfys://ntfy.sh/x"
    )
