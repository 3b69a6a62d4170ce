"""The database: whether it answers, is whole, has today's schema, and whether anything in it waits too long."""

import socket
from datetime import datetime, timedelta

from sqlalchemy import func, select, text

from .. import pages, postgres, queueing, schema
from ..cadence import soundness
from ..clock import span_words, utcnow
from ..db import db
from ..jobs import DUTY
from ..models import Announcement, AuditEntry, Delivery, Heartbeat, Lease, OnCallFeed, Shard, StaffUser
from ..models.delivery import is_waiting
from ..oncall import feeds
from ..settings import Settings
from .finding import Finding, bad, hint, ok

PATIENCE = timedelta(seconds=60)
APART = timedelta(seconds=2)
SEEN_WITHIN = timedelta(minutes=5)


def answers() -> Finding:
    """It answers, and its file is whole."""
    where = db.engine.url.render_as_string()
    if postgres.is_ours(db.engine):
        return _server(where)
    found = db.session.scalar(text("PRAGMA quick_check(1)"))
    if found != "ok":
        return bad("database", f"{where} is damaged ({found}): stop Candor, and restore a backup")
    return ok("database", f"{where} is whole")


def policies() -> Finding:
    """Whether every cadence policy would reach somebody, before an incident finds out."""
    found = soundness.faults(pages.first())
    if not found:
        return ok("policies", "every promise has somebody to chase")
    if not db.session.scalar(select(StaffUser.id).where(StaffUser.active).limit(1)):
        return hint("policies", "nobody is on the staff yet; `candor user add` makes the first one")
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return bad("policies", f"{found[0].whole}{more}; see /admin/policies")


def queue() -> Finding:
    """Whether idle workers are woken by a queue, or look by themselves."""
    if not queueing.is_on():
        return ok("queue", "none: senders look by themselves (the extra [workers] wakes them)")
    listening, waiting = queueing.census()
    return ok("queue", f"{listening} listening, {waiting} jobs waiting")


def has_schema() -> Finding:
    """Its schema is the one this version was written for."""
    found = schema.current()
    if schema.is_current():
        return ok("schema", f"today's ({found})")
    if found and not schema.knows(found):
        return bad("schema", f"{found}, of a newer Candor; install that version")
    return bad("schema", "not today's; run `candor db upgrade`")


def engine(now: datetime) -> Finding:
    """A process keeps the clock, and nothing waits longer than a minute for its turn."""
    keeper = db.session.scalar(select(Lease.owner).where(Lease.name == DUTY, Lease.expires_at > now))
    who = f"running ({keeper})" if keeper else "not running"
    oldest = oldest_waiting(now)
    if oldest is None or now - oldest < PATIENCE:
        return ok("engine", f"{who}, nothing waits too long")
    return bad("engine", f"{who}, and the oldest message waits for {span_words(now - oldest)}")


def one_key(settings: Settings, now: datetime) -> Finding | None:
    """Where several machines work they were given one key: each would refuse the links that another has signed."""
    if settings.secret_key.get_secret_value():
        return None
    seen = db.session.scalars(select(Heartbeat.process).where(Heartbeat.noted_at > now - SEEN_WITHIN))
    hosts = {process.rpartition(":")[0] for process in seen} | {socket.gethostname()}
    if len(hosts) == 1:
        return None
    others = ", ".join(sorted(hosts))
    return bad("secret key", f"several machines are at work ({others}): give all of them the same CANDOR_SECRET_KEY")


def oldest_waiting(now: datetime) -> datetime | None:
    """Since when the longest waiting message could have been sent; None when all are on their way."""
    free = Announcement.stopped_at.is_(None), Announcement.withdrawn_at.is_(None)
    unheld = (Announcement.held_until.is_(None)) | (Announcement.held_until <= now)
    found = [
        db.session.scalar(select(func.min(Delivery.due_at)).join(Announcement).where(is_waiting, *free, unheld)),
        db.session.scalar(
            select(func.min(Shard.due_at)).join(Announcement).where(Shard.closed_at.is_(None), *free, unheld)
        ),
        db.session.scalar(
            select(func.min(func.coalesce(Announcement.held_until, Announcement.created_at))).where(
                Announcement.expanded_at.is_(None), *free, unheld
            )
        ),
    ]
    return min((each for each in found if each is not None and each <= now), default=None)


def _server(where: str) -> Finding:
    """It answers, has room for more connections, and its clock is ours: leases are given by one and read by another."""
    facts = db.session.execute(
        text(
            "SELECT current_setting('server_version') AS version, current_setting('max_connections')::int AS most,"
            " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used, now() AS now"
        )
    ).one()
    found = f"{where}, PostgreSQL {facts.version}, {facts.used} of {facts.most} connections in use"
    apart = abs(utcnow() - facts.now)
    if apart > APART:
        return bad("database", f"{found}; its clock and ours are {apart.total_seconds():.0f} s apart")
    return ok("database", found) if facts.used < facts.most * 0.9 else bad("database", found)


def on_call(now: datetime) -> Finding:
    """The calendars that say who is on duty can be read, and somebody is."""
    count = db.session.scalar(select(func.count()).select_from(OnCallFeed)) or 0
    if troubles := feeds.troubles(now):
        return hint("on call", " ".join(troubles))
    return ok(
        "on call", f"{count} {'calendar is' if count == 1 else 'calendars are'} read" if count else "no calendar is set"
    )


def last_recorded() -> datetime | None:
    """The latest time that somebody is known to have done something."""
    return db.session.scalar(select(func.max(AuditEntry.at)))
