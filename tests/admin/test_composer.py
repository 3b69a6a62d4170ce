"""The composer: what is typed is published once, or comes back with the reason beside it."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from statuspage import publishing
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import UpdateDraft
from statuspage.models import Announcement, Component, Incident, Page, Subscriber
from statuspage.vocabulary import Audience, ComponentStatus, EventLevel, IncidentRole, IncidentStatus
from tests.conftest import BY

from .desk import Desk, choose, update

SAID = {"status": "identified", "body": "A full disk. We are making room.", "seen_sequence": "1"}


def incidents() -> list[Incident]:
    db.session.rollback()
    return list(db.session.scalars(db.select(Incident).order_by(Incident.id)))


def again(incident: Incident) -> Incident:
    db.session.rollback()
    db.session.refresh(incident)
    return incident


def test_a_lead_opens_an_incident(lead: Desk, api: Component, client: FlaskClient) -> None:
    typed = {"title": "Logins fail", "severity": "sev2", "type": "outage", "status": "investigating", "body": "Sorry."}
    answer = lead.post("/admin/incidents", **typed, **choose(api, "major_outage"), promise="15m")

    made = incidents()[0]
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/admin/incidents/{made.public_id}"
    assert (made.title, api.status, made.updates[0].author) == ("Logins fail", "major_outage", lead.user)
    assert "Logins fail" in client.get("/").text


def test_roles_are_given_when_it_opens(lead: Desk, responder: Desk) -> None:
    roles = {"role-incident_commander": responder.user.public_id, "role-communications_lead": lead.user.public_id}
    lead.post("/admin/incidents", title="Logins fail", body="Sorry.", **roles)

    held = {each.role: each.staff_user for each in incidents()[0].assignments}
    assert held == {IncidentRole.INCIDENT_COMMANDER: responder.user, IncidentRole.COMMUNICATIONS_LEAD: lead.user}


def test_the_composer_is_ready_to_say_the_same_status_again(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident(status=IncidentStatus.IDENTIFIED)
    page = lead.get(f"/admin/incidents/{incident.public_id}").text

    assert 'name="status" value="identified" checked' in page
    assert 'name="promise" value="policy" checked' in page


def test_an_update_is_published_and_the_next_is_promised(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    answer = lead.post(update(incident), **SAID, promise="within", promise_within="45m")

    said = again(incident).updates[-1]
    assert answer.status_code == 303
    assert (said.status, said.body) == ("identified", SAID["body"])
    assert round((incident.next_update_due_at - said.created_at).total_seconds()) == 45 * 60  # type: ignore[operator]


def test_a_form_from_an_earlier_sign_in_does_nothing_and_says_so(
    lead: Desk, open_incident: Callable[..., Incident]
) -> None:
    incident = open_incident()
    lead.token = "stale"
    answer = lead.post(update(incident), **SAID)

    assert answer.status_code == 400
    assert "earlier sign-in" in answer.text
    assert SAID["body"] in answer.text
    assert "The vendor has it." in lead.post(update(incident, "promise"), reason="The vendor has it.").text
    assert len(again(incident).updates) == 1


def test_a_double_click_publishes_once(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    answers = [lead.post(update(incident), **SAID, key="k1") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(again(incident).updates) == 2


def test_opening_twice_by_double_click_opens_once(lead: Desk) -> None:
    for _ in range(2):
        lead.post("/admin/incidents", title="Logins fail", body="Sorry.", key="k1")

    assert len(incidents()) == 1


def test_what_was_typed_comes_back_with_the_reason(lead: Desk, api: Component) -> None:
    answer = lead.post(
        "/admin/incidents", title="Logins <fail>", body=" ", **choose(api, "major_outage"), promise="none"
    )

    assert answer.status_code == 422
    assert 'value="Logins &lt;fail&gt;"' in answer.text
    assert '<option value="major_outage" selected>' in answer.text
    assert "Say something" in answer.text
    assert "Say why no next update is promised." in answer.text
    assert incidents() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "gone"}, {"severity": "sev9"}, {"promise": "soon"}, {"promise": "within", "promise_within": "9999h"},
        {"seen_sequence": "first"}, {"impact": "huge"}, {"audience": "friends"}, {"type": "x" * 5000},
    ],
)  # fmt: skip
def test_a_wrong_field_is_never_an_accident(
    lead: Desk, open_incident: Callable[..., Incident], wrong: dict[str, str]
) -> None:
    incident = open_incident()

    assert lead.post(update(incident), **{**SAID, **wrong}).status_code in (303, 422)
    assert lead.post(update(incident, "preview"), **{**SAID, **wrong}).status_code == 200
    assert lead.post("/admin/incidents/preview", **wrong).status_code == 200


def test_who_was_overtaken_sees_both_texts(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    theirs = UpdateDraft(IncidentStatus.MONITORING, "The fix is in place.")
    publishing.post_update(incident, theirs, BY, utcnow())
    answer = lead.post(update(incident), **SAID)

    assert answer.status_code == 409
    assert "Somebody posted while you were writing" in answer.text
    assert "The fix is in place." in answer.text
    assert SAID["body"] in answer.text
    assert 'name="seen_sequence" value="2"' in answer.text
    assert len(again(incident).updates) == 2


def test_after_reading_the_other_text_mine_is_published(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    publishing.post_update(incident, UpdateDraft(IncidentStatus.MONITORING, "Theirs."), BY, utcnow())
    answer = lead.post(update(incident), **{**SAID, "seen_sequence": "2"})

    assert answer.status_code == 303
    assert again(incident).updates[-1].body == SAID["body"]


def test_resolving_asks_about_components_that_are_not_green(
    lead: Desk, open_incident: Callable[..., Incident], api: Component
) -> None:
    incident = open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    answer = lead.post(update(incident), **{**SAID, "status": "resolved"})

    assert answer.status_code == 409
    assert "Still not operational" in answer.text
    assert f'name="component-{api.public_id}"' in answer.text
    assert again(incident).is_open


def test_one_tap_makes_all_green_and_resolves(
    lead: Desk, open_incident: Callable[..., Incident], api: Component
) -> None:
    incident = open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    was = choose(api, "major_outage", was="major_outage")
    answer = lead.post(update(incident), **{**SAID, "status": "resolved"}, **was, all_green="yes")

    assert answer.status_code == 303
    assert again(incident).status is IncidentStatus.RESOLVED
    assert api.status is ComponentStatus.OPERATIONAL


def test_components_may_be_left_as_they_are(lead: Desk, open_incident: Callable[..., Incident], api: Component) -> None:
    incident = open_incident(components={api: ComponentStatus.DEGRADED_PERFORMANCE})
    lead.post(update(incident), **{**SAID, "status": "resolved"}, leave_components="yes")

    assert not again(incident).is_open
    assert api.status is ComponentStatus.DEGRADED_PERFORMANCE


def test_what_the_form_left_alone_is_left_alone(
    lead: Desk, open_incident: Callable[..., Incident], api: Component
) -> None:
    incident = open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    drawn = choose(api, "major_outage", was="major_outage")
    api.status = ComponentStatus.OPERATIONAL  # by a colleague, while the form was open
    db.session.commit()
    lead.post(update(incident), **SAID, **drawn)

    db.session.refresh(api)
    assert api.status is ComponentStatus.OPERATIONAL


def test_a_resolved_incident_is_reopened(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    publishing.post_update(incident, UpdateDraft(IncidentStatus.RESOLVED, "Over."), BY, utcnow())
    lead.post(update(incident), **{**SAID, "seen_sequence": "2"}, reopen="yes")

    assert again(incident).is_open


def test_posting_to_a_resolved_incident_keeps_the_words(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    publishing.post_update(incident, UpdateDraft(IncidentStatus.RESOLVED, "Over."), BY, utcnow())
    answer = lead.post(update(incident), **{**SAID, "seen_sequence": "2"})

    assert answer.status_code == 409
    assert "This incident is resolved" in answer.text
    assert SAID["body"] in answer.text


def test_a_correction_keeps_the_old_words(
    lead: Desk, open_incident: Callable[..., Incident], client: FlaskClient
) -> None:
    incident = open_incident()
    said = incident.updates[0]
    lead.post(f"/admin/updates/{said.public_id}/edit", body="We are looking into the payments.")

    page = client.get(f"/incidents/{incident.public_id}").text
    assert "We are looking into the payments." in page
    assert "We are looking into it." in page
    assert "Edited" in page


def test_an_empty_correction_comes_back(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    said = open_incident().updates[0]

    assert lead.post(f"/admin/updates/{said.public_id}/edit", body=" ").status_code == 422


def test_a_note_stays_inside(lead: Desk, open_incident: Callable[..., Incident], client: FlaskClient) -> None:
    incident = open_incident()
    lead.post(update(incident), audience="internal", body="Ask the vendor.", status="monitoring", promise="none")

    assert again(incident).status is IncidentStatus.INVESTIGATING
    assert incident.updates[-1].audience is Audience.INTERNAL
    assert "Ask the vendor." not in client.get(f"/incidents/{incident.public_id}").text
    assert db.session.query(Announcement).count() == 1


def test_a_responder_writes_notes_only(responder: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    responder.post(update(incident), **SAID, audience="public")

    assert again(incident).updates[-1].audience is Audience.INTERNAL
    assert incident.status is IncidentStatus.INVESTIGATING


def test_a_responder_opens_inside(responder: Desk, api: Component) -> None:
    mine = {"role-incident_commander": responder.user.public_id}
    responder.post(
        "/admin/incidents", title="Disk", body="Full.", audience="public", **choose(api, "major_outage"), **mine
    )

    made = incidents()[0]
    assert (made.audience, made.assignments) == (Audience.INTERNAL, [])
    assert made.next_update_due_at is not None
    assert api.status is ComponentStatus.OPERATIONAL


def test_the_commander_publishes(lead: Desk, responder: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    lead.post(update(incident, "roles"), **{"role-incident_commander": responder.user.public_id})
    responder.post(update(incident), **SAID)

    assert again(incident).updates[-1].audience is Audience.PUBLIC


def test_a_responder_gives_no_roles(responder: Desk, open_incident: Callable[..., Incident]) -> None:
    roles = {"role-incident_commander": responder.user.public_id}

    assert responder.post(update(open_incident(), "roles"), **roles).status_code == 403


def test_the_preview_counts_who_will_be_told(
    lead: Desk,
    open_incident: Callable[..., Incident],
    subscribe: Callable[..., Subscriber],
    api: Component,
    web: Component,
) -> None:
    incident = open_incident(components={api: ComponentStatus.PARTIAL_OUTAGE})
    subscribe("all@example.com")
    subscribe("web@example.com", web)
    subscribe("+4915112345678", api, channel="sms", level=EventLevel.KEY_MOMENTS)
    fragment = lead.fragment(update(incident, "preview"), **SAID)
    resolved = lead.fragment(update(incident, "preview"), **{**SAID, "status": "resolved"})

    assert "<html" not in fragment
    assert "<strong>1</strong> person will be told" in fragment
    assert "1 who want key moments only will not" in fragment
    assert "<strong>2</strong> people will be told" in resolved


def test_the_preview_says_why_nobody_is_told(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    page_only = lead.fragment(update(incident, "preview"), **SAID, notify="no")
    inside = lead.fragment(update(incident, "preview"), **SAID, audience="internal")

    assert "You chose to change the page only." in page_only
    assert "only colleagues read it" in inside


def test_the_preview_shows_the_sms_that_is_sent(lead: Desk, open_incident: Callable[..., Incident], page: Page) -> None:
    incident = open_incident()
    fragment = lead.fragment(update(incident, "preview"), **SAID, promise="none", no_promise_reason="vendor")
    lead.post(update(incident), **SAID, promise="none", no_promise_reason="vendor")

    sent = db.session.query(Announcement).order_by(Announcement.id.desc()).first()
    assert sent is not None
    assert sent.words["sms"]["text"] in fragment
    assert "1 segment each" in fragment


def test_the_preview_without_script_is_the_whole_form(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    answer = lead.post(update(incident, "preview"), **SAID)

    assert "<html" in answer.text
    assert answer.text.count(SAID["body"]) >= 2
    assert len(again(incident).updates) == 1


MARKUP = (
    "<script>alert(1)</script> {{7*7}} <img src=x onerror=alert(1)> [x](javascript:alert(1)) <a hx-get='/admin/'>y</a>"
)


def test_words_do_nothing_but_stand_there(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident(title=MARKUP, body=MARKUP)
    typed = {**SAID, "body": MARKUP, "title": MARKUP, "no_promise_reason": MARKUP, "promise": "none"}
    shown = [
        lead.get("/admin/").text,
        lead.get("/admin/incidents").text,
        lead.get(f"/admin/incidents/{incident.public_id}").text,
        lead.get("/admin/announcements").text,
        lead.fragment(update(incident, "preview"), **typed),
        lead.post("/admin/incidents/preview", **typed).text,
    ]

    for html in shown:
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert 'href="javascript' not in html
        assert "<a hx-get" not in html
        assert "{{7*7}}" in html
        assert "49 &lt;img" not in html


def test_two_corrections_at_once_lose_no_words(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident()
    path = f"/admin/updates/{incident.updates[0].public_id}/edit"
    first = lead.post(path, body="Words of the first.", seen_revisions="0")
    second = lead.post(path, body="Words of the second.", seen_revisions="0")

    assert (first.status_code, second.status_code) == (303, 409)
    assert "Words of the first." in second.text
    assert "Words of the second." in second.text
