"""The subscriber export: consent is kept, nobody is told, and whoever left stays away."""

import pytest
from sqlalchemy import select

from statuspage import subscriptions
from statuspage.audit import SUBSCRIBER
from statuspage.db import db
from statuspage.errors import Invalid
from statuspage.importing.weighing import Fate
from statuspage.models import Component, Page, Subscriber
from statuspage.vocabulary import EventLevel, SubscriberState
from tests.conftest import NOON

from .conftest import Import, counts

HEAD = "id,mode,email,phone_number,phone_country,components,created_at,state\n"
ANA = "sub000000001,email,ana@example.com,,,,2023-04-01T10:00:00Z,active\n"


def everyone() -> list[Subscriber]:
    return list(db.session.scalars(select(Subscriber).order_by(Subscriber.id)))


def reasons(report) -> list[str]:
    return [each.verdict.reason for each in report.weighed if each.verdict.reason]


def test_consent_is_kept_with_who_when_and_where_from(bring: Import) -> None:
    bring(HEAD + ANA)

    [ana] = everyone()
    assert (ana.public_id, ana.address, ana.state) == ("sub000000001", "ana@example.com", SubscriberState.CONFIRMED)
    assert ana.consent == (
        "attested by Ana on 2026-03-02: Statuspage export file0.txt line 2, subscribed there 2023-04-01; ticket 7"
    )
    assert f"{ana.created_at:%Y-%m-%d}" == f"{ana.confirmed_at:%Y-%m-%d}" == "2023-04-01"
    assert ana.imported_from == "statuspage export, file0.txt"
    assert ana.wants_whole_page


def test_without_a_name_nobody_is_imported(bring: Import) -> None:
    with pytest.raises(Invalid, match="Say who answers"):
        bring(HEAD + ANA, by="")

    assert everyone() == []
    assert bring(HEAD + ANA, by="", applies=False).counts()["subscriber"]["new"] == 1


def test_an_open_incident_is_told_to_nobody_who_is_imported(bring: Import, open_incident) -> None:
    open_incident()
    before = counts()["announcement"]
    bring(HEAD + ANA)

    assert counts()["announcement"] == before


def test_twice_is_once(bring: Import) -> None:
    bring(HEAD + ANA)
    report = bring(HEAD + ANA)

    assert len(everyone()) == 1
    assert report.counts()["subscriber"]["same"] == 1


def test_components_are_found_by_id_and_by_name(bring: Import, api: Component, web: Component) -> None:
    row = "sub000000002,email,bo@example.com,,,{},,\n"
    bring(HEAD + row.format(f'"{api.public_id}; website"'))

    assert {each.component for each in everyone()[0].subscriptions} == {api, web}


def test_an_unknown_component_is_never_read_as_the_whole_page(bring: Import) -> None:
    report = bring(HEAD + "sub000000002,email,bo@example.com,,,Nowhere,,\n")

    assert reasons(report) == ["There is no component “Nowhere”. Import components.json first."]
    assert everyone() == []


def test_a_number_gets_its_country(bring: Import) -> None:
    bring(HEAD + "sub000000003,sms,,2025550123,US,,,\n")

    [number] = everyone()
    assert (number.channel, number.address, number.level) == ("sms", "+12025550123", EventLevel.KEY_MOMENTS)


def test_who_unsubscribed_here_stays_away(bring: Import, subscribe) -> None:
    ana = subscribe("ana@example.com")
    subscriptions.unsubscribe(ana, "link", SUBSCRIBER, NOON)
    report = bring(HEAD + ANA)

    assert reasons(report) == ["They have unsubscribed here."]
    assert ana.state is SubscriberState.UNSUBSCRIBED


def test_who_unsubscribed_there_cannot_be_added_by_a_colleague(bring: Import, subscribe) -> None:
    bring(HEAD + ANA.replace("active", "unsubscribed"))

    assert everyone()[0].state is SubscriberState.UNSUBSCRIBED


def test_own_choices_made_here_stand(bring: Import, subscribe, api: Component) -> None:
    ana = subscribe("ana@example.com", api)
    bring(HEAD + ANA)

    assert [row.component for row in ana.subscriptions] == [api]


def test_states_decide(bring: Import) -> None:
    report = bring(
        HEAD + "s1,email,a@example.com,,,,,unconfirmed\ns2,email,b@example.com,,,,,quarantined\n"
        "s3,webhook,,,,,,active\ns4,slack,,,,,,active\n"
    )

    assert [(each.address, each.state.value) for each in everyone()] == [("b@example.com", "quarantined")]
    assert reasons(report) == ["They had not confirmed, so there is no consent to keep."]
    assert [each.is_broken for each in report.refused] == [False, False]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("s,email,,,,,,", "has no address"),
        ("s,pigeon,a@example.com,,,,,", "neither email nor sms"),
        ("s,email,a@example.com,,,,never,", "date “never” cannot be read"),
        ("s,email,a@example.com,,,,,asleep", "state “asleep” is not known"),
        ("s,sms,,12,US,,,", "number"),
    ],
)
def test_a_broken_row_is_named_by_its_line(bring: Import, row: str, reason: str) -> None:
    report = bring(HEAD + ANA + row + "\n")

    said = [(each.place.line, each.reason) for each in report.refused]
    said += [(each.found.place.line, each.verdict.reason) for each in report.weighed if each.verdict.fate is Fate.LEFT]
    [(line, sentence)] = said
    assert line == 3
    assert reason in sentence
    assert [each.address for each in everyone()] == ["ana@example.com"]


def test_the_same_address_twice_in_a_file_counts_once(bring: Import) -> None:
    report = bring(HEAD + ANA + ANA.replace("ana@", "Ana@").replace("0001", "0002"))

    assert "is the same address as line 2" in report.refused[0].reason
    assert len(everyone()) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"\xef\xbb\xbfEmail;Date Created;Components\r\nana@example.com;Apr 01, 2023;\r\n",
        "Type\tAddress\nemail\tana@example.com\n".encode("utf-16"),
        b'"Subscriber Type","Address"\n"Email","ana@example.com"\n\n',
        b"email\nana@example.com\n\xe9\xe8@example.com\n",
    ],
)
def test_files_as_spreadsheets_save_them_are_read(bring: Import, said: bytes) -> None:
    bring(said)

    assert [each.address for each in everyone()] == ["ana@example.com"]


def test_bytes_that_are_no_text_are_named(bring: Import) -> None:
    report = bring(b"email\nana@example.com\n\xe9\xe8@example.com\n")

    assert (report.refused[0].place.line, report.refused[0].reason) == (3, "the line has bytes that are no UTF-8.")


def test_pages_are_kept_apart(bring: Import, page: Page) -> None:
    bring(HEAD + ANA)

    assert everyone()[0].page is page
