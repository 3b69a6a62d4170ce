"""What all threads share about one relay: its breaker, how many connections it bears, and those that stand idle."""

import random
import threading
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ._breaker import Admission, Breaker
from ._contract import DeliveryError, Health
from ._line import Line
from ._relay import Relay
from ._smtp import Session

IDLE_SECONDS = 30.0
# After a 421 half the connections stay; each so many seconds one more may come back.
EASE_SECONDS = 10.0
# How many may be opened at once: one until the relay has answered, so that a silent one holds up one letter only.
OPENINGS = 4


class Station:
    """One relay, used by several threads at once."""

    def __init__(
        self,
        relay: Relay,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.relay = relay
        self.clock = clock
        # What the breaker says, where it can be seen without asking.
        self.is_well = True
        self._jitter = jitter
        self._lock = threading.Lock()
        self._breaker = Breaker()
        self._breaks = 0
        self._open = self._opening = 0
        self._has_answered = False
        self._eased_to, self._eased_at = relay.connections, float("-inf")
        self._idle: list[Line] = []
        # Nobody sends since `close`: what comes through later is left.
        self._is_left = False
        self._reaper: threading.Thread | None = None
        weakref.finalize(self, _leave_all, self._idle)

    # Whether to send

    def admit(self) -> Admission:
        """Whether a letter may go to this relay now."""
        with self._lock:
            return self._breaker.admit(self.clock())

    def trip(self, error: DeliveryError) -> None:
        """The relay is in trouble; leave it in peace for a while."""
        with self._lock:
            self._has_answered = False
            self._breaks = 0
            self._breaker.trip(error, self.clock(), self._jitter())
            self.is_well = False

    def note_success(self) -> None:
        """A letter was answered in earnest."""
        self._breaks = 0
        if not self.is_well:
            with self._lock:
                self._breaker.mend()
                self.is_well = self._breaker.state == "closed"

    def note_break(self) -> bool:
        """A connection broke off; whether that is once too often in a row."""
        with self._lock:
            self._breaks += 1
            return self._breaks >= self.relay.breaks_allowed

    def release(self) -> None:
        """The one letter that was to try this relay did not get to it."""
        with self._lock:
            self._breaker.release(self.clock())

    def standing(self) -> DeliveryError:
        """Why nothing goes to this relay now."""
        with self._lock:
            return self._breaker.standing(self.clock())

    def health(self) -> Health:
        with self._lock:
            breaker, now = self._breaker, self.clock()
            if breaker.state == "closed":
                return Health(self.relay.name, "closed")
            until = datetime.now(UTC) + timedelta(seconds=breaker.until - now) if breaker.state == "open" else None
            return Health(self.relay.name, breaker.state, str(breaker.error or ""), until)

    # Connections

    @property
    def limit(self) -> int:
        """How many connections this relay bears now."""
        back = int((self.clock() - self._eased_at) / EASE_SECONDS) if self._eased_to < self.relay.connections else 0
        return min(self.relay.connections, self._eased_to + back)

    @property
    def is_out(self) -> bool:
        """Whether nothing at all goes to this relay now."""
        return self._breaker.state == "open" and self.clock() < self._breaker.until

    @property
    def is_overfull(self) -> bool:
        """Whether it has more connections than it bears since it asked for fewer."""
        return self._eased_to < self.relay.connections and self._open > self.limit

    def ease(self) -> None:
        """The relay says that it is too much: half as many connections, for a while."""
        with self._lock:
            self._eased_to = max(1, min(self.limit, self._open or 1) // 2)
            self._eased_at = self.clock()

    def could_open(self, own: int) -> bool:
        """Whether the relay bears one more connection. Who has none of their own always gets one."""
        is_crowded = self._opening >= (OPENINGS if self._has_answered else 1)
        return not is_crowded and (not own or self._open + self._opening < self.limit)

    def may_open(self, own: int) -> bool:
        """Count one more connection in, if the relay bears it."""
        with self._lock:
            may = self.could_open(own)
            self._opening += may
            self._is_left &= not may
            return may

    def not_opened(self) -> bool:
        """The connection counted in did not come about; whether the relay is well otherwise."""
        with self._lock:
            self._opening -= 1
            return self._open > 0 and self._has_answered

    def opened(self, session: Session) -> Line:
        """A line on the connection counted in."""
        with self._lock:
            self._opening -= 1
            self._open += 1
            self._has_answered = True
        return Line(self.relay, session, self.clock, self.note_break)

    def gone(self) -> None:
        """A line was closed."""
        with self._lock:
            self._open -= 1

    def take_idle(self) -> Line | None:
        """An idle line that is still there."""
        while self._idle:
            with self._lock:
                line = self._idle.pop() if self._idle else None
            if line is None:
                break
            if self.clock() - line.idle_since < IDLE_SECONDS and line.is_fresh():
                return line
            self._leave(line)
        return None

    def give_idle(self, line: Line) -> None:
        """Keep a line for whoever comes next."""
        if self._is_left or line.is_closed or line.is_worn or line.letters or self.is_overfull:
            self._leave(line)
            return
        line.idle_since = self.clock()
        with self._lock:
            self._idle.append(line)
            if self._reaper is None:
                self._reaper = threading.Thread(target=_reap, args=(weakref.ref(self),), daemon=True, name="smtp-idle")
                self._reaper.start()

    def close(self) -> None:
        """Leave on all idle lines, and on those still being opened when they come through."""
        with self._lock:
            self._is_left = True
            lines, self._idle[:] = list(self._idle), []
        for line in lines:
            self._leave(line)

    def leave_old(self) -> bool:
        """Leave on the lines idle for too long; whether any are left."""
        now = self.clock()
        with self._lock:
            old = [line for line in self._idle if now - line.idle_since >= IDLE_SECONDS]
            self._idle[:] = [line for line in self._idle if line not in old]
            is_done = not self._idle
            if is_done:
                self._reaper = None
        for line in old:
            self._leave(line)
        return not is_done

    def _leave(self, line: Line) -> None:
        line.leave()
        self.gone()


def _reap(station: "weakref.ref[Station]") -> None:
    """Look after the idle lines while there are any; the station itself may go at any time."""
    has_more = True
    while has_more:
        time.sleep(IDLE_SECONDS / 10)
        found = station()
        has_more = found.leave_old() if found is not None else False
        del found


def _leave_all(lines: list[Line]) -> None:
    for line in lines:
        line.leave()
    lines.clear()
