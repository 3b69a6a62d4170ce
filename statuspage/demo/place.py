"""Where the demo lives: a folder and database of its own, and never a real relay."""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from notifiers import Channel

from ..errors import Conflict, SettingsError
from ..models import Page
from ..settings import Settings

PATIENCE = 10.0
_RELAYS = {
    "smtp_url": SecretStr(""),
    "mail_from": "",
    "twilio_account_sid": "",
    "twilio_auth_token": SecretStr(""),
    "twilio_from": "",
    "twilio_api_url": "",
    "webhooks": "capture",
}


def demo_settings(real: Settings) -> Settings:
    """The installation's settings with a folder of the demo's own, its own database, and no relay."""
    return real.model_copy(update={"instance_dir": real.instance_dir.resolve() / "demo", "database_url": "", **_RELAYS})


def ignored_names(real: Settings) -> list[str]:
    """The variables that are set and that the demo leaves aside."""
    return [_variable(name) for name in ("database_url", *_RELAYS) if _is_set(real, name) and name != "webhooks"]


def refuse_real_relays(page: Page, settings: Settings, channels: Mapping[str, Channel]) -> None:
    """A demo's addresses belong to nobody we may write to: raise SettingsError when anything would leave."""
    if not page.is_demo or not any(channel.is_live for channel in channels.values()):
        return
    problems = {
        _variable(name): "is set, but this database is a demo, which never writes to real relays. Unset it."
        for name in ("smtp_url", "twilio_account_sid", "twilio_auth_token", "twilio_from")
        if _is_set(settings, name)
    }
    if any(channel.is_live for kind, channel in channels.items() if kind not in ("email", "sms")):
        problems["CANDOR_WEBHOOKS"] = "must be capture: this database is a demo, which posts to nobody."
    raise SettingsError(problems)


def database_file(settings: Settings) -> Path:
    """The demo's SQLite file."""
    return settings.instance_dir / "candor.db"


def is_built(settings: Settings) -> bool:
    """Whether a demo was built to the end here."""
    return _marker(settings).exists() and database_file(settings).exists()


def mark_built(settings: Settings) -> None:
    """Say that this demo is whole."""
    _marker(settings).touch()


def clear(settings: Settings) -> None:
    """Take away the demo of last time, with the backups of its schema."""
    _marker(settings).unlink(missing_ok=True)
    for file in settings.instance_dir.glob("candor*.db*"):
        file.unlink()


@contextmanager
def alone(settings: Settings) -> Iterator[int]:
    """Hold the demo's folder. The lock's descriptor is handed to the processes that use it, and ends with the last."""
    settings.instance_dir.mkdir(parents=True, exist_ok=True)
    lock = os.open(settings.instance_dir / "demo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(lock)
        yield lock
    finally:
        os.close(lock)


def _take(lock: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Conflict("The demo is running already. Stop it first, or look at that one.") from None
            time.sleep(0.1)
        else:
            return


def _marker(settings: Settings) -> Path:
    return settings.instance_dir / "built"


def _variable(name: str) -> str:
    return f"CANDOR_{name.upper()}"


def _is_set(settings: Settings, name: str) -> bool:
    value = getattr(settings, name)
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
