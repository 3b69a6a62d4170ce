import pytest
from flask import request
from sqlalchemy import text as sql

from statuspage import settings as settings_module
from statuspage.db import db
from statuspage.http import POLICY, allowed_hosts
from statuspage.tokens import Purpose, signer
from tests.breaking import drop_table
from tests.conftest import csrf_token
from wsgi import create_app

EVERYWHERE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
CACHED = "public, max-age=5, s-maxage=5, stale-while-revalidate=60, stale-if-error=86400"
PUBLIC_PATHS = ("/", "/history", "/history.atom", "/history.rss")


@pytest.mark.parametrize("path", [*PUBLIC_PATHS, "/subscribe", "/nothing-here", "/healthz"])
def test_every_answer_carries_the_headers(client, path):
    headers = client.get(path).headers

    assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    assert "X-Powered-By" not in headers


@pytest.mark.parametrize("path", PUBLIC_PATHS)
def test_public_pages_may_be_kept_by_everyone_and_know_nobody(client, path):
    headers = client.get(path).headers

    assert headers["Cache-Control"] == CACHED
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Set-Cookie" not in headers
    assert "Vary" not in headers


@pytest.mark.parametrize("path", ["/subscribe", "/subscribe/check", "/subscribe/code", "/nothing-here", "/healthz"])
def test_everything_else_is_kept_by_nobody(client, path):
    assert client.get(path).headers["Cache-Control"] == "no-store"


def test_page_of_one_person_is_not_indexed_and_its_address_goes_nowhere(client, subscribe):
    ada = subscribe("ada@example.com")
    headers = client.get(f"/manage/{signer().sign(Purpose.MANAGE, ada.public_id, ada.salt)}").headers

    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert headers["X-Robots-Tag"] == "noindex"


def test_host_that_is_not_ours_gets_400_and_nothing_else(client, page):
    odd = ["", "[::1", "localhost/x", "evil@localhost", "localhost@evil.example"]
    for host in [*odd, "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.nip.io"]:
        answer = client.get("/", headers={"Host": host})

        assert (answer.status_code, answer.headers["Cache-Control"]) == (400, "no-store"), host
        assert page.name not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_this_machine_is_ours_by_any_name(client):
    for host in ("127.0.0.1:8000", "localhost:1", "[::1]:8000", "LOCALHOST"):
        assert client.get("/", headers={"Host": host}).status_code == 200, host


def test_on_the_internet_only_our_own_name_is_ours():
    settings = settings_module.load(base_url="https://status.example.com")

    assert allowed_hosts(settings) == {"status.example.com"}


def test_probe_answers_whoever_asks(client):
    assert client.get("/healthz", headers={"Host": "10.0.0.7"}).text == "ok\n"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://[evil"},
        {"Origin": "localhost"},
        {"Origin": "http://localhost:9"},
    ],
)
def test_form_sent_from_elsewhere_is_refused_even_with_its_token(client, headers):
    form = {"csrf_token": csrf_token(client, "/subscribe"), "email": "a@example.com", "consent": "yes"}
    answer = client.post("/subscribe", data=form, headers=headers)

    assert answer.status_code == 403
    assert "another site" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "null"},
        {},
    ],
)
def test_form_sent_from_here_is_taken(client, headers):
    form = {"csrf_token": csrf_token(client, "/subscribe"), "email": "a@example.com", "consent": "yes"}

    assert client.post("/subscribe", data=form, headers=headers).status_code == 303


def test_form_without_its_token_is_refused_wherever_it_comes_from(client):
    form = {"email": "a@example.com", "consent": "yes"}

    assert client.post("/subscribe", data=form, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 400


def test_page_is_for_reading(client):
    for method in ("TRACE", "TRACK", "PUT", "DELETE", "PATCH", "PROPFIND", "POST"):
        answer = client.open("/", method=method, headers={"X-Secret": "echo?"})

        assert answer.status_code == 405, method
        assert "GET" in answer.headers["Allow"]
        assert "echo?" not in answer.text


def test_what_is_not_there_is_not_there(client):
    guesses = ["/static/../wsgi.py", "/static/%2e%2e/wsgi.py", "/.git/config", "/.env", "/console", "/%00"]
    for path in [*guesses, "/%2fevil.example", "/admin/x.css", "/metrics"]:
        answer = client.get(path)

        assert answer.status_code in (404, 308, 303), path
        assert "evil.example" not in answer.headers.get("Location", "")


def test_body_too_large_is_refused_unread(client):
    answer = client.post("/subscribe", data={"email": "x" * 1_000_000})

    assert answer.status_code == 413
    assert "more than we can take" in answer.text


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nothing-here", "GET", 404), ("/", "POST", 405), ("/subscribe", "POST", 400), ("/history?month=x", "GET", 404)],
)
def test_error_is_a_page_without_our_insides(client, path, method, status):
    answer = client.open(path, method=method)

    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert len(answer.data) <= 8192
    for word in ("Traceback", "werkzeug", "sqlite", "/statuspage/"):
        assert word not in answer.text


def test_our_own_fault_is_a_calm_500_that_is_never_cached(client, app, page):
    page.time_zone = "Mars/Base"
    db.session.commit()
    answer = client.get("/")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (500, "no-store")
    assert "Mars" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text


@pytest.mark.parametrize("path", PUBLIC_PATHS)
def test_database_that_is_gone_never_reads_green(client, path):
    for table in ("update_component", "incident_update", "incident"):
        drop_table(table)
    db.session.commit()
    answer = client.get(path)

    assert answer.status_code == 500
    assert "No known incidents" not in answer.text


def test_readiness_needs_the_database_and_its_schema(client):
    assert client.get("/readyz").text == "ready\n"
    db.session.execute(sql("UPDATE alembic_version SET version_num = '0000'"))
    db.session.commit()

    assert client.get("/readyz").status_code == 503


def test_over_tls_cookies_are_for_this_host_alone_and_browsers_are_told(tmp_path):
    app = create_app(
        settings_module.load(instance_dir=tmp_path, base_url="https://status.example.com", log_level="error")
    )
    headers = app.test_client().get("/healthz").headers

    assert app.config["SESSION_COOKIE_NAME"] == "__Host-sid"
    assert app.config["SESSION_COOKIE_SECURE"]
    assert headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


def test_development_promises_no_tls(client):
    assert "Strict-Transport-Security" not in client.get("/").headers


@pytest.mark.parametrize("hops", [0, 1])
def test_forwarded_address_is_believed_for_as_many_hops_as_we_set(tmp_path, hops):
    app = create_app(settings_module.load(instance_dir=tmp_path, trusted_proxies=hops, log_level="error"))
    app.add_url_rule("/who", view_func=lambda: request.remote_addr or "")
    spoofed = {"X-Forwarded-For": "198.51.100.1, 192.0.2.9"}

    assert app.test_client().get("/who", headers=spoofed).text == ("192.0.2.9" if hops else "127.0.0.1")


@pytest.mark.sqlite
def test_reading_never_waits_for_a_writer(client, app, sign_in):
    browser = sign_in().browser
    db.session.rollback()
    writer = db.engine.raw_connection()
    writer.execute("BEGIN IMMEDIATE")
    try:
        answers = [client.get("/").status_code, browser.get("/healthz").status_code]
    finally:
        writer.rollback()
        writer.close()

    assert answers == [200, 200]
