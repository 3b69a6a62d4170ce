"""The room for drills: scripts, starting one, the mark on each of its pages, and the score sheet."""

import pytest
from sqlalchemy import select

from statuspage.db import db
from statuspage.drills import playing, scripts
from statuspage.models import Drill, Incident, IncidentUpdate
from statuspage.vocabulary import IncidentStatus

MARK = 'class="drill-word">DRILL<'
READY = "/admin/drills/scripts/ready-checkout"


@pytest.fixture
def drill(lead, page, api):
    lead.post(f"{READY}/start", **{"role-communications_lead": lead.user.public_id, "pace": "4"})
    return db.session.scalars(select(Drill)).one()


def test_ready_made_scripts_are_there_and_can_be_read(lead):
    shown = lead.get("/admin/drills").text

    assert "Checkout fails after a database failover" in shown
    assert "A provider is down and says nothing" in shown
    assert MARK not in shown


def test_copy_of_a_ready_made_script_is_ones_own(lead, page):
    lead.post(READY, name="Ours", text="+0 alert: It burns.")
    own = scripts.find(page, "Ours")
    lead.post(f"/admin/drills/scripts/{own.key}", name="Ours", text="+0 alert: It smokes.")

    assert scripts.find(page, "Ours").text == "+0 alert: It smokes."
    assert scripts.find(page, "ready-checkout").is_ready_made
    lead.post(f"/admin/drills/scripts/{own.key}", remove="yes")
    assert [each.is_ready_made for each in scripts.listed(page)] == [True, True]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "A script needs one line at least"),
        ("+0 alert: Fire.\nnonsense", "Line 2 cannot be read"),
        ("+0 alert: Fire.\nexpect +5 party", "cannot be expected"),
        ("+99999 alert: Fire.", "lasts a day at most"),
        ("Severity: huge\n+0 alert: Fire.", "is no severity"),
        ("+0 alert: " + "x" * 2000, "is too long"),
        ("+0 alert: Fire.\n" * 300, "at most 200 lines"),
    ],
)
def test_script_that_cannot_be_read_comes_back_with_its_words(lead, page, typed, sentence):
    answer = lead.post("/admin/drills/scripts/new", name="Ours", text=typed)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert typed[:100] in answer.text
    assert len(scripts.listed(page)) == 2


def test_every_page_of_a_drill_is_marked(lead, drill, open_incident):
    incident = drill.incident
    pages = [f"/admin/drills/{drill.public_id}", f"/admin/incidents/{incident.public_id}"]
    lead.post(f"/admin/incidents/{incident.public_id}/updates", body="We are looking.", status="investigating")
    update = db.session.scalar(select(IncidentUpdate).where(IncidentUpdate.sequence == 2))
    pages.append(f"/admin/updates/{update.public_id}/edit")

    assert all(MARK in lead.get(path).text for path in pages)
    real = open_incident()
    assert MARK not in lead.get(f"/admin/incidents/{real.public_id}").text
    assert MARK not in lead.get("/admin/").text


def test_drill_is_played_in_the_real_composer(lead, drill):
    shown = lead.get(f"/admin/incidents/{drill.incident.public_id}").text
    assert "its participants get the words, and nobody else" in shown
    assert "As readers see it" not in shown
    lead.post(f"/admin/incidents/{drill.incident.public_id}/updates", body="Cause found.", status="identified")

    db.session.refresh(drill.incident)
    assert drill.incident.status is IncidentStatus.IDENTIFIED
    assert "In time" in lead.get(f"/admin/drills/{drill.public_id}/live").text


def test_real_lists_and_boards_know_nothing_of_a_drill(lead, drill):
    for path in ("/admin/", "/admin/incidents", "/admin/announcements", "/admin/analytics", "/admin/components"):
        assert "Checkout fails" not in lead.get(path).text, path


def test_drill_stopped_early_has_its_score_sheet_and_its_place_in_history(lead, drill):
    answer = lead.post(f"/admin/drills/{drill.public_id}/stop")
    sheet = lead.get(f"/admin/drills/{drill.public_id}").text

    assert answer.status_code == 303
    assert "Stopped early." in sheet
    assert "meant: within 15 min" in sheet
    assert "Stopped early." in lead.get("/admin/drills").text
    assert "This drill is over" in lead.get(f"/admin/incidents/{drill.incident.public_id}").text
    assert lead.post(f"/admin/drills/{drill.public_id}/stop").status_code == 409


def test_drill_without_somebody_who_speaks_does_not_start(lead, page):
    answer = lead.post(f"{READY}/start", pace="4")
    assert (answer.status_code, "a drill needs a comms lead" in answer.text) == (422, True)
    for wrong in ({"pace": "0"}, {"pace": "nan"}, {"role-communications_lead": "nobody"}):
        typed = {"role-communications_lead": lead.user.public_id, "pace": "4", **wrong}
        assert lead.post(f"{READY}/start", **typed).status_code == 422
    assert playing.listed(page) == []
    assert db.session.scalars(select(Incident)).all() == []


def test_second_drill_is_refused_in_a_sentence(lead, drill):
    answer = lead.post(f"{READY}/start", **{"role-communications_lead": lead.user.public_id, "pace": "4"})

    assert answer.status_code == 409
    assert "is being rehearsed. Stop it first." in answer.text


def test_responders_take_part_and_start_none(responder, page):
    assert responder.get("/admin/drills").status_code == 200
    assert responder.get(f"{READY}/start").status_code == 403
    assert responder.post(f"{READY}/start", pace="4").status_code == 403


def test_past_incident_is_offered_as_a_script(lead, open_incident):
    incident = open_incident()
    shown = lead.get(f"/admin/drills/scripts/new?incident={incident.public_id}").text

    assert "Replay: Payments fail" in shown
    assert "+0 what was known then: We are looking into it." in shown
