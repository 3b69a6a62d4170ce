import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select

from statuspage import sessions, staff
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import StaffSession
from statuspage.vocabulary import StaffRole
from tests.conftest import BY, csrf_token


def row():
    db.session.rollback()
    return db.session.scalars(select(StaffSession).execution_options(populate_existing=True)).one_or_none()


def cookie(browser):
    return browser.get_cookie("sid").value


def is_in(browser):
    return browser.get("/admin/").status_code == 200


def test_cookie_holds_a_secret_and_the_database_its_hash(sign_in):
    secret = cookie(sign_in().browser).removeprefix("staff-")

    assert len(secret) >= 43
    assert row().secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in row().data


def test_cookie_is_out_of_reach_of_scripts_and_other_sites(app, colleague):
    user = colleague()
    secret = staff.new_sign_in_link(user, BY, utcnow())
    browser = app.test_client()
    answer = browser.post(
        f"/admin/sign-in/{secret}", data={"csrf_token": csrf_token(browser, f"/admin/sign-in/{secret}")}
    )

    [header] = [value for value in answer.headers.getlist("Set-Cookie") if value.startswith("sid=staff-")]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert len(header.split(";")[0]) <= 64


def test_session_lasts_while_somebody_works(sign_in):
    assert is_in(sign_in().browser)


def test_revoked_session_is_over_at_the_next_request(sign_in):
    entered = sign_in()
    staff.sign_out_everywhere(entered.user, BY, utcnow())

    assert not is_in(entered.browser)


def test_lost_role_ends_the_session(sign_in):
    entered = sign_in()
    staff.edit(entered.user, "", "", StaffRole.VIEWER, True, BY, utcnow())

    assert not is_in(entered.browser)


@pytest.mark.parametrize(
    "age", [{"seen_at": utcnow() - timedelta(minutes=31)}, {"expires_at": utcnow() - timedelta(seconds=1)}]
)
def test_idle_and_old_sessions_are_over(sign_in, age):
    browser = sign_in().browser
    found = row()
    for name, at in age.items():
        setattr(found, name, at)
    db.session.commit()

    assert not is_in(browser)


def test_work_keeps_the_session_awake_and_a_screen_left_open_does_not(sign_in):
    browser = sign_in().browser
    found = row()
    found.seen_at = before = utcnow() - timedelta(minutes=10)
    db.session.commit()
    browser.get("/admin/", headers={sessions.POLL_HEADER: "1"})
    after_poll = row().seen_at
    browser.get("/admin/")

    assert after_poll == before
    assert row().seen_at > before


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c[:-1] + ("A" if c[-1] != "A" else "B"),
        lambda c: "staff-",
        lambda c: "staff-é",
        lambda c: c.removeprefix("staff-"),
        lambda c: "x" * 4000,
    ],
)
def test_tampered_cookie_is_nobody(sign_in, app, change):
    spoiled = change(cookie(sign_in().browser))
    answer = app.test_client().get("/admin/", headers={"Cookie": f"sid={spoiled}"})

    assert answer.status_code in (302, 303)


def test_signed_cookie_of_a_stranger_cannot_claim_to_be_staff(app, sign_in):
    user = sign_in().user
    forged = app.session_interface.get_signing_serializer(app).dumps({"_user_id": user.fs_uniquifier, "_fresh": True})
    answer = app.test_client().get("/admin/", headers={"Cookie": f"sid={forged}"})

    assert answer.status_code in (302, 303)


def test_ended_sessions_are_tidied_away(sign_in):
    sign_in()
    sessions.end_expired(utcnow())
    assert row()
    sessions.end_expired(utcnow() + timedelta(hours=12))

    assert row() is None


def test_stranger_with_a_form_leaves_no_row(client):
    client.get("/subscribe")

    assert row() is None
