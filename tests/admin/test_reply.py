"""The link in a reminder: one tap to the composer, once, as the person reminded."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from statuspage import publishing, staff
from statuspage.cadence import reminders
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import Promise, UpdateDraft
from statuspage.models import Incident, Reminder, StaffUser
from statuspage.tokens import Purpose, signer
from statuspage.vocabulary import IncidentStatus, StaffRole
from tests.conftest import BY, csrf_token

PASSWORD = "a short sentence is good"
WORDS = {"status": "investigating", "body": "Still looking into it.", "promise": "30m", "seen_sequence": "1"}


@pytest.fixture
def reminder(page: object, colleague: Callable[..., StaffUser], open_incident: Callable[..., Incident]) -> Reminder:
    """The comms lead, who has a password and no passkey, has just been reminded of a late promise."""
    staff.set_password(colleague(StaffRole.COMMS_LEAD), PASSWORD, BY, utcnow())
    incident = open_incident()
    incident.next_update_due_at = utcnow() - timedelta(seconds=1)
    db.session.commit()
    reminders.remind_due(utcnow())
    made: Reminder = db.session.scalars(db.select(Reminder)).one()
    return made


def link(reminder: Reminder, lasts: timedelta = timedelta(hours=2)) -> str:
    token = signer().sign(Purpose.COMPOSE, reminder.public_id, expires_at=reminder.created_at + lasts)
    return f"/admin/compose/{token}"


def post(client: FlaskClient, reminder: Reminder, **typed: str) -> TestResponse:
    token = csrf_token(client, "/admin/login")
    return client.post(link(reminder), data={"csrf_token": token, "password": PASSWORD, **WORDS, **typed})


def again(reminder: Reminder) -> Reminder:
    db.session.rollback()
    db.session.refresh(reminder)
    return reminder


def test_the_link_opens_the_composer_without_a_session(client: FlaskClient, reminder: Reminder) -> None:
    answer = client.get(link(reminder))

    assert answer.status_code == 200
    assert "Payments fail" in answer.text
    assert "We are still investigating. Nothing has changed" in answer.text
    assert 'name="status" value="investigating" checked' in answer.text


def test_the_page_behind_the_link_is_told_to_nobody(client: FlaskClient, reminder: Reminder) -> None:
    headers = client.get(link(reminder)).headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex"


def test_a_scanner_that_opens_the_link_changes_nothing(client: FlaskClient, reminder: Reminder) -> None:
    for _ in range(10):
        client.get(link(reminder))
        client.head(link(reminder))
        client.get(link(reminder), headers={"Purpose": "prefetch", "Sec-Purpose": "prefetch"})
        client.options(link(reminder))

    assert again(reminder).used_at is None
    assert len(reminder.incident.updates) == 1
    assert post(client, reminder).status_code == 303


def test_a_reply_is_published_as_the_person_reminded(client: FlaskClient, reminder: Reminder) -> None:
    answer = post(client, reminder, key="k1")

    said = again(reminder).incident.updates[-1]
    assert answer.status_code == 303
    assert (said.body, said.author) == (WORDS["body"], reminder.staff_user)
    assert reminder.used_at is not None
    assert "Posted" in client.get(link(reminder)).text


def test_a_second_tap_publishes_nothing_more(client: FlaskClient, reminder: Reminder) -> None:
    answers = [post(client, reminder, key="k1") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(again(reminder).incident.updates) == 2


def test_other_words_after_that_are_not_lost(client: FlaskClient, reminder: Reminder) -> None:
    post(client, reminder, key="k1")
    answer = post(client, reminder, key="k2", body="One thing more.")

    assert answer.status_code == 409
    assert "This link has done its work" in answer.text
    assert "One thing more." in answer.text
    assert f'href="/admin/incidents/{reminder.incident.public_id}">Sign in' in answer.text
    assert len(again(reminder).incident.updates) == 2


def test_words_sent_to_a_forged_link_come_back(client: FlaskClient, reminder: Reminder) -> None:
    token = csrf_token(client, "/admin/login")
    answer = client.post("/admin/compose/forged", data={"csrf_token": token, **WORDS})

    assert answer.status_code == 404
    assert "This link is not valid" in answer.text
    assert WORDS["body"] in answer.text
    assert 'href="/admin/">Sign in' in answer.text


def test_the_reply_stops_the_chase(client: FlaskClient, reminder: Reminder) -> None:
    post(client, reminder)

    assert reminders.remind_due(utcnow()) == 0


def test_a_reply_without_words_comes_back_and_keeps_the_link(client: FlaskClient, reminder: Reminder) -> None:
    answer = post(client, reminder, body="")

    assert answer.status_code == 422
    assert again(reminder).used_at is None


def test_who_comes_too_late_reads_what_was_said(client: FlaskClient, reminder: Reminder) -> None:
    draft = UpdateDraft(IncidentStatus.IDENTIFIED, "Found it.", promise=Promise(within=timedelta(hours=1)))
    publishing.post_update(reminder.incident, draft, BY, utcnow())
    opened, sent = client.get(link(reminder)), post(client, reminder)

    assert (opened.status_code, sent.status_code) == (200, 409)
    assert "Already answered" in opened.text
    assert "Found it." in opened.text
    assert WORDS["body"] in sent.text


def test_the_link_ends_with_the_incident(client: FlaskClient, reminder: Reminder) -> None:
    publishing.post_update(reminder.incident, UpdateDraft(IncidentStatus.RESOLVED, "Over."), BY, utcnow())

    assert "Already resolved" in client.get(link(reminder)).text


def test_the_link_ends_with_the_access_of_its_person(client: FlaskClient, reminder: Reminder) -> None:
    person = reminder.staff_user
    staff.edit(person, "", "", person.staff_role, False, BY, utcnow())

    assert "No longer yours" in client.get(link(reminder)).text
    assert post(client, reminder).status_code == 409
    assert len(again(reminder).incident.updates) == 1


def test_an_old_link_says_so(client: FlaskClient, reminder: Reminder) -> None:
    reminder.created_at -= timedelta(hours=3)
    db.session.commit()

    assert "too old" in client.get(link(reminder)).text


@pytest.mark.parametrize(
    "spoil", [lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"), lambda link: "/admin/compose/x"]
)
def test_a_link_that_we_did_not_sign_is_not_found(
    client: FlaskClient, reminder: Reminder, spoil: Callable[[str], str]
) -> None:
    assert client.get(spoil(link(reminder))).status_code == 404


def test_a_token_for_something_else_is_not_found(client: FlaskClient, reminder: Reminder) -> None:
    token = signer().sign(Purpose.MANAGE, reminder.public_id)

    assert client.get(f"/admin/compose/{token}").status_code == 404


def test_the_link_signs_nobody_in(client: FlaskClient, reminder: Reminder) -> None:
    client.get(link(reminder))
    post(client, reminder)

    assert client.get("/admin/").status_code == 303


def test_a_note_meanwhile_is_shown_and_the_words_stay(client: FlaskClient, reminder: Reminder) -> None:
    note = UpdateDraft(IncidentStatus.INVESTIGATING, "Ask the vendor.", audience="internal")  # type: ignore[arg-type]
    publishing.post_update(reminder.incident, note, BY, utcnow())
    answer = post(client, reminder)

    assert answer.status_code == 409
    assert "Ask the vendor." in answer.text
    assert WORDS["body"] in answer.text


def test_words_in_a_form_from_an_earlier_session_are_shown(client: FlaskClient, reminder: Reminder) -> None:
    answer = client.post(link(reminder), data={"csrf_token": "old", **WORDS})

    assert answer.status_code == 400
    assert WORDS["body"] in answer.text
