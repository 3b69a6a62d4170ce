"""One tap each: acknowledge, snooze, hand over, take over; by a reminder's link, and in the panel."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from statuspage import publishing, urls
from statuspage.cadence import reminders
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import Promise
from statuspage.models import AuditEntry, ChasePause, Incident, IncidentAssignment, Reminder
from statuspage.tokens import Purpose, signer
from statuspage.vocabulary import Audience, IncidentRole, PauseKind, StaffRole
from tests.conftest import BY, NOON, csrf_token

LEAD = IncidentRole.COMMUNICATIONS_LEAD
ACTS = ("acknowledge", "snooze", "hand-over", "take-over")


@pytest.fixture
def incident(page, open_incident):
    """One whose update is due at this moment."""
    found = open_incident()
    found.next_update_due_at = found.next_look_at = utcnow() - timedelta(seconds=1)
    found.promises[-1].due_at = found.next_update_due_at
    db.session.commit()
    return found


@pytest.fixture
def reminder(incident, colleague):
    ada = colleague(StaffRole.COMMS_LEAD, "ada@candor.example")
    publishing.assign(incident, LEAD, ada, BY, NOON)
    reminders.remind_due(utcnow())
    return db.session.scalars(select(Reminder)).one()


def link(reminder):
    token = signer().sign(Purpose.COMPOSE, reminder.public_id, expires_at=utcnow() + timedelta(hours=2))
    return urls.compose(token).replace(urls.absolute(""), "/").replace("//", "/")


def state():
    """Everything that a tap could change."""
    db.session.rollback()
    db.session.expire_all()
    pauses = [(each.kind, each.reason, each.ended_at) for each in db.session.scalars(select(ChasePause))]
    held = [(each.staff_user_id, each.role) for each in db.session.scalars(select(IncidentAssignment))]
    return pauses, held, db.session.scalar(select(db.func.count()).select_from(AuditEntry))


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("act", ACTS)
def test_whoever_only_looks_changes_nothing(client, reminder, act, method):
    before = state()
    for _ in range(10):
        answer = getattr(client, method)(f"{link(reminder)}/chase/{act}")

        assert answer.status_code == 405
    assert state() == before


def test_opening_the_link_ten_times_changes_nothing(client, reminder):
    before = state()
    for _ in range(10):
        assert client.get(link(reminder)).status_code == 200
        assert client.head(link(reminder)).status_code == 200

    assert state() == before


def test_the_link_asks_for_nothing_more_to_acknowledge(client, reminder):
    client.post(f"{link(reminder)}/chase/acknowledge", data={"csrf_token": csrf_token(client, link(reminder))})
    pause = db.session.scalars(select(ChasePause)).one()

    assert (pause.kind, pause.staff_user.email) == (PauseKind.ACKNOWLEDGED, "ada@candor.example")
    assert "You have it. Nobody else is chased before" in client.get(link(reminder)).text


def test_the_link_snoozes_with_a_reason(client, reminder):
    typed = {"csrf_token": csrf_token(client, link(reminder)), "reason": "Waiting for facts", "span": "10m"}
    client.post(f"{link(reminder)}/chase/snooze", data=typed)

    assert db.session.scalars(select(ChasePause.reason)).one() == "Waiting for facts"


@pytest.mark.parametrize(
    ("act", "typed", "sentence"),
    [
        ("snooze", {"reason": "", "span": "10m"}, "Say why"),
        ("snooze", {"reason": "x", "span": "soon"}, "is not a span"),
        ("snooze", {"reason": "x" * 400, "span": "10m"}, "300 characters"),
        ("hand-over", {"to": ""}, "Choose who takes it"),
        ("hand-over", {"to": "nobodynobody"}, "no such colleague"),
        ("take-over", {"role": "king"}, "Choose a role"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(client, reminder, act, typed, sentence):
    before = state()
    token = csrf_token(client, link(reminder))
    answer = client.post(f"{link(reminder)}/chase/{act}", data={"csrf_token": token, **typed})

    assert answer.status_code == 303
    shown = client.get(answer.location).text
    assert sentence in shown.split('class="alert tone-degraded"')[1].split("</p>")[0]
    assert state() == before


def test_handing_over_by_the_link_ends_the_link(client, reminder, colleague):
    bo = colleague(StaffRole.COMMS_LEAD, "bo@candor.example")
    token = csrf_token(client, link(reminder))
    client.post(f"{link(reminder)}/chase/hand-over", data={"csrf_token": token, "to": bo.public_id})
    shown = client.get(link(reminder)).text

    assert "Handed over. bo@candor.example has been told." in shown
    assert "A colleague has it" in shown
    again = client.post(f"{link(reminder)}/chase/acknowledge", data={"csrf_token": token})
    assert again.status_code == 303
    assert db.session.scalar(select(db.func.count()).select_from(ChasePause)) == 0


def test_nobody_is_said_to_be_told_of_what_they_have_already(lead, incident, reminder):
    path = f"/admin/incidents/{incident.public_id}"
    ada = reminder.staff_user
    before = lead.get(path).text
    lead.post(f"{path}/chase/hand-over", to=ada.public_id)
    after = lead.get(path).text

    assert "Hand over to ada@candor.example" not in before
    assert "ada@candor.example has it already." in after
    assert "has been told" not in after


def test_a_forged_link_acknowledges_nothing(client, reminder):
    token = csrf_token(client, link(reminder))
    forged = link(reminder)[:-4] + "beef"
    answer = client.post(f"{forged}/chase/acknowledge", data={"csrf_token": token})

    assert answer.status_code == 404
    assert db.session.scalar(select(db.func.count()).select_from(ChasePause)) == 0


def test_the_incident_shows_who_is_chased_and_takes_the_taps(lead, incident, reminder):
    path = f"/admin/incidents/{incident.public_id}"
    before = lead.get(path).text
    lead.post(f"{path}/chase/take-over")
    lead.post(f"{path}/chase/acknowledge")
    after = lead.get(path).text

    assert "<strong>ada@candor.example</strong> was reminded" in before
    assert "<strong>comms-lead@candor.example</strong> has it until" in after
    assert "Take over as comms lead" in before
    assert "Take over as comms lead" not in after


def test_the_dashboard_takes_the_taps_and_keeps_one_there(lead, incident, reminder):
    shown = lead.get("/admin/board").text
    answer = lead.post(f"/admin/incidents/{incident.public_id}/chase/acknowledge", back="board")

    assert "Acknowledge" in shown
    assert "ada@candor.example" in shown
    assert answer.location == "/admin/"


def test_who_is_reminded_reads_it_on_every_page(at_desk, open_incident, incident):
    desk = at_desk(StaffRole.COMMS_LEAD)
    publishing.assign(db.session.get_one(Incident, incident.id), LEAD, desk.user, BY, NOON)
    reminders.remind_due(utcnow())

    assert "You are asked for the next update: Payments fail" in desk.get("/admin/components").text
    desk.post(f"/admin/incidents/{incident.public_id}/chase/acknowledge")
    assert "You are asked for" not in desk.get("/admin/components").text


def test_a_responder_who_is_not_asked_changes_no_roles(responder, incident, reminder):
    path = f"/admin/incidents/{incident.public_id}/chase"

    assert responder.post(f"{path}/take-over").status_code == 403
    assert responder.post(f"{path}/hand-over").status_code == 403
    assert responder.post(f"{path}/acknowledge").status_code == 303


def test_a_viewer_taps_nothing(at_desk, incident, reminder):
    viewer = at_desk(StaffRole.VIEWER)

    assert viewer.post(f"/admin/incidents/{incident.public_id}/chase/acknowledge").status_code == 403
    assert "Acknowledge" not in viewer.get(f"/admin/incidents/{incident.public_id}").text


def test_an_act_that_there_is_not_is_not_found(lead, incident):
    assert lead.post(f"/admin/incidents/{incident.public_id}/chase/ignore").status_code == 404


def test_calendars_are_set_and_taken_away(admin, app):
    from tests.statuspage.test_oncall import OPSGENIE, Calendars, calendar

    app.extensions["candor.fetcher"] = Calendars(calendar(OPSGENIE))
    wrong = admin.post("/admin/on-call/communications_lead", url="ftp://x")
    admin.post("/admin/on-call/communications_lead", url="https://calendars.example.com/secret-token")
    shown = admin.get("/admin/on-call").text
    health = admin.get("/admin/health").text
    admin.post("/admin/on-call/communications_lead", remove="yes")

    assert (wrong.status_code, "beginning with https" in wrong.text) == (422, True)
    assert "calendars.example.com/•••ken" in shown
    assert "secret-token" not in shown + health
    assert "On call: communications lead" in health
    assert "Remove it" not in admin.get("/admin/on-call").text


def test_the_first_word_is_suggested_without_a_cause(client, open_incident, colleague):
    ada = colleague(StaffRole.COMMS_LEAD, "ada@candor.example")
    found = open_incident(audience=Audience.INTERNAL, body="The disk of db-3 is full.")
    publishing.assign(found, LEAD, ada, BY, NOON)
    reminders.remind_due(utcnow())
    shown = client.get(link(db.session.scalars(select(Reminder)).first())).text

    assert "We are looking into a problem with Status. We do not know the cause yet.</textarea>" in shown


def test_how_it_stands_is_said_once_and_the_words_come_before_the_ways_around_them(client, lead, incident, reminder):
    by_link = client.get(link(reminder)).text
    in_panel = lead.get(f"/admin/incidents/{incident.public_id}").text

    for shown in (by_link, in_panel):
        assert shown.count("</strong> was reminded at") == 1
        assert shown.count("/chase/acknowledge") == 1
        assert shown.index("/chase/acknowledge") < shown.index('name="body"') < shown.index("/chase/snooze")


def test_the_dashboard_offers_no_answer_before_anybody_is_asked(lead, page, open_incident):
    open_incident(promise=Promise(within=utcnow() - NOON + timedelta(hours=1)))
    shown = lead.get("/admin/board").text

    assert "Nobody has been reminded yet" in shown
    assert "Waiting for facts" not in shown
