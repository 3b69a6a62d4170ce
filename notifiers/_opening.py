"""A connection on its way: opened in a thread of its own, because names, TLS and passwords take their time."""

import threading
from collections.abc import Callable

from ._contract import DeliveryError
from ._smtp import Session, open_session
from ._station import Station


class Opening:
    """Calls `ready` from its thread when it is through. Its owner may leave before that."""

    def __init__(self, station: Station, ready: Callable[["Opening"], None]) -> None:
        self.station = station
        self.session: Session | None = None
        self.error: DeliveryError | None = None
        self._ready: Callable[[Opening], None] | None = ready
        self._is_given_up = False
        self._lock = threading.Lock()

    def begin(self) -> None:
        # No pool of the standard library: at exit it would wait for threads that wait for a silent relay.
        threading.Thread(target=self._run, daemon=True, name="smtp-open").start()

    def leave(self) -> None:
        """The owner goes: what comes of it is kept for the next."""
        with self._lock:
            self._ready = None

    def give_up(self) -> None:
        """It has taken too long: nothing shall come of it."""
        with self._lock:
            self._ready, self._is_given_up = None, True

    def _run(self) -> None:
        try:
            self.session = open_session(self.station.relay)
        except DeliveryError as error:
            self.error = error
        except Exception as error:
            self.error = DeliveryError(
                f"Connecting to {self.station.relay.name} stopped on a fault of ours ({type(error).__name__}).",
                code="fault",
                is_channel_wide=True,
            )
            self.error.__cause__ = error
        with self._lock:
            if self._ready is not None:
                self._ready(self)
            elif self._is_given_up:
                if self.session is not None:
                    self.session.sock.close()
            elif self.session is not None:
                self.station.give_idle(self.station.opened(self.session))
            else:
                self.station.not_opened()
