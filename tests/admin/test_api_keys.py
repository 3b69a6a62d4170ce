import re

import pytest

from statuspage import api_keys, publishing
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import ApiKey
from statuspage.vocabulary import Scope
from tests.conftest import BY, NOON

MADE = {"name": "Deploy", "scope_publish": "yes", "scope_config": "yes", "days": "90", "allows_query": "yes"}


def test_key_is_shown_once_and_works(admin, page):
    made = admin.post("/admin/api-keys", **MADE)
    secret = re.search(r"sp_live_\w+", made.text)[0]
    key = db.session.query(ApiKey).one()

    assert api_keys.recognise(secret, utcnow()) is key
    assert (key.scopes, key.created_by) == (["publish", "config"], admin.user)
    for path in ("/admin/api-keys", f"/admin/api-keys/{key.public_id}"):
        assert secret not in admin.get(path).text
        assert "Deploy" in admin.get(path).text


def test_key_can_be_kept_out_of_the_address_and_live_on(admin):
    admin.post("/admin/api-keys", name="Deploy", scope_read="yes", days="0")
    key = db.session.query(ApiKey).one()

    assert (key.allows_query, key.expires_at) == (False, None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": " "}, "Say what the key is for."),
        ({"scope_publish": "", "scope_config": "no"}, "Choose at least one thing"),
        ({"days": "7"}, "Choose how long"),
    ],
)
def test_what_is_missing_is_said(admin, change, sentence):
    answer = admin.post("/admin/api-keys", **{**MADE, **change})

    assert (answer.status_code, sentence in answer.text) == (422, True)
    assert db.session.query(ApiKey).count() == 0


def test_name_of_a_working_key_is_taken(admin, page):
    admin.post("/admin/api-keys", **MADE)
    again = admin.post("/admin/api-keys", **MADE)

    assert (again.status_code, "named Deploy already" in again.text) == (409, True)


def test_key_is_revoked(admin, page):
    key, secret = api_keys.add(page, "Deploy", [Scope.READ], BY, utcnow())
    answer = admin.post(f"/admin/api-keys/{key.public_id}/revoke")

    assert answer.headers["Location"] == "/admin/api-keys"
    assert api_keys.recognise(secret, utcnow()) is None
    assert "Revoked" in admin.get("/admin/api-keys").text
    assert "Revoke this key" not in admin.get(f"/admin/api-keys/{key.public_id}").text


def test_hidden_incident_is_shown_again(lead, client, open_incident):
    incident = open_incident()
    publishing.hide(incident, BY, NOON)
    shown = lead.get(f"/admin/incidents/{incident.public_id}").text
    lead.post(f"/admin/incidents/{incident.public_id}/show")

    assert "Taken off the page." in shown
    assert "Payments fail" in lead.get("/admin/incidents").text
    assert client.get(f"/incidents/{incident.public_id}").status_code == 200
