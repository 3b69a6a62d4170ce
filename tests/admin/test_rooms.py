"""The other rooms of the panel: components, subscribers, policies, staff, the page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from statuspage import components
from statuspage.cadence.policies import cadence_for
from statuspage.db import db
from statuspage.models import Component, Incident, Page, StaffUser, Subscriber
from statuspage.subscribers import INVALID_ADDRESS, stop_after_refusal
from statuspage.vocabulary import ComponentStatus, Severity, StaffRole, SubscriberState
from tests.conftest import BY, NOON, csrf_token

from .desk import Desk


def fresh(thing: object) -> None:
    db.session.rollback()
    db.session.refresh(thing)


def test_a_component_is_added(lead: Desk, page: Page, client: FlaskClient) -> None:
    lead.post("/admin/components", name="Search", group="Shop", description="Finds things")

    assert "Search" in client.get("/").text


@pytest.mark.parametrize(("typed", "status"), [({"name": ""}, 422), ({"name": "API"}, 409), ({"name": "x" * 121}, 422)])
def test_a_component_that_cannot_be_comes_back(lead: Desk, api: Component, typed: dict[str, str], status: int) -> None:
    answer = lead.post("/admin/components", **typed, description="kept")

    assert answer.status_code == status
    assert 'value="kept"' in answer.text


def test_a_component_shows_another_state_and_nobody_is_told(lead: Desk, api: Component) -> None:
    lead.post(f"/admin/components/{api.public_id}/status", status="partial_outage")

    fresh(api)
    assert api.status is ComponentStatus.PARTIAL_OUTAGE


def test_a_component_moves_within_its_group(lead: Desk, page: Page, api: Component, web: Component) -> None:
    second = components.add(page, "Webhooks", BY, NOON, group="Platform")
    lead.post(f"/admin/components/{second.public_id}/move", direction="up")

    db.session.rollback()
    names = [each.name for each in components.listed(page)]
    assert names.index("Webhooks") < names.index("API")


def test_a_component_of_an_open_incident_cannot_be_archived(
    lead: Desk, api: Component, open_incident: Callable[..., Incident]
) -> None:
    open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    answer = lead.post(f"/admin/components/{api.public_id}/archive")

    assert answer.status_code == 409
    assert "Resolve it first" in answer.text


def test_all_clear_is_confirmed_when_green(lead: Desk, page: Page) -> None:
    before = page.confirmed_at
    offered = "All clear: confirm now" in lead.get("/admin/").text
    lead.post("/admin/all-clear")

    fresh(page)
    assert offered
    assert page.confirmed_at > before


def test_late_is_loud_in_the_panel(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    open_incident()

    assert "Late since" in lead.get("/admin/").text
    assert "stat-alarm tone-major" in lead.get("/admin/board").text


def test_the_dashboard_says_when_messages_are_captured(lead: Desk) -> None:
    assert "Nothing leaves this installation." in lead.get("/admin/").text


def test_a_subscriber_is_added_by_attestation(lead: Desk, api: Component) -> None:
    typed = {"channel": "email", "address": "Ada@Example.com", "evidence": "contract of 3 May", "level": "key_moments"}
    lead.post("/admin/subscribers", **typed, components=api.public_id)

    added = db.session.scalars(db.select(Subscriber)).one()
    assert (added.state, added.consent) == (SubscriberState.CONFIRMED, "attested (panel): contract of 3 May")
    assert [each.component for each in added.subscriptions] == [api]


@pytest.mark.parametrize(
    "typed",
    [
        {"channel": "email", "address": "nope", "evidence": "contract"},
        {"channel": "sms", "address": "12", "evidence": "contract"},
        {"channel": "email", "address": "ada@example.com", "evidence": ""},
        {"channel": "pigeon", "address": "ada@example.com", "evidence": "contract"},
    ],
)
def test_a_subscriber_without_address_or_proof_is_refused(lead: Desk, typed: dict[str, str]) -> None:
    assert lead.post("/admin/subscribers", **typed).status_code == 422
    assert db.session.query(Subscriber).count() == 0


def test_subscribers_are_searched_and_masked(lead: Desk, subscribe: Callable[..., Subscriber]) -> None:
    subscribe("ada@example.com")
    subscribe("bob_100%@example.org")
    found = lead.get("/admin/subscribers?q=100%25", {"HX-Request": "true"}).text

    assert "b•••@example.org" in found
    assert "example.com" not in found
    assert "<html" not in found


def test_a_subscriber_is_unsubscribed(lead: Desk, subscribe: Callable[..., Subscriber]) -> None:
    ada = subscribe("ada@example.com")
    lead.post(f"/admin/subscribers/{ada.public_id}/unsubscribe")

    fresh(ada)
    assert ada.state is SubscriberState.UNSUBSCRIBED


def test_a_quarantine_is_lifted(lead: Desk, subscribe: Callable[..., Subscriber]) -> None:
    ada = subscribe("ada@example.com")
    stop_after_refusal(ada.id, INVALID_ADDRESS, "Came back: 5.1.1 unknown", NOON)
    assert "lift-quarantine" in lead.get(f"/admin/subscribers/{ada.public_id}").text
    lead.post(f"/admin/subscribers/{ada.public_id}/lift-quarantine")

    fresh(ada)
    assert ada.state is SubscriberState.CONFIRMED
    assert "lift-quarantine" not in lead.get(f"/admin/subscribers/{ada.public_id}").text


def test_a_policy_is_changed(lead: Desk, page: Page) -> None:
    lead.post("/admin/policies/sev1", first="10m", interval="20m", lead="5m")

    db.session.rollback()
    assert cadence_for(page, Severity.SEV1).interval == timedelta(minutes=20)


@pytest.mark.parametrize(
    "typed",
    [{}, {"first": "x", "interval": "1h", "lead": "1m"}, {"first": "1h", "interval": "1m", "lead": "1h"}],
)
def test_a_policy_that_cannot_work_comes_back(lead: Desk, typed: dict[str, str]) -> None:
    answer = lead.post("/admin/policies/sev1", **typed)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_a_new_colleague_gets_a_link_that_is_shown_once(admin: Desk, client: FlaskClient) -> None:
    answer = admin.post("/admin/staff", email="New@Candor.example", role="responder", phone="+49 151 12345678")
    link = answer.text.partition('id="sign-in-link">')[2].partition("<")[0]
    path = link.removeprefix("http://127.0.0.1:8000")
    client.post(path, data={"csrf_token": csrf_token(client, path)})

    assert client.get("/admin/").status_code == 200
    assert path not in admin.get("/admin/staff").text


@pytest.mark.parametrize("typed", [{"email": "nope"}, {"email": "a@candor.example", "phone": "12"}, {"email": ""}])
def test_a_colleague_without_an_address_is_refused(admin: Desk, typed: dict[str, str]) -> None:
    assert admin.post("/admin/staff", role="viewer", **typed).status_code == 422


def test_lost_access_ends_the_session_at_once(admin: Desk, lead: Desk) -> None:
    admin.post(f"/admin/staff/{lead.user.public_id}", role="comms_lead")

    assert lead.get("/admin/").status_code == 303


def test_the_last_admin_stays(admin: Desk) -> None:
    answer = admin.post(f"/admin/staff/{admin.user.public_id}", role="viewer", active="yes")

    assert answer.status_code == 409
    assert "last admin" in answer.text


def test_the_page_is_renamed(admin: Desk, page: Page, client: FlaskClient) -> None:
    admin.post("/admin/page", name="Candor Cloud", time_zone="Europe/Berlin", shows_lateness="yes")

    fresh(page)
    assert (page.name, page.time_zone, page.shows_lateness) == ("Candor Cloud", "Europe/Berlin", True)
    assert "Candor Cloud" in client.get("/").text


@pytest.mark.parametrize(
    "typed",
    [
        {"name": "", "time_zone": "Etc/UTC"},
        {"name": "Candor", "time_zone": "Mars/Olympus"},
        {"name": "Candor", "time_zone": "Etc/UTC", "support_url": "javascript:alert(1)"},
        {"name": "Candor", "time_zone": "Etc/UTC", "mail_reply_to": "nobody"},
    ],
)
def test_page_settings_that_cannot_work_come_back(admin: Desk, page: Page, typed: dict[str, str]) -> None:
    assert admin.post("/admin/page", **typed).status_code == 422
    fresh(page)
    assert page.name == "Status"


def test_the_audit_names_who_did_what(admin: Desk, colleague: Callable[..., StaffUser]) -> None:
    colleague(StaffRole.VIEWER)
    admin.post("/admin/page", name="Candor Cloud", time_zone="Etc/UTC")
    record = admin.get("/admin/audit").text

    assert "page.edit" in record
    assert admin.user.email in record


@pytest.mark.parametrize(
    "path",
    ["messages/{}", "messages/{}/html", "messages?before={}", "announcements?before={}", "subscribers?before={}",
     "audit?before={}", "incidents?before={}"],
)  # fmt: skip
def test_numbers_beyond_any_row_are_no_error_of_ours(at_desk: Callable[..., Desk], path: str) -> None:
    admin = at_desk(StaffRole.ADMIN)

    assert admin.browser.get(f"/admin/{path.format('9' * 23)}").status_code in (200, 404)


def test_all_clear_is_refused_while_an_incident_is_open(lead: Desk, open_incident: Callable[..., Incident]) -> None:
    open_incident()

    assert lead.post("/admin/all-clear").status_code == 409
