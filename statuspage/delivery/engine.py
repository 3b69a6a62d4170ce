"""The engine: one process beside the web workers that expands, sends and keeps the clock."""

import signal
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType

import structlog
from flask import Flask

from notifiers import Channel

from ..clock import utcnow
from ..db import db
from ..settings import Settings
from ..vocabulary import Lane
from .closing import close_next
from .dispatcher import Dispatcher
from .expansion import expand_next
from .feed import ALL_LANES

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.25
BULK_THREADS = 1


class Engine:
    """Threads for every channel: one for the fast lane alone, the others for whatever is due."""

    def __init__(self, app: Flask, settings: Settings, channels: Mapping[str, Channel]) -> None:
        self.app, self.settings, self.channels = app, settings, channels
        self.stopping = threading.Event()
        self.is_asked = False
        self.dispatchers: list[Dispatcher] = []
        self.threads = [
            threading.Thread(target=self._expand, name="expand"),
            threading.Thread(target=self._renew, name="renew"),
        ]
        for kind in channels:
            self.threads.append(self._sender(kind, (Lane.FAST,), "fast"))
            self.threads += [self._sender(kind, ALL_LANES, f"bulk-{number}") for number in range(BULK_THREADS)]

    def start(self) -> None:
        """Begin to work."""
        for thread in self.threads:
            thread.start()
        log.info("engine.started", channels=sorted(self.channels))

    def stop(self) -> None:
        """Finish the messages in hand, give the rest back, and end."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        log.info("engine.stopped")

    def wait_for_signal(self) -> None:
        """Return when SIGTERM or SIGINT asks for the end, however often.

        The handler only notes that it was asked: setting an Event inside one deadlocks when a second signal comes
        while the first is being noted, and a service manager sends one to every process at once.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)
        while not self.is_asked:
            time.sleep(IDLE_SECONDS)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.is_asked = True

    def _sender(self, kind: str, lanes: tuple[Lane, ...], name: str) -> threading.Thread:
        return threading.Thread(target=self._send, args=(kind, lanes), name=f"{kind}-{name}")

    def _expand(self) -> None:
        self._loop(lambda: expand_next(utcnow()) or close_next(utcnow()))

    def _send(self, kind: str, lanes: tuple[Lane, ...]) -> None:
        dispatcher = Dispatcher(
            self.channels,
            self.settings.lease,
            self.settings.retry,
            self.settings.window,
            is_stopping=self.stopping.is_set,
        )
        self.dispatchers.append(dispatcher)
        self._loop(lambda: bool(dispatcher.deliver_due(kind, lanes)))

    def _renew(self) -> None:
        """Show that the workers are alive: a relay may take longer to answer than a lease lasts."""
        while not self.stopping.wait(self.settings.lease_seconds / 3):
            with self.app.app_context():
                try:
                    for dispatcher in self.dispatchers:
                        dispatcher.renew()
                except Exception:  # a busy database now; the next round comes before the lease ends
                    log.exception("engine.renew_failed")
                finally:
                    db.session.remove()

    def _loop(self, step: Callable[[], bool]) -> None:
        """Do the step as long as it finds work; pause when there is none or when it fails."""
        while not self.stopping.is_set():
            has_worked = False
            with self.app.app_context():
                try:
                    has_worked = step()
                except Exception:  # what failed is still in the ledger and will be taken up again
                    log.exception("engine.step_failed")
                finally:
                    db.session.remove()
            if not has_worked:
                self.stopping.wait(IDLE_SECONDS)
