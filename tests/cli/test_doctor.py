"""`candor doctor`: looks at everything, sends nothing, makes nothing."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update as sql_update

from statuspage.checkup import wires
from statuspage.clock import utcnow
from statuspage.db import db
from statuspage.models import Announcement, Heartbeat
from tests.doubles import SmtpSink

from .conftest import Shell

PEM = Path(__file__).parent.parent / "notifiers" / "loopback.pem"


@contextmanager
def twilio(code: int, date: datetime, account: dict[str, str]) -> Iterator[str]:
    """Twilio's account resource, answering with this status and clock."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(code)
            self.send_header("Date", format_datetime(date, usegmt=True))
            self.end_headers()
            self.wfile.write(json.dumps(account).encode())

        def log_message(self, *_said: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def mail(candor: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpSink]:
    """An installation with a relay."""
    with SmtpSink(user="ana", password="secret") as sink:
        monkeypatch.setenv("CANDOR_SMTP_URL", sink.url)
        monkeypatch.setenv("CANDOR_MAIL_FROM", "status@example.com")
        yield sink


def findings(candor: Shell) -> dict[str, dict[str, Any]]:
    return {each["what"]: each for each in json.loads(candor("doctor", "--json").stdout)}


def bad(candor: Shell) -> list[str]:
    return [each["what"] for each in findings(candor).values() if not each["is_good"]]


@pytest.mark.sqlite
def test_an_empty_machine_is_missing_a_database_and_stays_empty(new_candor: Shell, tmp_path: Path) -> None:
    result = new_candor("doctor")

    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines() if " BAD " in line] == ["database"]
    assert list(tmp_path.iterdir()) == []


def test_all_is_well_once_the_schema_is_there(new_candor: Shell, empty_database: str) -> None:
    queue = ["queue"] if empty_database == "postgres" else []
    new_candor.says("db", "upgrade")

    found = new_candor.tells("doctor")

    assert [each["what"] for each in found] == [
        "settings", "folder", "disk", "database", "schema", *queue, "engine", "on call", "policies", "relay", "twilio",
        "dns", "clock",
    ]  # fmt: skip
    assert all(each["is_good"] for each in found)


def test_an_older_schema_is_bad(candor: Shell, tmp_path: Path, inside: Any) -> None:
    inside()
    db.session.execute(db.text("UPDATE alembic_version SET version_num = '0001'"))
    db.session.commit()

    assert "candor db upgrade" in findings(candor)["schema"]["found"]
    assert bad(candor) == ["schema"]


@pytest.mark.sqlite
def test_a_damaged_database_is_bad(candor: Shell, tmp_path: Path) -> None:
    (tmp_path / "instance" / "candor.db").write_bytes(b"nothing of the kind" * 1000)

    assert bad(candor) == ["database", "schema"]


def test_a_folder_that_others_may_read_is_bad(candor: Shell, tmp_path: Path) -> None:
    (tmp_path / "instance").chmod(0o755)

    assert "chmod 700" in findings(candor)["folder"]["found"]


@pytest.mark.sqlite
def test_a_lost_key_is_bad_and_none_is_made_instead(candor: Shell, tmp_path: Path) -> None:
    (tmp_path / "instance" / "secret_key").unlink()

    assert bad(candor) == ["folder"]
    assert not (tmp_path / "instance" / "secret_key").exists()


@pytest.mark.postgres
def test_several_machines_without_one_key_are_bad(candor: Shell, inside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    candor.says("db", "upgrade")
    inside()
    for host in (socket.gethostname(), "elsewhere"):
        db.session.add(Heartbeat(process=f"{host}:7", part="x", beat_at=utcnow(), noted_at=utcnow()))
        db.session.commit()
        assert bad(candor) == (["secret key"] if host == "elsewhere" else [])
    said = findings(candor)["secret key"]["found"]
    monkeypatch.setenv("CANDOR_SECRET_KEY", "k" * 48)

    assert "elsewhere" in said
    assert "same CANDOR_SECRET_KEY" in said
    assert bad(candor) == []


def test_what_waits_too_long_is_bad(candor: Shell, inside: Any) -> None:
    candor.says("subscriber", "add", "--email", "ana@example.com")
    candor.says("incident", "open", "--title", "Payments fail", "--body", "Looking.")
    assert bad(candor) == []
    inside()
    db.session.execute(sql_update(Announcement).values(created_at=utcnow() - timedelta(minutes=5)))
    db.session.commit()

    assert "not running, and the oldest message waits for 5 min" in findings(candor)["engine"]["found"]


def test_a_relay_is_asked_who_we_are_and_for_nothing_more(candor: Shell, mail: SmtpSink) -> None:
    found = findings(candor)["relay"]

    assert found["is_good"]
    assert found["found"].endswith(f"127.0.0.1:{mail.port} answers, knows the password")
    assert mail.signed_in == ["ana"]
    assert mail.received == []


def test_a_wrong_password_is_bad(candor: Shell, mail: SmtpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_SMTP_URL", mail.url.replace("secret", "wrong"))

    assert "refuses user and password" in findings(candor)["relay"]["found"]
    assert bad(candor) == ["relay"]


def test_a_certificate_that_ends_soon_is_bad(candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    trust = ssl.create_default_context(cafile=str(PEM))
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(ssl._ssl._test_decode_cert(str(PEM))["notAfter"]), UTC)  # type: ignore[attr-defined]
    monkeypatch.setattr(ssl, "create_default_context", lambda: trust)
    with SmtpSink(tls=context) as sink:
        url = f"{sink.url}?starttls=require"
        good, late = wires._relay(url, ends - timedelta(days=30)), wires._relay(url, ends - timedelta(days=20))

    assert good.is_good
    assert "with TLS, certificate good for 30 days" in good.found
    assert late.found.endswith("certificate good for 20 days; renew it")
    assert not late.is_good


def test_a_relay_that_is_down_is_bad(candor: Shell, mail: SmtpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_SMTP_URL", "smtp://127.0.0.1:9")

    assert "127.0.0.1:9 does not answer" in findings(candor)["relay"]["found"]


@pytest.mark.parametrize(
    ("status", "account", "late", "wrong"),
    [
        (200, {"status": "active"}, timedelta(), []),
        (401, {}, timedelta(), ["twilio"]),
        (200, {"status": "suspended"}, timedelta(), ["twilio"]),
        (500, {}, timedelta(), ["twilio"]),
        (200, {"status": "active"}, timedelta(minutes=9), ["clock"]),
    ],
)
def test_twilio_says_whether_it_knows_us_and_what_time_it_is(
    candor: Shell, monkeypatch: pytest.MonkeyPatch, status: int, account: dict[str, str], late: timedelta,
    wrong: list[str],
) -> None:  # fmt: skip
    with twilio(status, utcnow() + late, account) as url:
        monkeypatch.setenv("CANDOR_TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
        monkeypatch.setenv("CANDOR_TWILIO_AUTH_TOKEN", "token")
        monkeypatch.setenv("CANDOR_TWILIO_FROM", "+15005550006")
        monkeypatch.setenv("CANDOR_TWILIO_API_URL", url)

        assert bad(candor) == wrong


def test_a_page_without_an_address_is_bad(candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_BASE_URL", "http://nowhere.invalid")

    assert bad(candor) == ["dns"]


def test_wrong_settings_are_what_is_bad(candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_PORT", "eighty")

    result = candor("doctor")

    assert result.exit_code == 1
    assert "CANDOR_PORT" in result.stdout
