"""`candor doctor`."""

import pytest

from tests.doubles import SmtpSink

from .conftest import Shell


def _lines(candor: Shell) -> dict[str, str]:
    return {line.split()[0]: line for line in candor("doctor").stdout.splitlines()}


def test_a_new_installation_is_missing_only_its_schema(candor: Shell) -> None:
    result = candor("doctor")

    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines() if "BAD" in line] == ["schema"]


def test_all_is_well_once_the_schema_is_there(candor: Shell, empty_database: str) -> None:
    queue = ["queue"] if empty_database == "postgres" else []
    candor.says("db", "upgrade")

    findings = candor.tells("doctor")

    assert [each["what"] for each in findings] == [
        "settings", "database", "schema", *queue, "relay", "twilio", "clock",
    ]  # fmt: skip
    assert all(each["is_good"] for each in findings)


def test_a_relay_that_answers_is_named(candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    candor.says("db", "upgrade")
    with SmtpSink() as sink:
        monkeypatch.setenv("CANDOR_SMTP_URL", sink.url)
        monkeypatch.setenv("CANDOR_MAIL_FROM", "status@example.com")

        said = candor.says("doctor")

    assert f"{sink.url.removeprefix('smtp://').split('?')[0]} answers" in said


def test_a_relay_that_is_down_is_bad(candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    candor.says("db", "upgrade")
    monkeypatch.setenv("CANDOR_SMTP_URL", "smtp://127.0.0.1:9")
    monkeypatch.setenv("CANDOR_MAIL_FROM", "status@example.com")

    result = candor("doctor")

    assert result.exit_code == 1
    assert "127.0.0.1:9 does not answer" in result.stdout


def test_wrong_settings_are_what_is_bad(candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_PORT", "eighty")

    result = candor("doctor")

    assert result.exit_code == 1
    assert "CANDOR_PORT" in result.stdout
