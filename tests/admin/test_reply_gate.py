"""What a reminder's link asks before it publishes, by the page's policy, and that nothing said is lost meanwhile."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from statuspage import staff
from statuspage.cadence import reminders, shelf
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.factors import codes, devices, passkeys
from statuspage.factors.passkeys import Site
from statuspage.models import Incident, Page, Reminder, ReplyDraft, StaffUser
from statuspage.tokens import Purpose, signer
from statuspage.vocabulary import LinkPolicy, ReplyVia, StaffRole
from tests.conftest import BY, csrf_token
from tests.doubles.authenticator import Phone

from .desk import Desk

PASSWORD = "a short sentence is good"
WORDS = {"status": "investigating", "body": "Still looking into it.", "promise": "30m", "seen_sequence": "1"}
HERE = Site("localhost", "http://localhost")


@pytest.fixture
def ada(colleague: Callable[..., StaffUser]) -> StaffUser:
    return colleague(StaffRole.COMMS_LEAD)


@pytest.fixture
def incident(ada: StaffUser, open_incident: Callable[..., Incident]) -> Incident:
    return open_incident()


@pytest.fixture
def path(incident: Incident) -> str:
    """Where the link in Ada's reminder leads."""
    incident.next_update_due_at = utcnow() - timedelta(seconds=1)
    db.session.commit()
    reminders.remind_due(utcnow())
    reminder = db.session.scalars(db.select(Reminder)).one()
    token = signer().sign(Purpose.COMPOSE, reminder.public_id, expires_at=utcnow() + timedelta(hours=2))
    return f"/admin/compose/{token}"


@pytest.fixture
def phone(ada: StaffUser) -> Phone:
    """Ada's phone, with a passkey."""
    made = Phone()
    passkeys.enrol(ada, HERE, made.make(passkeys.invitation(ada, HERE, "Status", utcnow())), "Phone", BY, utcnow())
    db.session.commit()
    return made


def post(client: FlaskClient, path: str, **typed: str) -> TestResponse:
    token = csrf_token(client, "/admin/login")
    return client.post(path, data={"csrf_token": token, **WORDS, **typed}, base_url="http://localhost")


def question(client: FlaskClient, path: str) -> str:
    found = re.search(r'data-passkey="([^"]+)"', client.get(path, base_url="http://localhost").text)
    assert found
    return unescape(found[1])


def said(incident: Incident) -> list[str]:
    db.session.rollback()
    db.session.refresh(incident)
    return [update.body for update in incident.updates]


def policy(page: Page, chosen: LinkPolicy) -> None:
    page.link_policy = chosen
    db.session.commit()


def test_a_passkey_publishes_and_the_device_is_remembered(
    client: FlaskClient, path: str, phone: Phone, incident: Incident, ada: StaffUser
) -> None:
    answer = post(client, path, passkey=phone.answer(question(client, path)), remember="yes")

    assert answer.status_code == 303
    assert said(incident)[-1] == WORDS["body"]
    assert "device=" in answer.headers["Set-Cookie"]
    assert [each.name for each in devices.of(ada, utcnow())] == ["A browser"]


def test_without_a_proof_nothing_is_published_and_the_words_stay(
    client: FlaskClient, path: str, phone: Phone, incident: Incident
) -> None:
    answer = post(client, path)

    assert answer.status_code == 422
    assert WORDS["body"] in answer.text
    assert "Use your passkey" in answer.text
    assert len(said(incident)) == 1


def test_a_remembered_device_is_asked_for_nothing(
    client: FlaskClient, path: str, phone: Phone, incident: Incident, ada: StaffUser
) -> None:
    client.set_cookie("device", devices.remember(ada, "Phone", BY, utcnow()))
    db.session.commit()

    assert "data-passkey=" not in client.get(path, base_url="http://localhost").text
    assert post(client, path).status_code == 303
    assert len(said(incident)) == 2


def test_always_ask_asks_there_too(client: FlaskClient, path: str, phone: Phone, page: Page, ada: StaffUser) -> None:
    policy(page, LinkPolicy.ALWAYS_ASK)
    client.set_cookie("device", devices.remember(ada, "Phone", BY, utcnow()))
    db.session.commit()

    assert post(client, path).status_code == 422
    assert post(client, path, passkey=phone.answer(question(client, path))).status_code == 303


def test_somebody_elses_device_is_a_strangers(
    client: FlaskClient, path: str, phone: Phone, colleague: Callable[..., StaffUser]
) -> None:
    client.set_cookie("device", devices.remember(colleague(StaffRole.ADMIN), "Phone", BY, utcnow()))
    db.session.commit()

    assert post(client, path).status_code == 422


def test_a_code_does_as_well(client: FlaskClient, path: str, phone: Phone, incident: Incident, ada: StaffUser) -> None:
    code = codes.new_recovery_codes(ada, BY, utcnow())[0]
    db.session.commit()

    assert post(client, path, code="000000").status_code == 422
    assert post(client, path, code=code).status_code == 303
    assert len(said(incident)) == 2


def test_guessing_at_the_link_is_limited_and_keeps_the_words(client: FlaskClient, path: str, phone: Phone) -> None:
    answers = [post(client, path, code="123") for _ in range(codes.TRIES + 1)]

    assert {answer.status_code for answer in answers[:-1]} == {422}
    assert answers[-1].status_code == 429
    assert WORDS["body"] in answers[-1].text


def test_who_has_proven_themselves_is_not_asked_again_for_the_same_link(
    client: FlaskClient, path: str, phone: Phone, incident: Incident
) -> None:
    first = post(client, path, passkey=phone.answer(question(client, path)), seen_sequence="7")
    second = post(client, path)

    assert (first.status_code, second.status_code) == (409, 303)
    assert len(said(incident)) == 2


def test_where_nobody_has_a_second_factor_the_password_stands_in(
    client: FlaskClient, path: str, ada: StaffUser, incident: Incident
) -> None:
    staff.set_password(ada, PASSWORD, BY, utcnow())
    wrong, right = post(client, path, password="not this one"), post(client, path, password=PASSWORD)

    assert (wrong.status_code, right.status_code) == (422, 303)
    assert "not your password" in wrong.text
    assert len(said(incident)) == 2


def test_the_password_stands_in_for_no_passkey_there_is(
    client: FlaskClient, path: str, ada: StaffUser, phone: Phone
) -> None:
    staff.set_password(ada, PASSWORD, BY, utcnow())

    assert post(client, path, password=PASSWORD).status_code == 422


def test_who_has_neither_keeps_a_draft(client: FlaskClient, path: str, incident: Incident) -> None:
    published, kept = post(client, path), post(client, path, keep="yes", key="k1")
    post(client, path, keep="yes", key="k1")

    assert published.status_code == 409
    assert "Nothing is published yet" in kept.text
    assert len(said(incident)) == 1
    assert [(each.body, each.via) for each in shelf.waiting(incident)] == [(WORDS["body"], ReplyVia.LINK)]


def test_draft_only_publishes_for_nobody_who_is_not_signed_in(
    client: FlaskClient, path: str, phone: Phone, page: Page, incident: Incident
) -> None:
    policy(page, LinkPolicy.DRAFT_ONLY)

    assert "data-passkey=" not in client.get(path, base_url="http://localhost").text
    assert post(client, path).status_code == 409
    assert len(said(incident)) == 1


def test_who_is_signed_in_publishes_by_any_policy(
    sign_in: Callable[..., object], path: str, page: Page, app: object, ada: StaffUser, incident: Incident
) -> None:
    policy(page, LinkPolicy.DRAFT_ONLY)
    secret = staff.new_sign_in_link(ada, BY, utcnow())
    browser: FlaskClient = app.test_client()  # type: ignore[attr-defined]
    browser.post(f"/admin/sign-in/{secret}", data={"csrf_token": csrf_token(browser, f"/admin/sign-in/{secret}")})
    token = csrf_token(browser, path)

    assert browser.post(path, data={"csrf_token": token, **WORDS}).status_code == 303
    assert len(said(incident)) == 2


def test_the_link_behind_a_draft_publishes_it_with_the_words_as_they_are_then(
    client: FlaskClient, incident: Incident, ada: StaffUser, phone: Phone
) -> None:
    draft, _ = shelf.save(incident, ada, ReplyVia.SMS, "By SMS.", utcnow(), "SM1")
    token = signer().sign(Purpose.COMPOSE, draft.public_id, expires_at=utcnow() + timedelta(hours=2))
    path = f"/admin/compose/{token}"
    for _ in range(10):
        client.get(path)
        client.head(path)
    assert "By SMS." in client.get(path).text
    answer = post(client, path, body="By SMS, and mended.", passkey=phone.answer(question(client, path)))

    assert answer.status_code == 303
    assert said(incident)[-1] == "By SMS, and mended."
    assert shelf.waiting(incident) == []
    assert "The draft is settled" in client.get(path).text


def test_words_of_a_colleague_can_be_taken_up(
    client: FlaskClient, path: str, incident: Incident, ada: StaffUser, phone: Phone
) -> None:
    draft, _ = shelf.save(incident, ada, ReplyVia.SMS, "By SMS.", utcnow(), "SM1")
    token = csrf_token(client, "/admin/login")
    filled = client.post(f"{path}/preview", data={"csrf_token": token, **WORDS, "take": draft.public_id})
    post(client, path, body="By SMS.", taken=draft.public_id, passkey=phone.answer(question(client, path)))

    assert f'name="taken" value="{draft.public_id}"' in filled.text
    assert said(incident)[-1] == "By SMS."
    assert shelf.waiting(incident) == []


def test_a_draft_of_another_incident_is_not_taken_up_and_the_words_stay(
    client: FlaskClient, path: str, ada: StaffUser, open_incident: Callable[..., Incident]
) -> None:
    elsewhere, _ = shelf.save(open_incident(title="Another"), ada, ReplyVia.SMS, "Elsewhere.", utcnow(), "SM2")
    for public_id in ("nobodynobody", elsewhere.public_id):
        shown = post(client, f"{path}/preview", body="My own words.", take=public_id)

        assert (shown.status_code, ">My own words.</textarea>" in shown.text) == (200, True)
        assert "Elsewhere." not in shown.text


def test_words_of_a_draft_that_was_discarded_meanwhile_are_published_as_ones_own(
    client: FlaskClient, path: str, incident: Incident, ada: StaffUser, phone: Phone
) -> None:
    draft, _ = shelf.save(incident, ada, ReplyVia.SMS, "By SMS.", utcnow(), "SM1")
    shelf.discard(draft, BY, utcnow())
    post(client, path, body="By SMS, and mended.", taken=draft.public_id, passkey=phone.answer(question(client, path)))

    assert said(incident)[-1] == "By SMS, and mended."
    assert draft.discarded_at is not None


@pytest.fixture
def draft(incident: Incident, ada: StaffUser) -> ReplyDraft:
    return shelf.save(incident, ada, ReplyVia.SMS, "By SMS.", utcnow(), "SM1")[0]


def test_one_tap_in_the_panel_releases_a_draft(admin: Desk, draft: ReplyDraft, incident: Incident) -> None:
    board, room = admin.get("/admin/").text, admin.get(f"/admin/incidents/{incident.public_id}").text
    answers = [admin.post(f"/admin/drafts/{draft.public_id}/release", seen_sequence="1") for _ in range(2)]

    assert "By SMS." in board
    assert f"/admin/drafts/{draft.public_id}/release" in room
    assert [answer.status_code for answer in answers] == [303, 303]
    assert said(incident) == ["We are looking into it.", "By SMS."]


def test_a_release_upon_newer_words_shows_both(admin: Desk, draft: ReplyDraft, incident: Incident) -> None:
    admin.post(f"/admin/incidents/{incident.public_id}/updates", status="identified", body="Found.", seen_sequence="1")
    answer = admin.post(f"/admin/drafts/{draft.public_id}/release", seen_sequence="1")

    assert answer.status_code == 409
    assert "Found." in answer.text
    assert "By SMS." in answer.text


def test_a_discarded_draft_is_gone_from_the_board(admin: Desk, draft: ReplyDraft, incident: Incident) -> None:
    admin.post(f"/admin/drafts/{draft.public_id}/discard")

    assert "By SMS." not in admin.get("/admin/").text
    assert len(said(incident)) == 1


def test_a_responder_releases_nothing(responder: Desk, draft: ReplyDraft, incident: Incident) -> None:
    assert responder.post(f"/admin/drafts/{draft.public_id}/release").status_code == 403
    assert responder.post(f"/admin/drafts/{draft.public_id}/discard").status_code == 403
    assert len(said(incident)) == 1


def test_the_policy_is_set_with_the_page(admin: Desk, page: Page) -> None:
    admin.post("/admin/page", name="Status", time_zone="Etc/UTC", link_policy="draft_only")
    db.session.rollback()

    assert page.link_policy is LinkPolicy.DRAFT_ONLY
    assert admin.post("/admin/page", name="Status", time_zone="Etc/UTC", link_policy="all").status_code == 422
