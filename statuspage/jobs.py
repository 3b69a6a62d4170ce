"""The clock: code-defined tickers that ask the database what is due. The process that holds the lease runs them."""

import os
import socket
from collections.abc import Callable

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from . import alarms, deadman, leases, limits, pseudonyms, queueing, reporting, sessions, signups, urls, vitals
from .cadence import reminders, watch
from .clock import utcnow
from .db import db, reading
from .delivery import claims, expansion, pulse, shards
from .delivery.due import due
from .drills import playing
from .factors import devices
from .oncall import feeds
from .vocabulary import Lane

log = structlog.get_logger(__name__)

DUTY = vitals.CLOCK_DUTY
HOLD_FOR = vitals.CLOCK_HOLDS_FOR


class Clock:
    """Runs the tickers for as long as this process holds the duty; another takes over when it no longer does."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.owner = f"{socket.gethostname()}:{os.getpid()}"[:64]
        self.scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._every(1, self._tick)
        self._every(1, self._sweep)
        self._every(60, self._tidy)
        self._every(10, self._watch)
        self._every(60, self._ping)
        self._every(30, self._ask_calendars)
        self._every(60, self._report)

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
        playing.play_due(now)
        if sent := reminders.remind_due(now):
            log.info("clock.reminded", reminders=sent)

    def _sweep(self) -> None:
        """Work that fell due, or whose job was lost, is hinted at again where senders are woken by a queue."""
        if not queueing.is_on():
            return
        now = utcnow()
        with reading():
            has_unexpanded = expansion.has_next()
            found = due(self.app.extensions["candor.channels"], now)
        channels = sorted({channel for channel, lane in found if lane is not Lane.FAST})
        queueing.sweep(channels, has_unexpanded=has_unexpanded)

    @staticmethod
    def _tidy() -> None:
        now = utcnow()
        expansion.supersede_older(now)
        db.session.commit()
        watch.find_unwatched(now)
        limits.forget_old(now)
        sessions.end_expired(now)
        devices.end_expired(now)
        signups.forget_unconfirmed(now)
        queueing.forget_unheard()
        pulse.forget_old(now)
        pseudonyms.pseudonymise_old(now)

    @staticmethod
    def _watch() -> None:
        alarms.raise_due(utcnow())

    @staticmethod
    def _ask_calendars() -> None:
        feeds.read_due(utcnow())

    @staticmethod
    def _report() -> None:
        reporting.report_due(utcnow())

    @staticmethod
    def _ping() -> None:
        if url := urls.settings().heartbeat_url.get_secret_value():
            with reading():
                signs = vitals.read(utcnow())
            deadman.ping(url, signs)
