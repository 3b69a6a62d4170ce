import stat

import pytest

from statuspage import settings
from statuspage.errors import SettingsError
from wsgi import create_app


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """A folder without candor.toml, and an environment that says nothing of us."""
    monkeypatch.chdir(tmp_path)
    for name in list(settings.os.environ):
        if name.startswith("CANDOR_"):
            monkeypatch.delenv(name)


def problems():
    with pytest.raises(SettingsError) as caught:
        settings.load()
    return caught.value.problems


def test_nothing_set_is_enough():
    assert settings.load().base_url == "http://127.0.0.1:8000"


def test_every_wrong_setting_is_named_at_once(monkeypatch):
    wrong = {
        "CANDOR_PORT": "many",
        "CANDOR_BASE_URL": "status.example.com",
        "CANDOR_DATABASE_URL": "mysql://x",
        "CANDOR_SECRET_KEY": "short",
        "CANDOR_SMS_COUNTRIES": "DE Germany",
        "CANDOR_LOG_FORMAT": "xml",
        "CANDOR_LEASE_SECONDS": "0",
        "CANDOR_SMS_PER_SECOND": "1001",
        "CANDOR_SMS_DAILY_SEGMENTS": "-1",
        "CANDOR_PSEUDONYMISE_DAYS": "0",
        "CANDOR_WEB_WORKERS": "0",
        "CANDOR_SMPT_URL": "smtp://relay",
        "CANDOR_MAIL_FROM_FILE": "/no/such/file",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)

    assert set(problems()) == set(wrong)


def test_problem_reads_as_a_sentence(monkeypatch):
    monkeypatch.setenv("CANDOR_PORT", "70000")

    with pytest.raises(SettingsError, match=r"CANDOR_PORT: .*65535\."):
        settings.load()


def test_secret_is_not_repeated_in_the_complaint(monkeypatch):
    monkeypatch.setenv("CANDOR_SECRET_KEY", "hunter2")

    assert "hunter2" not in str(problems())


def test_name_reserved_for_later_is_no_misspelling(monkeypatch):
    monkeypatch.setenv("CANDOR_MIRRORS", "/srv/mirror")

    assert settings.load()


def test_secret_may_come_in_a_file(tmp_path, monkeypatch):
    (tmp_path / "key").write_text("s" * 40 + "\n")
    monkeypatch.setenv("CANDOR_SECRET_KEY_FILE", str(tmp_path / "key"))

    assert settings.load().resolved_secret_key() == "s" * 40


def test_environment_beats_the_file_in_the_folder(tmp_path, monkeypatch):
    (tmp_path / "candor.toml").write_text('port = 9000\nhost = "127.0.0.2"\n')
    monkeypatch.setenv("CANDOR_PORT", "9001")
    found = settings.load()

    assert (found.port, found.host) == (9001, "127.0.0.2")


@pytest.mark.parametrize("words", ["port = ", "prot = 1", 'port = "many"', "\x00"])
def test_wrong_file_is_a_problem_and_no_traceback(tmp_path, words):
    (tmp_path / "candor.toml").write_text(words)

    assert problems()


@pytest.mark.parametrize(
    ("given", "base_url"),
    [
        ({"port": 8123}, "http://127.0.0.1:8123"),
        ({"host": "0.0.0.0", "port": 80}, "http://127.0.0.1:80"),
        ({"host": "::"}, "http://[::1]:8000"),
        ({"host": "::1"}, "http://[::1]:8000"),
        ({"host": "status.example.com"}, "http://status.example.com:8000"),
        ({"base_url": "https://status.example.com/", "port": 1}, "https://status.example.com"),
    ],
)
def test_base_url_follows_where_we_listen_unless_told(given, base_url):
    assert settings.load(**given).base_url == base_url


@pytest.mark.parametrize(
    "url", ["x", "ftp://a.example", "https://", "https://a.example/?q", "https://a.example:port", "https://[::1", "//a"]
)
def test_base_url_must_be_a_whole_address(url, monkeypatch):
    monkeypatch.setenv("CANDOR_BASE_URL", url)

    assert set(problems()) == {"CANDOR_BASE_URL"}


def test_countries_are_read_in_any_spelling():
    assert settings.load(sms_countries="de, fr  us").sms_countries == {"DE", "FR", "US"}


def test_key_is_made_once_and_only_we_may_read_it(tmp_path):
    given = settings.load(instance_dir=tmp_path / "instance")
    key = given.resolved_secret_key()

    assert given.resolved_secret_key() == key
    assert len(key) >= 32
    assert stat.S_IMODE((tmp_path / "instance/secret_key").stat().st_mode) == 0o600


def test_half_written_key_stops_the_start(tmp_path):
    (tmp_path / "secret_key").write_text("")

    with pytest.raises(SettingsError, match="secret_key"):
        settings.load(instance_dir=tmp_path).resolved_secret_key()


def test_wrong_channel_settings_stop_the_app_by_name(tmp_path):
    given = settings.load(instance_dir=tmp_path, smtp_url="gopher://relay", twilio_account_sid="AC0", log_level="error")

    with pytest.raises(SettingsError) as caught:
        create_app(given)

    assert "CANDOR_SMTP_URL" in str(caught.value)
    assert "CANDOR_TWILIO_AUTH_TOKEN" in str(caught.value)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Etc/UTC"])
def test_zone_of_this_world_is_taken(zone):
    assert settings.check_zone(zone) == zone


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../etc/passwd", "CEST"])
def test_zone_of_another_world_is_refused(zone):
    with pytest.raises(ValueError, match="is not a time zone"):
        settings.check_zone(zone)


def test_what_the_channels_refuse_is_named_together_with_the_rest(monkeypatch):
    monkeypatch.setenv("CANDOR_PORT", "70000")
    monkeypatch.setenv("CANDOR_SMTP_URL", "foo://x")

    with pytest.raises(SettingsError) as refused:
        settings.load()

    assert {"CANDOR_PORT", "CANDOR_SMTP_URL"} <= refused.value.problems.keys()
    assert "CANDOR_BASE_URL" not in refused.value.problems


@pytest.mark.parametrize(
    ("name", "value"), [("CANDOR_SMS_COUNTRIES", "DE UK"), ("CANDOR_BASE_URL", "http://status example.com")]
)
def test_nonsense_that_looks_right_stops_the_start(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        settings.load()

    assert name in refused.value.problems


def test_webhooks_are_captured_unless_the_page_can_be_reached(monkeypatch):
    assert not create_app(settings.load()).extensions["candor.channels"]["webhook"].is_live

    monkeypatch.setenv("CANDOR_WEBHOOK_ALLOW_PRIVATE", "1")
    assert create_app(settings.load()).extensions["candor.channels"]["webhook"].is_live
    monkeypatch.setenv("CANDOR_WEBHOOKS", "capture")
    assert not create_app(settings.load()).extensions["candor.channels"]["webhook"].is_live


def test_wrong_word_for_webhooks_is_named(monkeypatch):
    monkeypatch.setenv("CANDOR_WEBHOOKS", "maybe")

    assert "CANDOR_WEBHOOKS" in problems()


@pytest.mark.parametrize("address", ["bounces", "a@b", "x" * 24 + "@bounce.example.com", "b+x@bounce.example.com"])
def test_bounce_address_leaves_room_for_a_token(monkeypatch, address):
    monkeypatch.setenv("CANDOR_BOUNCE_ADDRESS", address)

    assert set(problems()) == {"CANDOR_BOUNCE_ADDRESS"}


def test_wrong_signing_is_named(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("no key")
    monkeypatch.setenv("CANDOR_DKIM_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("CANDOR_DKIM_DOMAIN", "example.com")
    monkeypatch.setenv("CANDOR_DKIM_SELECTOR", "candor")

    with pytest.raises(SettingsError, match="CANDOR_DKIM_KEY"):
        create_app(settings.load())


@pytest.mark.parametrize("value", ["hc-ping.com/key", "ftp://hc-ping.com/key", "https://", "https://a.example:port/"])
def test_address_to_ping_must_be_one(value, monkeypatch):
    monkeypatch.setenv("CANDOR_HEARTBEAT_URL", value)

    assert "must be an address" in problems()["CANDOR_HEARTBEAT_URL"]


def test_token_for_metrics_must_be_hard_to_guess(monkeypatch):
    monkeypatch.setenv("CANDOR_METRICS_TOKEN", "short")

    assert "16 characters" in problems()["CANDOR_METRICS_TOKEN"]
