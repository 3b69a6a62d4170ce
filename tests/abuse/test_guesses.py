"""Guessing at addresses, disguising them, and asking for what is not for strangers."""

import time

import pytest
from sqlalchemy import func, select

from statuspage.db import db
from statuspage.models import Delivery, Subscriber
from tests.conftest import csrf_token

MOST_SECONDS = 1.0


def test_nobody_is_found_by_counting(client, subscribe):
    ada = subscribe("ada@example.com")
    for guess in [*range(1, 50), ada.public_id, ada.salt, f"{ada.public_id}.{ada.salt}"]:
        for path in ("manage", "unsubscribe", "subscribe/confirm", "subscribers", "subscriptions"):
            assert client.get(f"/{path}/{guess}").status_code == 404, f"/{path}/{guess}"
        one_click = {"List-Unsubscribe": "One-Click"}
        assert client.post(f"/unsubscribe/{guess}", data=one_click).status_code == 404

    db.session.expire_all()
    assert db.session.get_one(Subscriber, ada.id).state == "confirmed"


@pytest.mark.parametrize(
    "disguise", ["x.css", "/a.png", ";.js", "%2fa.css", "%00.js", "%3b.css", "%23.png", "/..%2fa.ico"]
)
def test_no_disguise_makes_a_private_page_public(client, sign_in, subscribe, disguise):
    from statuspage.tokens import Purpose, signer

    ada, staff = subscribe("ada@example.com"), sign_in()
    for path in ("/admin/", "/admin/subscribers", f"/manage/{signer().sign(Purpose.MANAGE, ada.public_id, ada.salt)}"):
        answer = staff.browser.get(path + disguise)

        assert answer.status_code in (404, 308), path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert "ada@example.com" not in answer.text


OPERATORS = ("/metrics", "/debug", "/server-status", "/actuator/env", "/phpinfo.php", "/.git/HEAD", "/.env.local")
FILES = (
    "/candor.toml",
    "/instance/candor.db",
    "/instance/secret_key",
    "/static/../instance/secret_key",
    "/admin/../.env",
)


@pytest.mark.parametrize("path", [*OPERATORS, *FILES])
def test_what_only_operators_may_know_is_not_there_for_others(client, path):
    answer = client.get(path, headers={"X-Forwarded-For": "203.0.113.9"})

    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(answer.data) < 8192
    for word in ("Traceback", "werkzeug", "sqlite", "secret"):
        assert word not in answer.text


def test_probe_of_health_says_no_more_than_that_it_is_well(client):
    assert client.get("/healthz", headers={"X-Forwarded-For": "203.0.113.9"}).text == "ok\n"


def test_form_of_thousands_of_fields_is_refused_at_once(client):
    fields = {"csrf_token": csrf_token(client, "/subscribe"), "email": "ada@example.com", "consent": "yes"}
    many = fields | {f"component-{number}": "1" for number in range(8_000)}
    began = time.monotonic()
    answer = client.post("/subscribe", data=many)

    assert answer.status_code == 413
    assert time.monotonic() - began < MOST_SECONDS
    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 0
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 0
