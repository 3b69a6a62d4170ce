"""The clock: code-defined tickers that ask the database what is due. The process that holds the lease runs them."""

import os
import socket
from collections.abc import Callable
from datetime import timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from . import leases, limits, sessions, signups, urls
from .cadence import reminders
from .clock import utcnow
from .db import db
from .delivery import claims, expansion, shards

log = structlog.get_logger(__name__)

DUTY = "clock"
HOLD_FOR = timedelta(seconds=6)


class Clock:
    """Runs the tickers for as long as this process holds the duty; another takes over when it no longer does."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.owner = f"{socket.gethostname()}:{os.getpid()}"[:64]
        self.scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._every(1, self._tick)
        self._every(60, self._tidy)

    def start(self) -> None:
        """Begin ticking."""
        self.scheduler.start()

    def stop(self) -> None:
        """Finish the tick in hand and let a successor begin at once."""
        self.scheduler.shutdown(wait=True)
        with self.app.app_context():
            leases.release(DUTY, self.owner, utcnow())

    def _every(self, seconds: int, tick: Callable[[], None]) -> None:
        self.scheduler.add_job(self._safely, "interval", args=[tick], seconds=seconds, id=tick.__name__)

    def _safely(self, tick: Callable[[], None]) -> None:
        with self.app.app_context():
            try:
                if leases.hold(DUTY, self.owner, HOLD_FOR, utcnow()):
                    tick()
            except Exception:  # a tick that fails is tried again at the next one
                log.exception("clock.tick_failed", tick=tick.__name__)
            finally:
                db.session.remove()

    @staticmethod
    def _tick() -> None:
        now, lease = utcnow(), urls.settings().lease
        claims.release_lapsed(lease, now)
        shards.release_lapsed(lease, now)
        if sent := reminders.remind_due(now):
            log.info("clock.reminded", people=sent)

    @staticmethod
    def _tidy() -> None:
        now = utcnow()
        expansion.supersede_older(now)
        db.session.commit()
        limits.forget_old(now)
        sessions.end_expired(now)
        signups.forget_unconfirmed(now)
