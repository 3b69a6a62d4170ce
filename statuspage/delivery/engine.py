"""The engine: one process beside the web workers that expands, sends and keeps the clock."""

import signal
import threading
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from types import FrameType

import structlog
from flask import Flask

from notifiers import Channel

from .. import queueing
from ..clock import utcnow
from ..db import db
from ..queueing import Listener
from ..settings import Settings
from ..vocabulary import Lane
from .closing import close_next
from .dispatcher import Dispatcher
from .due import due
from .expansion import expand_next
from .feed import ALL_LANES
from .pulse import NOTE_EVERY, Beat, Pulse

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.1
# Senders are called when something is due; by themselves they look now and then only, for what no call has told them.
CALLED_SECONDS = 5.0
# How long an answer is waited for by a process that is asked to end. What is then still out may have left.
FAREWELL_SECONDS = 4.0


class Engine:
    """Threads for every channel: one for the fast lane alone, one for whatever is due.

    One more thread looks for what is due and calls them; on PostgreSQL with the extra `[workers]` a queue does so for
    all but the fast lane. Several engines may share the work: some that lay out announcements (`expands`) and others
    that send.
    """

    def __init__(
        self,
        app: Flask,
        settings: Settings,
        channels: Mapping[str, Channel],
        *,
        expands: bool = True,
        sends: bool = True,
    ) -> None:
        self.app, self.settings, self.channels = app, settings, channels if sends else {}
        # Nothing more is begun; no answer is waited for any longer; nothing is held any more.
        self.stopping, self.out_of_time, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.is_asked = False
        self.dispatchers: list[Dispatcher] = []
        self.pulse = Pulse()
        self.threads = [threading.Thread(target=self._note_pulse, name="pulse")]
        self.keeper = threading.Thread(target=self._renew, name="renew")
        # By channel and lane, what calls the thread that is to send it.
        self.calls: dict[tuple[str, Lane], threading.Event] = {}
        if expands:
            self._add("expand", self._lay_out, IDLE_SECONDS, self.pulse.part("expand", utcnow()))
        bulk = {kind: self._sender(kind, ALL_LANES, "bulk") for kind in self.channels}
        self.listener = self._listener(bulk) if sends else None
        for kind, send in bulk.items():
            self._add_sender(f"{kind}-fast", self._sender(kind, (Lane.FAST,), "fast"), [(kind, Lane.FAST)])
            self._add_sender(f"{kind}-bulk", send, [] if self.listener else [(kind, Lane.BULK), (kind, Lane.RETRY)])
        if self.calls:
            self._add("look", self._call, IDLE_SECONDS)

    def start(self) -> None:
        """Begin to work."""
        for thread in (*self.threads, self.keeper):
            thread.start()
        if self.listener:
            self.listener.start()
        log.info("engine.started", channels=sorted(self.channels), has_queue=self.listener is not None)

    def begin_to_stop(self) -> None:
        """Take up nothing more; what is in hand has a few seconds to be answered for."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        for call in self.calls.values():
            call.set()
        timer = threading.Timer(FAREWELL_SECONDS, self.out_of_time.set)
        timer.daemon = True
        timer.start()

    def stop(self) -> None:
        """Finish the messages in hand, give the rest back, and end."""
        self.begin_to_stop()
        if self.listener:
            self.listener.stop()
        for thread in self.threads:
            thread.join()
        self.ended.set()
        self.keeper.join()
        for channel in self.channels.values():
            if close := getattr(channel, "close", None):
                close()
        log.info("engine.stopped")

    def hear_signals(self) -> None:
        """From now on SIGTERM and SIGINT, however often, ask for the end.

        The handler only notes that it was asked: setting an Event inside one deadlocks when a second signal comes
        while the first is being noted, and a service manager sends one to every process at once.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def wait_for_signal(self) -> None:
        """Return when the end was asked for."""
        while not self.is_asked:
            time.sleep(IDLE_SECONDS)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.is_asked = True

    def _add(self, name: str, step: Callable[[], bool], pause: float, beat: Beat | None = None) -> None:
        self.threads.append(threading.Thread(target=self._loop, args=(step, pause, self.stopping, beat), name=name))

    def _add_sender(self, name: str, send: Callable[[], bool], duties: Collection[tuple[str, Lane]]) -> None:
        call = threading.Event()
        self.calls |= dict.fromkeys(duties, call)
        wake = call if duties else self.stopping
        self.threads.append(threading.Thread(target=self._loop, args=(send, CALLED_SECONDS, wake), name=name))

    def _call(self) -> bool:
        """Wake whoever has something to do."""
        for duty in due(self.channels, utcnow()) & self.calls.keys():
            self.calls[duty].set()
        return False

    def _listener(self, senders: Mapping[str, Callable[[], bool]]) -> Listener | None:
        """Who tells the senders of work; None where they must look by themselves."""
        with self.app.app_context():
            if not queueing.is_on():
                return None
            url = db.engine.url
        deliver = {kind: partial(self._work_off, send) for kind, send in senders.items()}
        return Listener(url, partial(self._work_off, self._lay_out), deliver)

    def _lay_out(self) -> bool:
        """Lay out what was said, and call those who are to send it."""
        if expand_next(utcnow()):
            return not self._call()
        return close_next(utcnow())

    def _sender(self, kind: str, lanes: tuple[Lane, ...], name: str) -> Callable[[], bool]:
        """A step of sending, done by one thread at a time whoever asks for it. True when something was sent."""
        dispatcher = Dispatcher(
            self.channels,
            self.settings.lease,
            self.settings.retry,
            self.settings.window,
            is_stopping=self.stopping.is_set,
            is_out_of_time=self.out_of_time.is_set,
            beat=self.pulse.part(f"{kind}-{name}", utcnow(), kind),
        )
        self.dispatchers.append(dispatcher)
        turn = threading.Lock()

        def send() -> bool:
            with turn:
                has_sent = bool(dispatcher.deliver_due(kind, lanes))
            if dispatcher.beat is not None:
                dispatcher.beat.at = utcnow()
            return has_sent

        return send

    def _note_pulse(self) -> None:
        """Show that the workers work, which is more than that they are alive."""
        while not self.stopping.wait(NOTE_EVERY.total_seconds()):
            with self.app.app_context():
                try:
                    self.pulse.note(utcnow(), self.channels)
                except Exception:  # a busy database now; the next round comes soon
                    log.exception("engine.pulse_failed")
                finally:
                    db.session.remove()

    def _renew(self) -> None:
        """Show that the workers are alive: a relay may take longer to answer than a lease lasts."""
        while not self.ended.wait(self.settings.lease_seconds / 3):
            with self.app.app_context():
                try:
                    for dispatcher in self.dispatchers:
                        dispatcher.renew()
                except Exception:  # a busy database now; the next round comes before the lease ends
                    log.exception("engine.renew_failed")
                finally:
                    db.session.remove()

    def _loop(self, step: Callable[[], bool], pause: float, wake: threading.Event, beat: Beat | None = None) -> None:
        """Work off what there is, and look again after a pause or when woken."""
        while not self.stopping.is_set():
            self._work_off(step)
            if beat is not None:
                beat.at = utcnow()
            if wake.wait(pause) and not self.stopping.is_set():
                wake.clear()

    def _work_off(self, step: Callable[[], bool]) -> None:
        """Do the step until it finds no more work, or fails."""
        has_worked = True
        while has_worked and not self.stopping.is_set():
            has_worked = False
            with self.app.app_context():
                try:
                    has_worked = step()
                except Exception:  # what failed is still in the ledger and will be taken up again
                    log.exception("engine.step_failed")
                finally:
                    db.session.remove()
