"""`candor doctor`: one line for each thing that must be right."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import click
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from .. import postgres, queueing, schema, urls
from ..clock import iso_text, utcnow
from ..db import db
from ..errors import SettingsError
from ..jobs import DUTY
from ..models import AuditEntry, Lease
from ..settings import Settings
from ._shell import app_context, show_json, show_table

RELAY_SECONDS = 5
OFF_BY = timedelta(minutes=2)
# Leases are given by one machine's clock and read by another's.
APART = timedelta(seconds=2)
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is right, and what was found."""

    what: str
    is_good: bool
    found: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check settings, database, schema, relay, Twilio and clock, one line each; exit 1 when one is bad."""
    findings = list(_findings())
    if as_json:
        show_json([vars(finding) for finding in findings])
    else:
        show_table([(each.what, "ok" if each.is_good else "BAD", each.found) for each in findings])
    ctx.exit(0 if all(finding.is_good for finding in findings) else 1)


def _findings() -> Iterator[Finding]:
    try:
        with app_context() as app:
            settings = urls.settings()
            yield Finding("settings", True, f"served at {settings.base_url}")
            yield _try("database", _database)
            yield _try("schema", _schema)
            if postgres.is_ours(db.engine):
                yield _try("queue", _queue)
            yield _relay(app, settings)
            yield Finding(
                "twilio", True, "configured" if app.extensions["candor.channels"]["sms"].is_live else "captured"
            )
            yield _try("clock", _clock)
    except SettingsError as error:
        for name, sentence in error.problems.items():
            yield Finding("settings", False, f"{name}: {sentence}")


def _try(what: str, look: Callable[[], tuple[bool, str]]) -> Finding:
    try:
        return Finding(what, *look())
    except SQLAlchemyError as error:
        return Finding(what, False, " ".join(str(getattr(error, "orig", error)).split()))
    finally:
        db.session.rollback()


def _database() -> tuple[bool, str]:
    address = db.engine.url.render_as_string()
    if not postgres.is_ours(db.engine):
        db.session.execute(text("SELECT 1"))
        return True, address
    facts = db.session.execute(
        text(
            "SELECT current_setting('server_version') AS version, current_setting('max_connections')::int AS most,"
            " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used, now() AS now"
        )
    ).one()
    found = f"{address}, PostgreSQL {facts.version}, {facts.used} of {facts.most} connections in use"
    apart = abs(utcnow() - facts.now)
    if apart > APART:
        return False, f"{found}; its clock and ours are {apart.total_seconds():.0f} s apart"
    return facts.used < facts.most * 0.9, found


def _queue() -> tuple[bool, str]:
    if not queueing.is_on():
        return True, "none: senders look by themselves (the extra [workers] wakes them)"
    listening, waiting = queueing.census()
    return True, f"{listening} listening, {waiting} jobs waiting"


def _schema() -> tuple[bool, str]:
    is_current = schema.is_current()
    return is_current, "today's" if is_current else "not today's; run `candor db upgrade`"


def _relay(app: Flask, settings: Settings) -> Finding:
    if not app.extensions["candor.channels"]["email"].is_live:
        return Finding("relay", True, "captured: no CANDOR_SMTP_URL, so no mail leaves this machine")
    parts = urlsplit(settings.smtp_url.get_secret_value().split()[0])
    host, is_tls = unquote(parts.hostname or ""), parts.scheme == "smtps"
    port = parts.port or (465 if is_tls else 587 if parts.password else 25)
    try:
        connection = (
            smtplib.SMTP_SSL(host, port, timeout=RELAY_SECONDS, context=ssl.create_default_context())
            if is_tls
            else smtplib.SMTP(host, port, timeout=RELAY_SECONDS)
        )
        with connection:
            connection.noop()
    except (OSError, smtplib.SMTPException) as error:
        return Finding("relay", False, f"{host}:{port} does not answer ({error})")
    return Finding("relay", True, f"{host}:{port} answers")


def _clock() -> tuple[bool, str]:
    """Our clock is later than everything recorded, and a process keeps the engine's."""
    now = utcnow()
    if not schema.is_current():
        return now > RELEASED, iso_text(now)
    latest = db.session.scalar(select(func.max(AuditEntry.at)))
    if now < RELEASED or (latest and now < latest - OFF_BY):
        return False, f"{iso_text(now)} is earlier than what is recorded already; set this machine's clock"
    keeper = db.session.scalar(select(Lease.owner).where(Lease.name == DUTY, Lease.expires_at > now))
    return True, f"{iso_text(now)}, " + (f"engine running ({keeper})" if keeper else "no engine running")
