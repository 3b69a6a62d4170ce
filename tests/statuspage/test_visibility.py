import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import select

from statuspage import components, publishing, subscriptions
from statuspage.db import db
from statuspage.delivery import letters
from statuspage.models import Component, Incident, IncidentUpdate
from statuspage.subscriptions import Wishes
from statuspage.tokens import Purpose, signer
from statuspage.visibility import PUBLIC, STAFF, Viewer, may_see, only_for
from statuspage.vocabulary import Audience, ComponentStatus, Severity
from statuspage.web import presenters
from tests.conftest import BY, NOON, csrf_token
from tests.statuspage.fakes import ledger, said

INSIDE, OUTSIDE = Audience.INTERNAL, Audience.PUBLIC
SECRET = "zebrafish"
DOCUMENTS = ("/api/v2/summary.json", "/api/v2/incidents.json", "/api/v2/components.json")
PATHS = ("/", "/history?month=2026-03", "/history.atom", "/history.rss", "/subscribe", *DOCUMENTS)

viewers = st.sets(st.sampled_from(Audience)).map(lambda audiences: Viewer(frozenset(audiences)))


@pytest.mark.parametrize(
    ("viewer", "things", "is_seen"),
    [
        (PUBLIC, [OUTSIDE], True),
        (PUBLIC, [INSIDE], False),
        (PUBLIC, [OUTSIDE, INSIDE], False),
        (STAFF, [INSIDE, OUTSIDE], True),
        (Viewer(frozenset()), [OUTSIDE], False),
        (PUBLIC, [], True),
    ],
)
def test_one_sees_what_is_for_ones_audience(viewer, things, is_seen):
    assert may_see(viewer, *(SimpleNamespace(audience=audience) for audience in things)) is is_seen


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(viewer=viewers)
def test_rule_in_python_and_rule_in_sql_agree(page, a_mixture, viewer):
    for model in (Component, Incident, IncidentUpdate):
        everything = db.session.scalars(select(model)).all()
        found = db.session.scalars(select(model).where(*only_for(viewer, model))).all()

        assert set(found) == {thing for thing in everything if may_see(viewer, thing)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(viewer=viewers)
def test_presented_incidents_hold_nothing_beyond_the_viewer(page, a_mixture, viewer):
    allowed = {
        model: {thing.public_id for thing in db.session.scalars(select(model)) if may_see(viewer, thing)}
        for model in (Component, Incident, IncidentUpdate)
    }

    for view in presenters.latest_incidents(page, viewer, 50, NOON):
        assert view.id in allowed[Incident]
        assert {update.id for update in view.updates} <= allowed[IncidentUpdate]
        assert {component.id for component in view.components} <= allowed[Component]


@pytest.fixture
def a_mixture(page, open_incident, api):
    """Public, internal and hidden incidents, updates and components, in every combination."""
    hidden = components.add(page, f"{SECRET} cluster", BY, NOON, group=f"{SECRET} group", audience=INSIDE)
    known = open_incident(
        title="Known", components={api: ComponentStatus.PARTIAL_OUTAGE, hidden: ComponentStatus.MAJOR_OUTAGE}
    )
    publishing.post_update(known, said(f"The {SECRET} did it.", status=known.status, audience=INSIDE), BY, NOON)
    open_incident(title=f"The {SECRET} incident", body=f"Only for us: {SECRET}.", audience=INSIDE)
    gone = open_incident(title=f"A {SECRET} that is gone", components={api: api.status}, is_notified=False)
    publishing.hide(gone, BY, NOON)
    return known


def test_nothing_internal_is_on_any_public_page(client, a_mixture, api):
    for path in (*PATHS, f"/incidents/{a_mixture.public_id}"):
        answer = client.get(path)

        assert answer.status_code == 200
        assert SECRET not in answer.text.lower(), path
        assert "sev2" not in answer.text.lower(), path


def test_internal_incident_is_as_unknown_as_one_that_never_was(client, a_mixture):
    secret = db.session.scalars(select(Incident).filter_by(audience=INSIDE)).one()
    hidden, unknown = client.get(f"/incidents/{secret.public_id}"), client.get("/incidents/aaaaaaaaaaaa")

    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.data == unknown.data


def test_public_pages_are_the_same_to_the_byte_whether_internal_things_exist_or_not(client, page, api, open_incident):
    known = open_incident(components={api: ComponentStatus.PARTIAL_OUTAGE})
    paths = ("/", f"/incidents/{known.public_id}", "/history?month=2026-03", "/history.atom", "/history.rss")
    before = [client.get(path).data for path in paths]
    hidden = components.add(page, "Hidden", BY, NOON, group="Hidden group", audience=INSIDE)
    components.set_status(hidden, ComponentStatus.MAJOR_OUTAGE, BY, NOON)
    open_incident(title="Hidden", audience=INSIDE)
    publishing.post_update(
        known, said("Hidden.", status=known.status, audience=INSIDE, severity=Severity.SEV1), BY, NOON
    )

    assert [client.get(path).data for path in paths] == before


def test_hidden_component_does_not_confirm_the_page(page):
    hidden = components.add(page, "Hidden", BY, NOON, audience=INSIDE)
    components.set_status(hidden, ComponentStatus.MAJOR_OUTAGE, BY, NOON + timedelta(hours=1))

    assert page.confirmed_at == NOON


def test_no_mail_and_no_sms_speaks_of_what_is_internal(a_mixture, subscribe, dispatch):
    subscribe("a@example.com")
    subscribe("+4915112345678", channel="sms")
    dispatch()

    rows = ledger()
    assert len(rows) == 2
    for row in rows:
        message = letters.personal(row)
        assert SECRET not in f"{message.subject}{message.text}{message.html}".lower()


def test_who_signs_up_in_the_middle_is_told_the_latest_public_state(a_mixture, subscribe):
    subscribe("a@example.com")
    [row] = ledger()

    words = letters.personal(row)
    assert "We are looking into it." in words.text
    assert SECRET not in f"{words.text}{words.html}".lower()


def test_internal_component_cannot_be_chosen_or_probed_in_the_form(client, a_mixture):
    hidden = db.session.scalars(select(Component).filter_by(audience=INSIDE)).one()

    def answer(component_id):
        token = csrf_token(client, "/subscribe")
        form = {"csrf_token": token, "email": "a@example.com", "consent": "yes", "components": component_id}
        page = client.post("/subscribe", data=form)
        # The form's token is another one each second.
        return page.status_code, re.sub(r'name="csrf_token" value="[^"]+"', "", page.text).replace(component_id, "")

    private, unknown = answer(hidden.public_id), answer("aaaaaaaaaaaa")
    assert private[0] == 422
    assert private == unknown


def test_component_hidden_later_is_not_named_to_its_subscribers(client, page, api, subscribe):
    person = subscribe("a@example.com", api)
    components.edit(api, f"{SECRET} api", "", "", INSIDE, BY, NOON)
    manage = signer().sign(Purpose.MANAGE, person.public_id, person.salt)
    unsubscribe = signer().sign(Purpose.UNSUBSCRIBE, person.public_id)

    assert SECRET not in client.get(f"/manage/{manage}").text
    assert SECRET not in client.get(f"/unsubscribe/{unsubscribe}").text


def test_subscriber_of_a_hidden_component_hears_of_it_without_its_name(page, open_incident, subscribe, dispatch):
    hidden = components.add(page, SECRET, BY, NOON, audience=INSIDE)
    subscriptions.add_attested(page, "email", "in@example.com", Wishes((hidden,)), BY, "test", NOON)
    open_incident(components={hidden: ComponentStatus.MAJOR_OUTAGE})
    dispatch()

    [row] = ledger()
    assert row.recipient == "in@example.com"
    assert SECRET not in letters.personal(row).text
