"""Coming in and going out: the one-time link, the password, sessions that can be ended."""

import re
from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient

from statuspage import staff
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import AuditEntry, StaffSession, StaffUser
from statuspage.vocabulary import StaffRole
from tests.conftest import BY, csrf_token

from .desk import Desk

PASSWORD = "a short sentence is good"


def with_password(user: StaffUser) -> StaffUser:
    staff.set_password(user, PASSWORD, BY, utcnow())
    return user


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD) -> int:
    token = csrf_token(client, "/admin/login")
    return client.post("/admin/login", data={"csrf_token": token, "email": email, "password": password}).status_code


def sessions() -> list[StaffSession]:
    db.session.rollback()
    return list(db.session.scalars(db.select(StaffSession)))


def test_opening_the_link_does_not_use_it_up(client: FlaskClient, colleague: Callable[..., StaffUser]) -> None:
    secret = staff.new_sign_in_link(colleague(), BY, utcnow())
    pages = [client.get(f"/admin/sign-in/{secret}") for _ in range(3)]

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert "Sign in as" in pages[0].text
    assert sessions() == []


def test_the_link_lets_one_browser_in_once(
    app: Flask, client: FlaskClient, colleague: Callable[..., StaffUser]
) -> None:
    path = f"/admin/sign-in/{staff.new_sign_in_link(colleague(), BY, utcnow())}"
    other = app.test_client()
    tokens = [csrf_token(browser, path) for browser in (client, other)]
    first = client.post(path, data={"csrf_token": tokens[0]})
    second = other.post(path, data={"csrf_token": tokens[1]})

    assert (first.status_code, first.headers["Location"]) == (303, "/admin/account")
    assert second.status_code == 404
    assert client.get("/admin/").status_code == 200


def test_a_password_lets_in(client: FlaskClient, colleague: Callable[..., StaffUser]) -> None:
    user = with_password(colleague())

    assert sign_in(client, user.email.upper()) in (302, 303)
    assert client.get("/admin/").status_code == 200


def test_a_wrong_password_and_an_unknown_address_read_alike(
    client: FlaskClient, colleague: Callable[..., StaffUser]
) -> None:
    user, token = with_password(colleague()), csrf_token(client, "/admin/login")
    pages = [
        client.post("/admin/login", data={"csrf_token": token, "email": email, "password": "wrong password"})
        for email in (user.email, "nobody@candor.example")
    ]

    assert [page.status_code for page in pages] == [422, 422]
    known, unknown = (re.sub(r"[\w-]+\.[\w-]+\.[\w-]{20,}", "TOKEN", page.text) for page in pages)
    known, unknown = (re.sub(r"challenge[^,]*,", "QUESTION", text) for text in (known, unknown))
    assert known.replace(user.email, "") == unknown.replace("nobody@candor.example", "")


def test_guessing_is_limited_even_for_the_right_password(
    client: FlaskClient, colleague: Callable[..., StaffUser]
) -> None:
    user = with_password(colleague())
    answers = [sign_in(client, user.email, "wrong password") for _ in range(10)]

    assert set(answers) == {422}
    assert sign_in(client, user.email) == 429


def test_signing_in_makes_a_fresh_session(app: Flask, lead: Desk, colleague: Callable[..., StaffUser]) -> None:
    before = lead.browser.get_cookie("sid")
    path = f"/admin/sign-in/{staff.new_sign_in_link(colleague(StaffRole.ADMIN), BY, utcnow())}"
    lead.browser.post(path, data={"csrf_token": csrf_token(lead.browser, path)})
    after = lead.browser.get_cookie("sid")
    thief = app.test_client()
    thief.set_cookie("sid", before.value if before else "")

    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert thief.get("/admin/").status_code == 303
    assert [row.staff_user_id for row in sessions()] != [lead.user.id]


def test_a_new_password_ends_every_other_session(lead: Desk, app: Flask) -> None:
    other = app.test_client()
    other.set_cookie("sid", getattr(lead.browser.get_cookie("sid"), "value", ""))
    lead.post("/admin/account/password", password=PASSWORD)

    assert lead.get("/admin/").status_code == 200
    assert other.get("/admin/").status_code == 303


def test_a_new_password_asks_for_the_old_one(lead: Desk) -> None:
    lead.post("/admin/account/password", password=PASSWORD)
    lead.token = ""
    wrong = lead.post("/admin/account/password", password="another short sentence", current="not this one")
    right = lead.post("/admin/account/password", password="another short sentence", current=PASSWORD)

    assert (wrong.status_code, right.status_code) == (422, 303)


def test_a_weak_password_comes_back_with_the_reason(lead: Desk) -> None:
    answer = lead.post("/admin/account/password", password="short")

    assert answer.status_code == 422
    assert "12 characters or more" in answer.text


def test_signing_out_everywhere_ends_all(lead: Desk) -> None:
    lead.post("/admin/account/sign-out-everywhere")

    assert lead.get("/admin/").status_code == 303
    assert sessions() == []


def test_signing_out_forgets_the_session(lead: Desk) -> None:
    answer = lead.post("/admin/logout")

    assert '"storage"' in answer.headers["Clear-Site-Data"]
    assert lead.get("/admin/").status_code == 303
    assert sessions() == []


def test_signing_out_needs_the_form(lead: Desk) -> None:
    assert lead.get("/admin/logout").status_code == 405
    assert lead.browser.post("/admin/logout").status_code == 400


def test_a_fragment_is_told_where_to_sign_in(client: FlaskClient) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1:8000/admin/incidents/abc?x=1"}
    answer = client.get("/admin/board", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].endswith("next=/admin/incidents/abc")


def test_after_signing_in_one_is_where_one_wanted_to_be(client: FlaskClient) -> None:
    assert client.get("/admin/incidents?before=3").headers["Location"].endswith("next=/admin/incidents?before%3D3")


def test_nothing_leads_off_the_site(client: FlaskClient, colleague: Callable[..., StaffUser]) -> None:
    user, token = with_password(colleague()), csrf_token(client, "/admin/login")
    form = {"csrf_token": token, "email": user.email, "password": PASSWORD}
    answer = client.post("/admin/login?next=https://evil.example/", data=form)

    assert (answer.status_code, answer.headers.get("Location")) == (422, None)
    assert "somewhere we do not know" in answer.text


def test_a_screen_left_open_does_not_count_as_work(lead: Desk) -> None:
    row = sessions()[0]
    row.seen_at = idle_since = utcnow().replace(microsecond=0) - timedelta(minutes=20)
    db.session.commit()
    lead.get("/admin/board", {"X-Candor-Poll": "1"})

    assert sessions()[0].seen_at == idle_since
    assert lead.get("/admin/").status_code == 200
    assert sessions()[0].seen_at > idle_since


def test_every_way_in_is_on_record(lead: Desk) -> None:
    db.session.rollback()
    acts = db.session.scalars(db.select(AuditEntry.act)).all()

    assert "staff.sign_in" in acts


def test_the_panel_is_kept_by_nobody(lead: Desk) -> None:
    headers = lead.get("/admin/").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
