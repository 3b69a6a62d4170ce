"""Moving and withdrawing a promise, and settling deadlines, on the incident's page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from statuspage.cadence import reminders
from statuspage.cadence.policies import set_policy
from statuspage.cadence.policy import DEFAULTS, DeadlineRule
from statuspage.cadence.steps import COMMANDER, COMMS_LEAD, Recipient
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.drafts import Promise
from statuspage.models import Incident, Page
from statuspage.vocabulary import Audience, DeadlineKind, PromiseOutcome, Severity
from tests.conftest import BY, NOON

from .desk import Desk

# The tests' noon is past; what is promised must not be.
AHEAD = Promise(within=utcnow() - NOON + timedelta(hours=1))


def outcomes(incident: Incident) -> list[PromiseOutcome | None]:
    db.session.expire_all()
    return [each.outcome for each in incident.promises]


def test_promise_is_moved_and_both_page_and_panel_say_why(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident(promise=AHEAD)
    path = f"/admin/incidents/{incident.public_id}"
    answer = lead.post(f"{path}/promise", what="move", within="2h", reason="The vendor needs longer.")

    assert answer.status_code == 303
    assert outcomes(incident) == [PromiseOutcome.REPLACED, None]
    assert "Moved" in lead.get(path).text
    public = lead.get(f"/incidents/{incident.public_id}").text
    assert "We said" in public
    assert "The vendor needs longer." in public
    assert "The vendor needs longer." in lead.get("/history.atom").text


def test_promise_is_withdrawn_and_the_page_says_why(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident(promise=AHEAD)
    lead.post(
        f"/admin/incidents/{incident.public_id}/promise", what="withdraw", within="30m", reason="The vendor has it."
    )

    assert outcomes(incident) == [PromiseOutcome.WITHDRAWN]
    assert "No further update is planned: The vendor has it." in lead.get("/").text


def test_what_readers_do_not_see_is_not_said_to_be_on_the_page(
    lead: Desk, open_incident: Callable[..., Incident]
) -> None:
    incident = open_incident(promise=AHEAD, audience=Audience.INTERNAL)
    path = f"/admin/incidents/{incident.public_id}"
    lead.post(f"{path}/promise", what="move", within="2h", reason="Longer.")

    assert "Moved: colleagues see" in lead.get(path).text
    lead.post(f"{path}/promise", what="withdraw", reason="A false alarm.")
    assert "Withdrawn. Nobody is chased for it any more." in lead.get(path).text


def test_without_a_reason_the_form_comes_back(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident(promise=AHEAD)
    path = f"/admin/incidents/{incident.public_id}/promise"
    moved = lead.post(path, what="move", within="other", other="soon", reason="Longer.")
    withdrawn = lead.post(path, what="withdraw")

    assert (moved.status_code, withdrawn.status_code) == (422, 422)
    assert "is not a span" in moved.text
    assert 'value="Longer."' in moved.text
    assert "Say why no next update is promised." in withdrawn.text
    assert outcomes(incident) == [None]


def test_what_is_over_cannot_be_moved(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident(promise=Promise(none_because="Night."))
    answer = lead.post(f"/admin/incidents/{incident.public_id}/promise", what="move", within="30m", reason="Longer.")

    assert answer.status_code == 409
    assert "No next update is promised" in answer.text


def test_responder_without_a_role_may_not(responder: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident(promise=AHEAD)
    answer = responder.post(f"/admin/incidents/{incident.public_id}/promise", what="withdraw", reason="No.")

    assert answer.status_code == 403


def test_lateness_is_told_in_the_panel_and_not_in_public(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    incident = open_incident(promise=Promise(within=timedelta(minutes=30)))
    path = f"/admin/incidents/{incident.public_id}"
    lead.post(f"{path}/promise", what="move", within="30m", reason="Longer.")

    assert outcomes(incident) == [PromiseOutcome.LATE, None]
    assert "Late by" in lead.get(path).text
    public = lead.get(f"/incidents/{incident.public_id}").text
    assert "We said" not in public
    assert "Longer." in public


def test_deadline_is_overdue_on_the_dashboard_until_it_is_settled(
    lead: Desk, page: Page, open_incident: Callable[..., Incident]
) -> None:
    owed = (DeadlineRule("Early warning", timedelta(hours=24), COMMANDER, kind=DeadlineKind.AUTHORITY),)
    set_policy(page, Severity.SEV2, replace(DEFAULTS[Severity.SEV2], deadlines=owed), BY, NOON)
    [deadline] = open_incident().deadlines
    path = f"/admin/deadlines/{deadline.public_id}"
    before = lead.get("/admin/").text
    refused = lead.post(path, what="waive", note="")
    unsaid = lead.post(path, note="Filed?")
    done = lead.post(path, what="meet", note="Filed by phone.")

    assert "Early warning is overdue" in before
    assert (refused.status_code, unsaid.status_code, done.status_code) == (422, 422, 303)
    assert "Say whether it is done or does not apply." in unsaid.text
    assert 'value="Filed?"' in unsaid.text
    assert "Say why this deadline does not apply." in refused.text
    assert "Early warning is overdue" not in lead.get("/admin/").text
    assert "Filed by phone." in lead.get(f"/admin/incidents/{deadline.incident.public_id}").text
    again = lead.post(path, what="meet", note="")
    assert (again.status_code, "was settled before" in again.text) == (409, True)


def test_deadline_settled_by_mistake_is_owed_again(
    lead: Desk, page: Page, open_incident: Callable[..., Incident]
) -> None:
    owed = (DeadlineRule("Early warning", timedelta(hours=24), COMMANDER, kind=DeadlineKind.AUTHORITY),)
    set_policy(page, Severity.SEV2, replace(DEFAULTS[Severity.SEV2], deadlines=owed), BY, NOON)
    [deadline] = open_incident().deadlines
    path = f"/admin/deadlines/{deadline.public_id}"
    lead.post(path, what="meet", note="Filed by phone.")
    offered = lead.get(f"/admin/incidents/{deadline.incident.public_id}").text
    back, again = lead.post(path, what="take-back"), lead.post(path, what="take-back")

    assert "Settled by mistake" in offered
    assert (back.status_code, again.status_code) == (303, 409)
    assert "is owed already" in again.text
    assert "Early warning is overdue" in lead.get("/admin/").text


def test_whoever_owes_a_deadline_settles_it_and_other_responders_do_not(
    responder: Desk, page: Page, open_incident: Callable[..., Incident]
) -> None:
    mine = Recipient(f"person:{responder.user.public_id}")
    owed = (
        DeadlineRule("Early warning", timedelta(hours=24), mine),
        DeadlineRule("Final report", timedelta(hours=72), COMMS_LEAD),
    )
    set_policy(page, Severity.SEV2, replace(DEFAULTS[Severity.SEV2], deadlines=owed), BY, NOON)
    incident = open_incident()
    reminders.remind_due(NOON + timedelta(hours=24))
    shown = responder.get(f"/admin/incidents/{incident.public_id}").text
    answers = [responder.post(f"/admin/deadlines/{each.public_id}", what="meet") for each in incident.deadlines]

    assert shown.count("It is done") == 1
    assert f": {responder.user.display_name}." in shown
    assert [each.status_code for each in answers] == [303, 403]
