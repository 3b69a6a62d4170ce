"""The second step of signing in, and one's own passkeys, apps, codes and devices in the account room."""

import base64
import re
from collections.abc import Callable
from html import unescape

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from statuspage import staff
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.factors import codes, devices, passkeys, standing
from statuspage.factors.passkeys import Site
from statuspage.models import StaffUser
from statuspage.vocabulary import StaffRole
from tests.conftest import BY, csrf_token
from tests.doubles.authenticator import Phone
from tests.houses import Houses

from .desk import Desk

PASSWORD = "a short sentence is good"
LOCAL = "http://localhost"
HERE = Site("localhost", LOCAL)


@pytest.fixture
def ada(colleague: Callable[..., StaffUser]) -> StaffUser:
    user = colleague(StaffRole.COMMS_LEAD, email="ada@candor.example")
    staff.set_password(user, PASSWORD, BY, utcnow())
    return user


@pytest.fixture
def phone(ada: StaffUser) -> Phone:
    made = Phone()
    passkeys.enrol(ada, HERE, made.make(passkeys.invitation(ada, HERE, "Status", utcnow())), "Phone", BY, utcnow())
    db.session.commit()
    return made


def question(text: str) -> str:
    found = re.search(r'data-passkey="([^"]+)"', text)
    assert found
    return unescape(found[1])


def post(client: FlaskClient, path: str, **typed: str) -> TestResponse:
    token = csrf_token(client, "/admin/login")
    return client.post(path, data={"csrf_token": token, **typed}, base_url=LOCAL)


def sign_in(client: FlaskClient, next_page: str = "") -> TestResponse:
    target = f"/admin/login?next={next_page}" if next_page else "/admin/login"
    return post(client, target, email="ada@candor.example", password=PASSWORD)


def is_in(client: FlaskClient) -> bool:
    return client.get("/admin/").status_code == 200


def test_a_password_alone_lets_nobody_in_who_has_a_passkey(client: FlaskClient, phone: Phone) -> None:
    answer = sign_in(client)

    assert answer.headers["Location"].endswith("/admin/login/second")
    assert not is_in(client)
    assert "Use your passkey" in client.get("/admin/login/second", base_url=LOCAL).text


def test_the_passkey_is_the_second_step_and_leads_on(client: FlaskClient, phone: Phone, ada: StaffUser) -> None:
    sign_in(client, "/admin/incidents")
    asked = question(client.get("/admin/login/second", base_url=LOCAL).text)
    answer = post(client, "/admin/login/second", passkey=phone.answer(asked), remember="yes")

    assert answer.headers["Location"] == "/admin/incidents"
    assert is_in(client)
    assert len(devices.of(ada, utcnow())) == 1


def test_a_remembered_device_skips_the_second_step(client: FlaskClient, phone: Phone, ada: StaffUser) -> None:
    client.set_cookie("device", devices.remember(ada, "Phone", BY, utcnow()))
    db.session.commit()
    sign_in(client)

    assert is_in(client)


def test_a_wrong_code_lets_nobody_in(client: FlaskClient, phone: Phone) -> None:
    sign_in(client)

    assert post(client, "/admin/login/second", code="123456").status_code == 422
    assert not is_in(client)


def test_the_second_step_without_the_first_leads_back(client: FlaskClient, phone: Phone) -> None:
    assert client.get("/admin/login/second").headers["Location"].endswith("/admin/login")
    assert post(client, "/admin/login/second", code="123456").status_code == 409


def test_a_one_time_link_asks_for_it_too(client: FlaskClient, phone: Phone, ada: StaffUser) -> None:
    path = f"/admin/sign-in/{staff.new_sign_in_link(ada, BY, utcnow())}"
    answer = client.post(path, data={"csrf_token": csrf_token(client, path)})

    assert answer.headers["Location"] == "/admin/login/second"
    assert not is_in(client)


def test_a_passkey_signs_in_by_itself(client: FlaskClient, phone: Phone) -> None:
    asked = question(client.get("/admin/login", base_url=LOCAL).text)
    answer = post(client, "/admin/login/passkey", passkey=phone.answer(asked), next="https://evil.example/")

    assert answer.headers["Location"] == "/admin/"
    assert is_in(client)


@pytest.mark.parametrize("junk", ["", "{}", "x" * 60_000])
def test_junk_signs_nobody_in(client: FlaskClient, phone: Phone, junk: str) -> None:
    assert post(client, "/admin/login/passkey", passkey=junk).status_code == 422
    assert not is_in(client)


def test_the_passkey_of_who_has_left_opens_nothing(client: FlaskClient, phone: Phone, ada: StaffUser) -> None:
    staff.edit(ada, "", "", StaffRole.COMMS_LEAD, False, BY, utcnow())
    asked = question(client.get("/admin/login", base_url=LOCAL).text)

    assert post(client, "/admin/login/passkey", passkey=phone.answer(asked)).status_code == 422
    assert not is_in(client)


def test_a_passkey_is_added_with_recovery_codes_and_listed(lead: Desk) -> None:
    phone = Phone()
    page = lead.browser.get("/admin/account/passkeys/new", base_url=LOCAL).text
    token = csrf_token(lead.browser, "/admin/account")
    typed = {"csrf_token": token, "passkey": phone.make(question(page)), "name": "My phone"}
    answer = lead.browser.post("/admin/account/passkeys", data=typed, base_url=LOCAL)

    assert len(re.findall(r"<code>\w{4}-\w{4}-\w{4}</code>", answer.text)) == 10
    assert "My phone" in lead.get("/admin/account").text
    assert "10 recovery codes left" in lead.get("/admin/account").text


def test_an_app_is_added_once_it_shows_the_right_digits(lead: Desk) -> None:
    page = lead.get("/admin/account/authenticators/new").text
    found = re.search(r'class="code-row">([A-Z2-7 ]+)<', page)
    assert found
    key = base64.b32decode(found[1].replace(" ", ""))
    right = TOTP(key, 6, SHA1(), 30).generate(int(utcnow().timestamp())).decode()
    wrong = lead.post("/admin/account/authenticators", code="000000", name="App")
    answer = lead.post("/admin/account/authenticators", code=right, name="App")

    assert "data:image/svg+xml" in page
    assert wrong.status_code == 422
    assert "Recovery codes" in answer.text
    assert [each.name for each in codes.of(lead.user)] == ["App"]


def test_a_session_left_open_changes_no_factor(lead: Desk) -> None:
    codes.enrol(lead.user, *_app(lead.user), "App", BY, utcnow())
    recovery = codes.new_recovery_codes(lead.user, BY, utcnow())
    db.session.commit()
    public_id = codes.of(lead.user)[0].public_id
    refused = lead.post(f"/admin/account/factors/authenticator/{public_id}/remove")
    proven = lead.post("/admin/account/prove", code=recovery[0])
    removed = lead.post(f"/admin/account/factors/authenticator/{public_id}/remove")

    assert refused.headers["Location"] == "/admin/account/prove"
    assert (proven.status_code, removed.status_code) == (303, 303)
    assert not standing.has_second_factor(lead.user)


def _app(user: StaffUser) -> tuple[str, str]:
    uri = codes.new_uri(user, "Status")
    key = codes.secret_of(uri)
    totp = TOTP(base64.b32decode(key + "=" * (-len(key) % 8)), 6, SHA1(), 30)
    return uri, totp.generate(int(utcnow().timestamp())).decode()


def test_a_device_is_listed_and_forgotten(lead: Desk) -> None:
    devices.remember(lead.user, "Chrome on Android", BY, utcnow())
    db.session.commit()
    public_id = devices.of(lead.user, utcnow())[0].public_id
    shown = lead.get("/admin/account").text
    lead.post(f"/admin/account/factors/device/{public_id}/name", name="My phone")
    lead.post(f"/admin/account/factors/device/{public_id}/remove")

    assert "Chrome on Android" in shown
    assert devices.of(lead.user, utcnow()) == []


def test_an_admin_resets_what_a_colleague_has_lost(admin: Desk, phone: Phone, ada: StaffUser) -> None:
    page = admin.get(f"/admin/staff/{ada.public_id}").text
    admin.post(f"/admin/staff/{ada.public_id}/second-factor")
    db.session.rollback()

    assert "Reset the second factor" in page
    assert not standing.has_second_factor(ada)


def test_at_a_bare_address_the_account_says_why_there_is_no_passkey(client: FlaskClient, ada: StaffUser) -> None:
    bare, path = "http://127.0.0.1:8000", f"/admin/sign-in/{staff.new_sign_in_link(ada, BY, utcnow())}"
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path, base_url=bare).text)
    assert found
    client.post(path, data={"csrf_token": found[1]}, base_url=bare)
    page = client.get("/admin/account", base_url=bare).text

    assert "Add a passkey" not in page
    assert "<code>localhost</code>" in page


def test_behind_https_passkeys_belong_to_the_base_url_and_the_cookie_to_this_host_alone(houses: Houses) -> None:
    away = "https://status.example.com"
    with houses.open(base_url=away, hold_seconds=0) as app:
        user = staff.add("ada@candor.example", StaffRole.COMMS_LEAD, BY, utcnow())
        staff.set_password(user, PASSWORD, BY, utcnow())
        site, phone = Site("status.example.com", away), Phone(origin=away, host="status.example.com")
        passkeys.enrol(user, site, phone.make(passkeys.invitation(user, site, "S", utcnow())), "Phone", BY, utcnow())
        db.session.commit()
        browser = app.test_client()

        def send(path: str, **typed: str) -> TestResponse:
            found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/admin/login", base_url=away).text)
            assert found
            typed |= {"csrf_token": found[1]}
            return browser.post(path, data=typed, base_url=away, headers={"Origin": away})

        send("/admin/login", email="ada@candor.example", password=PASSWORD)
        asked = question(browser.get("/admin/login/second", base_url=away).text)
        answer = send("/admin/login/second", passkey=phone.answer(asked), remember="yes")
        device = next(each for each in answer.headers.getlist("Set-Cookie") if "device" in each)

    assert answer.status_code == 303
    assert device.startswith("__Host-device=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(device.split("; "))
    assert "Domain" not in device
