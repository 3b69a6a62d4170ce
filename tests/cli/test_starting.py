"""What `candor run`, `web` and `engine` look at before they begin."""

import socket

import pytest

from .conftest import Shell, execute

SERVING = ("run", "web", "engine")


def test_a_port_that_is_taken_is_refused_by_name(new_candor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("CANDOR_PORT", str(port))

        assert f"CANDOR_PORT: {port} is in use" in new_candor.refuses("run")


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_ours_is_refused_by_name(
    new_candor: Shell, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("CANDOR_HOST", host)

    assert f"CANDOR_HOST: “{host}”" in new_candor.refuses("run")


@pytest.mark.parametrize("command", SERVING)
def test_an_older_schema_is_left_alone_when_asked_to(
    new_candor: Shell, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("CANDOR_AUTO_MIGRATE", "0")

    sentence = new_candor.refuses(command)

    assert "CANDOR_AUTO_MIGRATE" in sentence
    assert "candor db upgrade" in sentence


@pytest.mark.parametrize("command", SERVING)
def test_a_schema_of_another_candor_is_not_served(candor: Shell, command: str) -> None:
    execute("UPDATE alembic_version SET version_num = '9999'")

    assert "another Candor" in candor.refuses(command)


@pytest.mark.parametrize("command", SERVING)
def test_a_demo_never_meets_a_real_relay(candor: Shell, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    execute("UPDATE page SET is_demo = (1 = 1)")
    monkeypatch.setenv("CANDOR_SMTP_URL", "smtp://127.0.0.1:2525")
    monkeypatch.setenv("CANDOR_MAIL_FROM", "status@example.com")

    assert "CANDOR_SMTP_URL: is set, but this database is a demo" in candor.refuses(command)
