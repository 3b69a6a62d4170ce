"""Settings: read once, at the door. A wrong one stops the start, and all wrong ones are named at once.

Sources, strongest first: arguments, environment (`CANDOR_…`), files named by `CANDOR_…_FILE`,
`candor.toml` in the working directory.
"""

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

import notifiers

from . import postgres
from .errors import SettingsError

PREFIX = "CANDOR_"
KEY_LEAST = 32
TOKEN_LEAST = 16
DEFAULT_SMS_COUNTRIES = "AT AU BE CA CH CZ DE DK ES FI FR GB IE IT LU NL NO NZ PL PT SE US"


class _FileSource(PydanticBaseSettingsSource):
    """Reads `CANDOR_NAME_FILE`, so that secrets can be mounted rather than exported."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(_file_variable(field_name))
        try:
            return Path(path).read_text(encoding="utf-8").strip() if path else None, field_name, False
        except (OSError, UnicodeDecodeError):
            return None, field_name, False  # `load` names it, together with whatever else is wrong

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Everything an installation decides outside the database. Build it with `load()`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file="candor.toml", env_ignore_empty=True, extra="forbid", frozen=True
    )

    base_url: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    instance_dir: Path = Path("instance")
    database_url: str = ""
    secret_key: SecretStr = SecretStr("")
    smtp_url: SecretStr = SecretStr("")
    mail_from: str = ""
    dkim_key: SecretStr = SecretStr("")
    dkim_domain: str = ""
    dkim_selector: str = ""
    bounce_address: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_api_url: str = ""
    sms_countries: Annotated[frozenset[str], NoDecode] = frozenset(DEFAULT_SMS_COUNTRIES.split())
    sms_daily_cap: Annotated[int, Field(ge=0)] = 500
    metrics_token: SecretStr = SecretStr("")
    heartbeat_url: SecretStr = SecretStr("")
    sms_daily_segments: Annotated[int, Field(ge=0)] = 0
    sms_per_second: Annotated[float, Field(ge=0, le=1000)] = 10
    pseudonymise_days: Annotated[int, Field(ge=1, le=36500)] = 400
    webhooks: Literal["", "on", "capture"] = ""
    webhook_allow_private: bool = False
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    lease_seconds: Annotated[float, Field(gt=0, le=3600)] = 60
    retry_seconds: Annotated[float, Field(gt=0, le=3600)] = 30
    hold_seconds: Annotated[float, Field(ge=0, le=3600)] = 20
    window: Annotated[int, Field(ge=1, le=50)] = 50
    web_workers: Annotated[int, Field(ge=1, le=64)] = 2
    auto_migrate: bool = True
    api_requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    api_limit_status: Literal[420, 429] = 429

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources, strongest first."""
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, _FileSource(settings_cls), toml

    @model_validator(mode="before")
    @classmethod
    def _address_from_port(cls, given: Any) -> Any:
        """Without a base URL, readers are where the server listens."""
        if isinstance(given, dict) and not given.get("base_url"):
            port = str(given.get("port") or "")
            if not (port.isascii() and port.isdigit() and int(port[:9]) < 65536):
                port = ""  # a wrong port is named by itself and is not the address's fault
            host = str(given.get("host") or cls.model_fields["host"].default)
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a comparison, not a bind
            host = f"[{host}]" if ":" in host else host
            given["base_url"] = f"http://{host}:{port or cls.model_fields['port'].default}"
        return given

    @field_validator("base_url")
    @classmethod
    def _whole_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError as error:
            raise ValueError("must be an address like https://status.example.com") from error
        is_host = bool(parts.hostname) and not re.search(r"[\s<>\"'\\]", value)
        if parts.scheme not in ("http", "https") or not is_host or parts.query or parts.fragment:
            raise ValueError("must be an address like https://status.example.com")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        value = postgres.with_driver(value)
        if value and not value.startswith(("sqlite:///", postgres.DRIVER)):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        try:
            make_url(value or "sqlite://")
        except (ArgumentError, ValueError):
            raise ValueError("must be an address like postgresql://user:password@host:5432/candor") from None
        if value.startswith(postgres.DRIVER) and not postgres.is_installed():
            raise ValueError(postgres.NEEDED)
        return value

    @field_validator("bounce_address")
    @classmethod
    def _room_for_a_token(cls, value: str) -> str:
        # RFC 5321 allows 64 signs before the @; a token of 40 and its + stand there too.
        if value and not re.fullmatch(r"[A-Za-z0-9._-]{1,23}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", value):
            raise ValueError("must be an address like bounces@bounce.example.com, at most 23 signs before the @")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < KEY_LEAST:
            raise ValueError(f"must have {KEY_LEAST} characters or more; leave it out and one is made for you")
        return value

    @field_validator("heartbeat_url")
    @classmethod
    def _address_to_ping(cls, value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            is_address = False
        if value.get_secret_value() and not is_address:
            raise ValueError("must be an address like https://hc-ping.com/your-check")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _no_guess(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < TOKEN_LEAST:
            raise ValueError(f"must have {TOKEN_LEAST} characters or more")
        return value

    @field_validator("sms_countries", mode="before")
    @classmethod
    def _split_countries(cls, value: Any) -> Any:
        codes = frozenset(value.upper().replace(",", " ").split()) if isinstance(value, str) else value
        if any(len(code) != 2 or not code.isalpha() for code in codes):
            raise ValueError("must be two-letter country codes, for example DE FR US")
        if isinstance(value, str):
            from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - heavy, and most never set this

            if unknown := sorted(codes - SUPPORTED_REGIONS):
                raise ValueError(f"names no country with a numbering plan: {', '.join(unknown)} (Britain is GB)")
        return codes

    @property
    def sqlalchemy_url(self) -> str:
        """The database's address; SQLite in the instance folder when none is set."""
        return self.database_url or f"sqlite:///{self.instance_dir.resolve() / 'candor.db'}"

    @property
    def lease(self) -> timedelta:
        """How long a claimed delivery stays with its worker."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def retry(self) -> timedelta:
        """The first pause after a failed attempt; it doubles with each further one."""
        return timedelta(seconds=self.retry_seconds)

    @property
    def hold(self) -> timedelta:
        """How long messages published in the panel wait, so that they can still be stopped."""
        return timedelta(seconds=self.hold_seconds)

    @property
    def is_https(self) -> bool:
        """Whether readers reach us over TLS, so that cookies must be Secure."""
        return self.base_url.startswith("https://")

    def resolved_secret_key(self) -> str:
        """The signing key: as set, or kept in the instance folder, made on first use with mode 0600."""
        if self.secret_key.get_secret_value():
            return self.secret_key.get_secret_value()
        self.instance_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.instance_dir / "secret_key"
        if not path.exists():
            _make_key(path)
        key = path.read_text(encoding="ascii", errors="replace").strip()
        if len(key) < KEY_LEAST:
            raise SettingsError({str(path): f"holds fewer than {KEY_LEAST} characters. Restore it, or delete it."})
        return key

    def channel_environment(self) -> dict[str, str]:
        """What the channels may know, by the names an operator writes."""
        return {
            "CANDOR_BASE_URL": self.base_url,
            "CANDOR_SMTP_URL": self.smtp_url.get_secret_value(),
            "CANDOR_MAIL_FROM": self.mail_from,
            "CANDOR_DKIM_KEY": self.dkim_key.get_secret_value(),
            "CANDOR_DKIM_DOMAIN": self.dkim_domain,
            "CANDOR_DKIM_SELECTOR": self.dkim_selector,
            "CANDOR_TWILIO_ACCOUNT_SID": self.twilio_account_sid,
            "CANDOR_TWILIO_AUTH_TOKEN": self.twilio_auth_token.get_secret_value(),
            "CANDOR_TWILIO_FROM": self.twilio_from,
            "CANDOR_TWILIO_API_URL": self.twilio_api_url,
            "CANDOR_SMS_PER_SECOND": f"{self.sms_per_second:g}",
            "CANDOR_WEBHOOKS": self.webhooks,
            "CANDOR_WEBHOOK_ALLOW_PRIVATE": "1" if self.webhook_allow_private else "",
        }


def load(**given: Any) -> Settings:
    """Read the settings; raise SettingsError naming every wrong one at once."""
    problems = _unknown_names() | _unreadable_files()
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for problem in error.errors():
            name = PREFIX + str(problem["loc"][0]).upper() if problem["loc"] else "candor.toml"
            problems[name] = problem["msg"].removeprefix("Value error, ").rstrip(".") + "."
        raise SettingsError(problems | _channel_problems()) from None
    except ValueError as error:  # the file is no TOML
        raise SettingsError(problems | {"candor.toml": f"cannot be read ({error})."}) from error
    if problems:
        raise SettingsError(problems | channel_problems(settings.channel_environment()))
    return settings


def channel_problems(environment: Mapping[str, str]) -> dict[str, str]:
    """What the channels say against their settings, by variable."""
    try:
        notifiers.load(environment)
    except notifiers.BadSettings as error:
        return {sentence.split(" ", 1)[0]: sentence.split(" ", 1)[-1] for sentence in error.problems}
    return {}


def _channel_problems() -> dict[str, str]:
    """The same where the settings as a whole cannot be read: by what the environment says."""
    names = Settings.model_construct().channel_environment()
    return channel_problems({name: os.environ.get(name, "") for name in names})


def _unknown_names() -> dict[str, str]:
    """A misspelt variable would be a setting that silently does nothing."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known} | RESERVED_NAMES
    return {
        name: "is not a setting of Candor. Check the spelling."
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known and not name.startswith("CANDOR_TEST_")
    }


def _unreadable_files() -> dict[str, str]:
    """The files named by `CANDOR_…_FILE` that cannot be read, and why."""
    problems = {}
    for variable in map(_file_variable, Settings.model_fields):
        try:
            if path := os.environ.get(variable):
                Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems[variable] = f"cannot be read ({error})."
    return problems


def _file_variable(field_name: str) -> str:
    return f"{PREFIX}{field_name.upper()}_FILE"


def _make_key(path: Path) -> None:
    """A fresh key at this path, there as a whole or not at all; who comes second leaves the first one's alone."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp's files are 0600
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()


# Names that later parts of Candor answer to; an installation may already carry them.
RESERVED_NAMES = {"CANDOR_MIRRORS"}


def check_zone(name: str) -> str:
    """The IANA zone's name if this machine knows it; ValueError with a sentence otherwise."""
    if name not in available_timezones():
        raise ValueError(f"“{name}” is not a time zone. Write it like Europe/Berlin.")
    return name
